// SPDX-License-Identifier: BSD-2-Clause

#include "sentinel.hpp"

#include "conf.hpp"

#include <array>
#include <utility>

namespace psm::edge {

namespace {

// An unknown name is answered by a null array.
constexpr RedisLimits limits{.max_reply = std::size_t{64} * 1024,
                             .null_arrays = true};
constexpr ngx_msec_t pause = 1000;
constexpr std::string_view channel = "+switch-master";

enum Tag : std::uint64_t { answer, message };

bool nothing_more(void* /*context*/, RedisSession& /*session*/)
{
    return true;
}

void no_matter(void* /*context*/) {}

void uncounted(void* /*context*/, Loss /*cause*/) {}

/// The words of "name old-ip old-port new-ip new-port".
std::array<std::string_view, 5> words_of(std::string_view text)
{
    std::array<std::string_view, 5> words;

    for (std::string_view& word : words) {
        const std::size_t end = text.find(' ');
        word = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size()
                                                         : end + 1);
    }
    return words;
}

} // namespace

Sentinel::Sentinel(const RedisConf& conf, std::string_view master,
                   unsigned number, const Owner& owner, ngx_log_t* log)
    : master_(master), number_(number), owner_(owner),
      name_("sentinel " + conf.address.host + ":" +
            std::to_string(conf.address.port)),
      questions_(conf, {},
                 {.context = this,
                  .name = name_,
                  .without = "",
                  .limits = limits,
                  .reply = on_reply,
                  .greet = greet_questions,
                  .complete = nothing_more,
                  .judge = judge_questions,
                  .changed = no_matter,
                  .count = uncounted},
                 log),
      news_(conf, {},
            {.context = this,
             .name = name_,
             .without = " for its news",
             .limits = limits,
             .reply = on_reply,
             .greet = greet_news,
             .complete = nothing_more,
             .judge = judge_news,
             .changed = no_matter,
             .count = uncounted},
            log)
{
    timer_.handler = on_timer;
    timer_.data = this;
    timer_.log = log;
    timer_.cancelable = 1;
}

Sentinel::~Sentinel()
{
    if (timer_.timer_set) {
        ngx_del_timer(&timer_);
    }
}

void Sentinel::start()
{
    questions_.connect();
    news_.connect();
    ngx_add_timer(&timer_, pause);
}

bool Sentinel::ask(RedisSession& session)
{
    overtaken_ = false;
    asked_ = session.command({"SENTINEL", "get-master-addr-by-name", master_},
                             answer);
    return asked_;
}

bool Sentinel::greet_questions(void* context, RedisSession& session)
{
    auto* self = static_cast<Sentinel*>(context);

    self->answered_ = false;
    self->question_doubt_.clear();
    return self->ask(session);
}

bool Sentinel::greet_news(void* context, RedisSession& session)
{
    auto* self = static_cast<Sentinel*>(context);

    self->listening_ = false;
    self->pinged_ = false;
    self->news_doubt_.clear();
    session.listen(message);
    return session.post({"SUBSCRIBE", channel});
}

void Sentinel::on_reply(void* context, std::uint64_t tag,
                        const RedisReply& reply)
{
    auto* self = static_cast<Sentinel*>(context);

    if (tag == answer) {
        self->take_answer(reply);
    } else {
        self->take_news(reply);
    }
}

/// Host and port; nil for a master that it does not know.
void Sentinel::take_answer(const RedisReply& reply)
{
    asked_ = false;
    answered_ = true;
    if (reply.type == RedisType::array && reply.elements.size() == 2 &&
        reply.elements[0].type == RedisType::string &&
        reply.elements[1].type == RedisType::string) {
        if (overtaken_) {
            return;
        }
        owner_.named(owner_.context, number_, reply.elements[0].text,
                     reply.elements[1].text);
        return;
    }
    question_doubt_ = reply.type == RedisType::error
                          ? "it answered " + quote_reply(reply.text)
                          : "it knows no master \"" + master_ + "\"";
}

void Sentinel::take_news(const RedisReply& reply)
{
    const auto said = [&](std::size_t i) {
        return i < reply.elements.size() &&
                       reply.elements[i].type == RedisType::string
                   ? reply.elements[i].text
                   : std::string_view();
    };

    if (said(0) == "subscribe" && said(1) == channel) {
        listening_ = true;
    } else if (said(0) == "pong") {
        pinged_ = false;
    } else if (said(0) == "message" && said(1) == channel) {
        const auto words = words_of(said(2));
        if (words[0] == master_) {
            overtaken_ = true;
            owner_.named(owner_.context, number_, words[3], words[4]);
        }
    } else {
        news_doubt_ = reply.type == RedisType::error
                          ? "it answered " + quote_reply(reply.text)
                          : "it sent what is not understood";
    }
}

RedisConnection::Verdict Sentinel::judge_questions(void* context)
{
    auto* self = static_cast<Sentinel*>(context);
    const std::string& doubt = self->question_doubt_;

    return {.doubt = doubt.empty() ? nullptr : doubt.c_str(),
            .cause = Loss::refused,
            .greeted = self->answered_,
            .refused = false,
            .useful = false};
}

RedisConnection::Verdict Sentinel::judge_news(void* context)
{
    auto* self = static_cast<Sentinel*>(context);
    const std::string& doubt = self->news_doubt_;

    return {.doubt = doubt.empty() ? nullptr : doubt.c_str(),
            .cause = Loss::refused,
            .greeted = self->listening_,
            .refused = false,
            .useful = false};
}

void Sentinel::on_timer(ngx_event_t* ev)
{
    auto* self = static_cast<Sentinel*>(ev->data);

    ngx_add_timer(ev, pause);
    self->poll();
}

/// What was not answered since the last time will not be.
void Sentinel::poll()
{
    if (RedisSession* session = questions_.session()) {
        if (asked_) {
            questions_.drop(Loss::timeout, "it does not answer");
        } else if (guard(timer_.log, false, [&] { return ask(*session); })) {
            questions_.send_soon();
        }
    }
    if (RedisSession* session = news_.session()) {
        if (std::exchange(pinged_, true)) {
            news_.drop(Loss::timeout, "it does not answer");
        } else if (guard(timer_.log, false,
                         [&] { return session->post({"PING"}); })) {
            news_.send_soon();
        }
    }
}

} // namespace psm::edge
