// SPDX-License-Identifier: BSD-2-Clause
//
//     command() -> format -> output_ ........ sent()
//                    tags_ (FIFO) .
//     feed() -> RedisReader -> take() -> handler(tag)
//
// The invariant: the replies still to come are those to the greeting steps
// not yet answered, then one for each tag, in order. fail() ends it.

#include "redis_session.hpp"

#include "redis_output.hpp"
#include "text.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <optional>
#include <utility>
#include <vector>

namespace psm {

namespace {

// Feeding in slices bounds what is buffered beyond one reply.
constexpr std::size_t slice_size = std::size_t{16} * 1024;

// Arrives unasked, perhaps where the answer to the greeting is due.
constexpr std::string_view too_many_clients = "ERR max number of clients";

/// A command of the greeting.
enum class Step : std::uint8_t { auth, select, name };

/// The upper-case word that opens an error reply: "WRONGPASS".
std::string_view error_code(std::string_view text)
{
    const std::string_view code = text.substr(0, text.find(' '));
    const bool is_code = !code.empty() && code.size() <= 32 &&
                         std::all_of(code.begin(), code.end(), [](char c) {
                             return c >= 'A' && c <= 'Z';
                         });
    return is_code ? code : std::string_view("no code");
}

/// Our own words for an error reply to AUTH. Its text is not repeated: a
/// server that does not know the command quotes the arguments, and one of
/// them is the password.
std::string describe_auth_error(std::string_view text)
{
    if (text.starts_with(too_many_clients)) {
        return "Redis refused AUTH: " + std::string(too_many_clients);
    }
    const std::string_view code = error_code(text);
    std::string reason = "Redis refused AUTH: " + std::string(code);
    if (code == "WRONGPASS") {
        reason += " (wrong user or password, or the user is off)";
    } else if (code == "ERR") {
        reason += " (it asks for no password, or does not know users)";
    }
    return reason;
}

/// A FIFO that keeps its memory.
class TagQueue {
public:
    /// Makes push() unable to fail.
    void make_room()
    {
        if (count_ < ring_.size()) {
            return;
        }
        std::vector<std::uint64_t> ring(
            std::max<std::size_t>(ring_.size() * 2, 16));
        for (std::size_t i = 0; i < count_; i++) {
            ring[i] = ring_[(first_ + i) % ring_.size()];
        }
        ring_.swap(ring);
        first_ = 0;
    }

    void push(std::uint64_t tag) noexcept
    {
        assert(count_ < ring_.size());
        ring_[(first_ + count_) % ring_.size()] = tag;
        count_++;
    }

    std::uint64_t pop() noexcept
    {
        assert(count_ > 0);
        const std::uint64_t tag = ring_[first_];
        first_ = (first_ + 1) % ring_.size();
        count_--;
        return tag;
    }

    [[nodiscard]] std::size_t size() const noexcept { return count_; }

private:
    std::vector<std::uint64_t> ring_;
    std::size_t first_ = 0;
    std::size_t count_ = 0;
};

} // namespace

bool is_transient(std::string_view error)
{
    constexpr std::array<std::string_view, 7> codes{
        "LOADING",  "BUSY",       "MASTERDOWN", "CLUSTERDOWN",
        "TRYAGAIN", "NOREPLICAS", "OOM"};
    return std::find(codes.begin(), codes.end(), error_code(error)) !=
               codes.end() ||
           error.starts_with(too_many_clients);
}

struct RedisSession::State {
    State(const RedisLimits& l, Handler h, void* c)
        : limits(l), handler(h), context(c), reader(l.max_reply, l.max_elements)
    {
        if (l.null_arrays) {
            reader.take_null_arrays();
        }
    }

    RedisLimits limits;
    Handler handler;
    void* context;
    RedisReader reader;
    RedisOutput output;
    TagQueue tags;
    std::array<Step, 3> steps{};
    std::size_t step_count = 0;
    std::size_t steps_done = 0;
    bool started = false;
    std::optional<std::uint64_t> unasked; // the tag of what nobody asked for
};

RedisSession::RedisSession(const RedisLimits& limits, Handler handler,
                           void* context)
    : state_(std::make_unique<State>(limits, handler, context))
{
}

RedisSession::~RedisSession() = default;

void RedisSession::start(const RedisCredentials& credentials)
{
    assert(!state_->started);
    // Nothing below can fail for want of memory.
    state_->output.make_room(4096 + credentials.user.size() +
                             credentials.password.size() +
                             credentials.client_name.size());
    state_->started = true;

    const auto greet = [this](Step step,
                              std::span<const std::string_view> words) {
        state_->output.append(words);
        state_->steps[state_->step_count++] = step;
    };

    if (!credentials.user.empty()) {
        greet(Step::auth, std::array<std::string_view, 3>{
                              "AUTH", credentials.user, credentials.password});
    } else if (!credentials.password.empty()) {
        greet(Step::auth,
              std::array<std::string_view, 2>{"AUTH", credentials.password});
    }
    if (credentials.database != 0) {
        const std::string database = std::to_string(credentials.database);
        greet(Step::select,
              std::array<std::string_view, 2>{"SELECT", database});
    }
    if (!credentials.client_name.empty()) {
        greet(Step::name, std::array<std::string_view, 3>{
                              "CLIENT", "SETNAME", credentials.client_name});
    }
    state_->output.seal();
}

bool RedisSession::ready() const noexcept
{
    return state_->started && !broken() &&
           state_->steps_done == state_->step_count;
}

bool RedisSession::command(std::span<const std::string_view> words,
                           std::uint64_t tag)
{
    if (!state_->started || broken() || words.empty() ||
        state_->tags.size() >= state_->limits.max_outstanding) {
        return false;
    }
    state_->tags.make_room();
    if (!enqueue(words)) {
        return false;
    }
    state_->tags.push(tag);
    return true;
}

void RedisSession::listen(std::uint64_t tag) noexcept
{
    state_->unasked = tag;
}

bool RedisSession::post(std::initializer_list<std::string_view> words)
{
    return state_->started && !broken() &&
           enqueue(std::span(words.begin(), words.size()));
}

std::string_view RedisSession::output() const noexcept
{
    return state_->output.view();
}

void RedisSession::sent(std::size_t count) noexcept
{
    state_->output.sent(count);
}

bool RedisSession::feed(std::string_view bytes)
{
    while (!broken() && !bytes.empty()) {
        state_->reader.feed(bytes.substr(0, slice_size));
        bytes.remove_prefix(std::min(bytes.size(), slice_size));
        drain();
    }
    return !broken();
}

std::size_t RedisSession::outstanding() const noexcept
{
    return state_->tags.size();
}

void RedisSession::fail(std::string reason)
{
    if (error_.empty()) {
        error_ = std::move(reason);
    }
}

/// Appends a command to the output, within its limit.
bool RedisSession::enqueue(std::span<const std::string_view> words)
{
    const std::size_t size = formatted_size(words);
    const std::size_t waiting = output().size();
    const std::size_t limit = state_->limits.max_output;
    if (waiting > limit || size > limit - waiting) {
        return false;
    }
    state_->output.append(words);
    return true;
}

void RedisSession::drain()
{
    while (!broken()) {
        const RedisReply* const reply = state_->reader.next();
        if (reply == nullptr) {
            break;
        }
        take(*reply);
    }
    if (!state_->reader.error().empty()) {
        fail("Redis sent what cannot be read: " + state_->reader.error());
    }
}

void RedisSession::take(const RedisReply& reply)
{
    if (state_->steps_done < state_->step_count) {
        take_greeting(reply);
    } else if (state_->tags.size() > 0) {
        const std::uint64_t tag = state_->tags.pop();
        state_->handler(state_->context, tag, reply);
    } else if (state_->unasked) {
        state_->handler(state_->context, *state_->unasked, reply);
    } else if (reply.type == RedisType::error) {
        fail("Redis sent an error: " + quote_reply(reply.text));
    } else {
        fail("Redis sent a reply that nobody asked for");
    }
}

void RedisSession::take_greeting(const RedisReply& reply)
{
    const Step step = state_->steps[state_->steps_done];
    const bool is_error = reply.type == RedisType::error;
    const bool is_ok = reply.type == RedisType::status && reply.text == "OK";
    if (is_ok || (is_error && step == Step::name)) {
        state_->steps_done++;
        return;
    }
    if (!is_error) {
        fail("Redis answered the greeting with something else than OK");
        return;
    }
    refused_ = !is_transient(reply.text);
    fail(step == Step::auth
             ? describe_auth_error(reply.text)
             : "Redis refused SELECT: " + quote_reply(reply.text));
}

} // namespace psm
