// SPDX-License-Identifier: BSD-2-Clause

#include "use_writer.hpp"

#include "conf.hpp"

#include <utility>
#include <vector>

namespace psm::edge {

namespace {

constexpr RedisLimits limits{.max_reply = 4096};

// 8192 tokens in one pause; 650 KB.
constexpr std::size_t places = 8192;
constexpr std::size_t pairs_in_a_command = 256;

enum Tag : std::uint64_t { greeting, written };

} // namespace

UseWriter::UseWriter(const RedisConf& conf, ngx_msec_t pause, ngx_log_t* log)
    : conf_(conf), pause_(pause), log_(log),
      used_(places, static_cast<std::uint64_t>(ngx_random())),
      connection_(
          conf,
          guide_by(
              sentinels_, conf,
              {.context = this,
               .moved =
                   [](void* context) {
                       static_cast<UseWriter*>(context)->connection_.move();
                   }},
              log),
          {.context = this,
           .name = "redis of psm_token_last_used",
           .without = "",
           .limits = limits,
           .reply = on_reply,
           .greet =
               [](void* context, RedisSession& session) {
                   static_cast<UseWriter*>(context)->greeted_ = false;
                   return session.command({"PING"}, greeting);
               },
           .complete = [](void*, RedisSession&) { return true; },
           .judge =
               [](void* context) {
                   return RedisConnection::Verdict{
                       .greeted = static_cast<UseWriter*>(context)->greeted_};
               },
           .changed = [](void*) {},
           .count = [](void*, Loss) {}},
          log)
{
    timer_.handler = on_timer;
    timer_.data = this;
    timer_.log = log;
    timer_.cancelable = 1;
}

/// What a worker that leaves has noted goes out, if it can without waiting.
UseWriter::~UseWriter()
{
    if (timer_.timer_set) {
        ngx_del_timer(&timer_);
    }
    write();
    connection_.send_now();
}

void UseWriter::start()
{
    if (sentinels_) {
        sentinels_->start();
    }
    connection_.connect();
    schedule();
}

void UseWriter::schedule()
{
    const auto chance =
        static_cast<ngx_msec_t>(ngx_random()) % (pause_ / 3 + 1);

    ngx_add_timer(&timer_, pause_ - pause_ / 6 + chance / 2);
}

void UseWriter::on_timer(ngx_event_t* ev)
{
    auto* writer = static_cast<UseWriter*>(ev->data);

    writer->drop_silent();
    writer->write();
    writer->schedule();
}

/// What was not answered since the last time will not be, and would be old.
void UseWriter::drop_silent()
{
    RedisSession* session = connection_.session();

    if (session != nullptr && session->outstanding() > 0) {
        connection_.drop(Loss::timeout, "it does not answer");
    }
}

void UseWriter::write()
{
    RedisSession* session = connection_.session();

    if (!used_.empty() && session != nullptr) {
        guard(log_, 0, [&] { return send(*session), 0; });
        connection_.send_soon();
    }
    used_.clear();
}

void UseWriter::send(RedisSession& session)
{
    const std::string key = conf_.address.prefix + "u";
    std::vector<std::string> words{"HSET", key};

    const auto flush = [&] {
        const std::vector<std::string_view> views(words.begin(), words.end());
        if (words.size() > 2) {
            (void)session.command(views, written);
        }
        words.resize(2);
    };

    used_.for_each([&](std::string_view id, std::int64_t second) {
        words.emplace_back(id);
        words.push_back(std::to_string(second));
        if (words.size() >= 2 + 2 * pairs_in_a_command) {
            flush();
        }
    });
    flush();
}

/// One line when it begins to be refused, and one when that is over.
void UseWriter::on_reply(void* context, std::uint64_t tag,
                         const RedisReply& reply)
{
    auto* writer = static_cast<UseWriter*>(context);
    const bool refused = reply.type == RedisType::error;

    if (tag == greeting) {
        // A user that may only HSET is refused the PING, and is there.
        writer->greeted_ = !refused || reply.text.starts_with("NOPERM");
        return;
    }
    if (std::exchange(writer->complained_, refused) != refused) {
        const std::string text = refused ? quote_reply(reply.text) : "again";
        ngx_log_error(NGX_LOG_ERR, writer->log_, 0,
                      "psm token: the last use of tokens is%s written: %s",
                      refused ? " not" : "", text.c_str());
    }
}

} // namespace psm::edge
