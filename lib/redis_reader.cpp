// SPDX-License-Identifier: BSD-2-Clause
//
// hiredis calls the object functions depth first, so they append to one flat
// list and one run of text. The functions are called from C: nothing may be
// thrown through them.

#include "redis_reader.hpp"

#include <hiredis/read.h>

#include <algorithm>
#include <new>
#include <utility>
#include <vector>

namespace psm {

namespace {

// Type, length and line ends of a bulk string, more or less.
constexpr std::size_t frame_size = 64;

constexpr int max_depth = 4;
constexpr std::size_t max_quoted = 200;

constexpr const char* out_of_memory = "out of memory";

/// The type of an array's length: int in hiredis 0.14, size_t in 1.x.
template <class Function>
struct LengthOf;

template <class Task, class Length>
struct LengthOf<void* (*)(Task, Length)> {
    using Type = Length;
};

using ArrayLength =
    LengthOf<decltype(redisReplyObjectFunctions::createArray)>::Type;

/// hiredis takes any two bytes for the end of a bulk string. They follow the
/// text in its buffer.
bool is_ended(std::string_view text)
{
    return std::string_view(text.data() + text.size(), 2) == "\r\n";
}

/// Collects one reply from hiredis' calls. Memory is kept from one reply to
/// the next.
class ReplyBuilder {
public:
    ReplyBuilder(std::size_t max_text, std::size_t max_elements)
        : max_text_(max_text), max_elements_(max_elements)
    {
    }

    bool add_text(const redisReadTask* task, std::string_view text)
    {
        RedisReply item;
        switch (task->type) {
        case REDIS_REPLY_STRING:
            if (!is_ended(text)) {
                return refuse("a string that does not end where it should");
            }
            item.type = RedisType::string;
            break;
        case REDIS_REPLY_STATUS:
            item.type = RedisType::status;
            break;
        case REDIS_REPLY_ERROR:
            item.type = RedisType::error;
            break;
        default:
            return refuse("a type that RESP2 does not have");
        }
        if (text.size() > max_text_ - text_.size()) {
            return refuse("a reply above the size limit");
        }
        const std::size_t at = text_.size();
        text_.append(text);
        return add(task, item, at, text.size());
    }

    bool add_integer(const redisReadTask* task, long long value)
    {
        RedisReply item;
        item.type = RedisType::integer;
        item.integer = value;
        return add(task, item, 0, 0);
    }

    bool add_nil(const redisReadTask* task)
    {
        // Only a nil may be read as "there is none", and nothing that we ask
        // Redis has the null array for an answer; sentinels give it.
        if (task->type == REDIS_REPLY_ARRAY) {
            return null_arrays_ ? add(task, {}, 0, 0) : refuse("a null array");
        }
        // RESP3's null, which hiredis 1.x reads, has a type of its own.
        if (task->type != REDIS_REPLY_STRING) {
            return refuse("a type that RESP2 does not have");
        }
        return add(task, {}, 0, 0);
    }

    bool add_array(const redisReadTask* task, std::size_t length)
    {
        if (task->type != REDIS_REPLY_ARRAY) {
            return refuse("a type that RESP2 does not have");
        }
        int depth = 1;
        for (const auto* up = task->parent; up != nullptr; up = up->parent) {
            depth++;
        }
        if (depth > max_depth) {
            return refuse("a reply that is nested too deep");
        }
        if (length > max_elements_ - promised_) {
            return refuse("a reply with too many elements");
        }
        promised_ += length;
        RedisReply item;
        item.type = RedisType::array;
        item.integer = static_cast<std::int64_t>(length);
        return add(task, item, 0, 0);
    }

    void take_null_arrays() noexcept { null_arrays_ = true; }

    /// Always false, which hiredis takes for a failed allocation.
    bool refuse(const char* why) noexcept
    {
        refusal_ = why;
        return false;
    }

    /// Why a call was refused, or null.
    [[nodiscard]] const char* refusal() const noexcept { return refusal_; }

    /// The reply, once hiredis says that it is whole.
    [[nodiscard]] RedisReply reply()
    {
        // Views are made last: text_ may have moved while it grew.
        for (std::size_t i = 0; i < elements_.size(); i++) {
            elements_[i].text = view(places_[i]);
        }
        RedisReply whole = root_;
        whole.text = view(root_place_);
        whole.elements = elements_;
        return whole;
    }

    void clear() noexcept
    {
        text_.clear();
        elements_.clear();
        places_.clear();
        promised_ = 0;
    }

private:
    struct Place {
        std::size_t at = 0;
        std::size_t length = 0;
    };

    bool add(const redisReadTask* task, const RedisReply& item, std::size_t at,
             std::size_t length)
    {
        if (task->parent == nullptr) {
            root_ = item;
            root_place_ = {at, length};
        } else {
            elements_.push_back(item);
            places_.push_back({at, length});
        }
        return true;
    }

    [[nodiscard]] std::string_view view(Place place) const noexcept
    {
        return std::string_view(text_).substr(place.at, place.length);
    }

    RedisReply root_;
    Place root_place_;
    std::string text_;
    std::vector<RedisReply> elements_;
    std::vector<Place> places_; // of the text of each element
    std::size_t promised_ = 0;  // elements of the arrays begun
    std::size_t max_text_;
    std::size_t max_elements_;
    const char* refusal_ = nullptr;
    bool null_arrays_ = false;
};

/// Runs `add` on the builder behind a task; null stops hiredis.
template <class Add>
void* build(const redisReadTask* task, Add add) noexcept
{
    auto* const builder = static_cast<ReplyBuilder*>(task->privdata);
    try {
        return add(*builder) ? builder : nullptr;
    } catch (const std::bad_alloc&) {
        builder->refuse(out_of_memory);
        return nullptr;
    }
}

void* on_string(const redisReadTask* task, char* text, std::size_t length)
{
    return build(task, [=](ReplyBuilder& builder) {
        return builder.add_text(task, {text, length});
    });
}

void* on_array(const redisReadTask* task, ArrayLength length)
{
    return build(task, [=](ReplyBuilder& builder) {
        return builder.add_array(task, static_cast<std::size_t>(length));
    });
}

void* on_integer(const redisReadTask* task, long long value)
{
    return build(task, [=](ReplyBuilder& builder) {
        return builder.add_integer(task, value);
    });
}

void* on_nil(const redisReadTask* task)
{
    return build(task,
                 [=](ReplyBuilder& builder) { return builder.add_nil(task); });
}

/// RESP3's doubles and booleans, where hiredis knows them.
template <class... Arguments>
void* on_resp3(const redisReadTask* task, Arguments...)
{
    return build(task, [](ReplyBuilder& builder) {
        return builder.refuse("a type that RESP2 does not have");
    });
}

/// Without this, hiredis 1.x would let those types through by itself.
template <class Functions>
void refuse_resp3(Functions& functions)
{
    if constexpr (requires { functions.createDouble; }) {
        functions.createDouble = on_resp3;
    }
    if constexpr (requires { functions.createBool; }) {
        functions.createBool = on_resp3;
    }
}

redisReplyObjectFunctions make_functions()
{
    redisReplyObjectFunctions functions{};
    functions.createString = on_string;
    functions.createArray = on_array;
    functions.createInteger = on_integer;
    functions.createNil = on_nil;
    functions.freeObject = [](void*) {};
    refuse_resp3(functions);
    return functions;
}

} // namespace

struct RedisReader::Parser {
    Parser(std::size_t max_reply, std::size_t max_elements)
        : functions(make_functions()), builder(max_reply, max_elements),
          reader(redisReaderCreateWithFunctions(&functions))
    {
        if (reader == nullptr) {
            throw std::bad_alloc();
        }
        reader->privdata = &builder;
        reader->maxbuf = 0; // keep the buffer: its size is bounded here
    }

    ~Parser() { redisReaderFree(reader); }

    Parser(const Parser&) = delete;
    Parser& operator=(const Parser&) = delete;

    redisReplyObjectFunctions functions;
    ReplyBuilder builder;
    redisReader* reader;
};

RedisReader::RedisReader(std::size_t max_reply, std::size_t max_elements)
    : parser_(std::make_unique<Parser>(max_reply, max_elements)),
      max_pending_(max_reply + frame_size)
{
}

RedisReader::~RedisReader() = default;

void RedisReader::take_null_arrays() noexcept
{
    parser_->builder.take_null_arrays();
}

void RedisReader::feed(std::string_view bytes)
{
    if (error_.empty() && redisReaderFeed(parser_->reader, bytes.data(),
                                          bytes.size()) != REDIS_OK) {
        fail(out_of_memory);
    }
}

const RedisReply* RedisReader::next()
{
    if (!error_.empty()) {
        return nullptr;
    }
    redisReader* const reader = parser_->reader;
    if (reader->ridx < 0) {
        parser_->builder.clear();
    }
    void* whole = nullptr;
    if (redisReaderGetReply(reader, &whole) != REDIS_OK) {
        const char* const refusal = parser_->builder.refusal();
        fail(refusal != nullptr ? refusal : quote_reply(reader->errstr));
        return nullptr;
    }
    if (whole == nullptr) {
        // hiredis waits for the end of a string or line, however long.
        if (reader->len - reader->pos > max_pending_) {
            fail("a reply above the size limit");
        }
        return nullptr;
    }
    reply_ = parser_->builder.reply();
    return &reply_;
}

void RedisReader::fail(std::string reason)
{
    error_ = std::move(reason);
}

std::string quote_reply(std::string_view text)
{
    std::string clean(text.substr(0, max_quoted));
    std::replace_if(
        clean.begin(), clean.end(), [](char c) { return c < 0x20 || c > 0x7e; },
        '?');
    return clean;
}

} // namespace psm
