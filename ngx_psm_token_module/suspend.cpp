// SPDX-License-Identifier: BSD-2-Clause

#include "suspend.hpp"

#include "worker.hpp"

#include <new>

namespace psm::edge {

namespace {

/// Enters the phases again. Nothing of the request may be touched after it:
/// it may be gone.
void resume(Request* request)
{
    ngx_http_request_t* r = request->r;
    ngx_connection_t* c = r->connection;

    request->stage = Stage::answered;
    ngx_http_set_log_request(c->log, r);

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    } else {
        r->read_event_handler = ngx_http_block_reading;
        ngx_http_core_run_phases(r);
    }
    ngx_http_run_posted_requests(c);
}

void take_identity(Request* request, const Answer& answer)
{
    std::string_view own;

    switch (answer.kind) {
    case Answer::Kind::found:
        if (copy(request->r->pool, answer.value, own)) {
            request->identity = Identity(own);
            request->standing = Standing::known;
            return;
        }
        break;
    case Answer::Kind::absent:
        request->standing = Standing::unknown;
        return;
    case Answer::Kind::invalid:
        request->standing = Standing::invalid;
        return;
    case Answer::Kind::waiting:
    case Answer::Kind::unavailable:
        break;
    }
    request->standing = Standing::unavailable;
}

Told told_by(const Answer& answer)
{
    switch (answer.kind) {
    case Answer::Kind::waiting:
        return Told::nothing;
    case Answer::Kind::absent:
        return Told::absent;
    case Answer::Kind::invalid:
        return Told::closed; // a broken record opens nothing
    case Answer::Kind::unavailable:
        return Told::unavailable;
    case Answer::Kind::found:
        break;
    }
    switch (static_cast<Privacy>(answer.value.front())) {
    case Privacy::open:
        return Told::open;
    case Privacy::authenticated:
        return Told::authenticated;
    case Privacy::closed:
        break;
    }
    return Told::closed;
}

Worker* worker_of(const Request* request)
{
    return Worker::get(main_conf(request->r));
}

/// What Redis did not say may be known from before.
Answer or_stale(const Request* request, Subject subject, std::string_view name,
                const Answer& answer)
{
    Worker* worker = worker_of(request);

    if (answer.kind != Answer::Kind::unavailable || !request->takes_stale ||
        worker == nullptr) {
        return answer;
    }
    return worker->lookups.find_stale(subject, name);
}

void take_token(Request* request, const Answer& said)
{
    const Answer answer =
        or_stale(request, Subject::token, request->digest.view(), said);

    if (answer.kind != said.kind) {
        request->cache = CacheStatus::stale;
    }
    take_identity(request, answer);
}

void take_privacy(Request* request, unsigned level, std::string_view channel,
                  const Answer& said)
{
    request->levels[level] =
        told_by(or_stale(request, Subject::channel, channel, said));
}

void on_answer(Waiter* waiter, const Answer& answer)
{
    auto* waiting = static_cast<Waiting*>(waiter->context);
    Request* request = waiting->request;
    const unsigned slot = waiter->slot;

    if (slot == 0) {
        take_token(request, answer);
    } else {
        take_privacy(request, slot - 1, waiting->channels[slot - 1], answer);
    }

    if (--waiting->outstanding == 0) {
        resume(request);
    }
}

bool make_waiting(Request* request)
{
    if (request->waiting != nullptr) {
        return true;
    }
    void* p = ngx_palloc(request->r->pool, sizeof(Waiting));
    if (p == nullptr) {
        return false;
    }
    request->waiting = new (p) Waiting{};
    request->waiting->request = request;
    return true;
}

/// Asks Redis and hooks the waiter of `slot` when the answer is to come.
Answer ask_redis(Request* request, Lookups& lookups, Subject subject,
                 std::string_view name, bool strict, unsigned slot)
{
    if (!make_waiting(request)) {
        return {};
    }

    Waiter& waiter = request->waiting->waiters[slot];
    waiter = {.answered = on_answer,
              .context = request->waiting,
              .slot = slot,
              .lookup = nullptr,
              .next = nullptr};

    const Answer answer = guard(request->r->connection->log, Answer{}, [&] {
        return lookups.ask(subject, name, strict, waiter);
    });
    if (answer.kind == Answer::Kind::waiting) {
        request->waiting->outstanding++;
    }
    return answer;
}

} // namespace

void ask_token(Request* request, bool strict)
{
    request->standing = Standing::unavailable;

    Worker* worker = worker_of(request);
    if (worker == nullptr) {
        return;
    }

    const bool bypass = strict || main_conf(request->r)->cache == 0;
    const std::string_view name = request->digest.view();
    Answer answer{.kind = Answer::Kind::waiting, .value = {}};

    if (!bypass) {
        answer = worker->lookups.find(Subject::token, name);
    }
    if (answer.kind == Answer::Kind::waiting) {
        request->cache = bypass ? CacheStatus::bypass : CacheStatus::miss;
        answer = ask_redis(request, worker->lookups, Subject::token, name,
                           strict, 0);
    } else {
        request->cache = answer.kind == Answer::Kind::found
                             ? CacheStatus::hit
                             : CacheStatus::negative;
    }
    take_token(request, answer);
}

void ask_privacy(Request* request, std::string_view channel, bool strict)
{
    Worker* worker = worker_of(request);

    request->level_count = 0;
    for (; !channel.empty(); channel = parent_channel(channel)) {
        const unsigned i = request->level_count++;
        Answer answer{.kind = Answer::Kind::waiting, .value = {}};

        if (worker == nullptr) {
            answer.kind = Answer::Kind::unavailable;
        } else if (!strict) {
            answer = worker->lookups.find(Subject::channel, channel);
        }

        const bool known = answer.kind == Answer::Kind::found;
        if (answer.kind == Answer::Kind::waiting) {
            answer = ask_redis(request, worker->lookups, Subject::channel,
                               channel, strict, 1 + i);
            if (answer.kind == Answer::Kind::waiting) {
                request->waiting->channels[i] = channel;
            }
        }

        take_privacy(request, i, channel, answer);
        if (known) {
            break; // the parents have no say
        }
    }
}

bool must_wait(Request* request)
{
    if (request->waiting == nullptr || request->waiting->outstanding == 0) {
        return false;
    }

    ngx_http_request_t* r = request->r;

    // So that a client that goes away is noticed while we wait; a post_action
    // is done without it.
    if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        forget_lookups(request);
        return false;
    }
    request->stage = Stage::waiting;
    r->read_event_handler =
        r->post_action ? ngx_http_block_reading : ngx_http_test_reading;
    return true;
}

ChannelPrivacy privacy_of(const Request* request, Privacy otherwise) noexcept
{
    for (unsigned i = 0; i < request->level_count; i++) {
        switch (request->levels[i]) {
        case Told::absent:
            continue;
        case Told::open:
            return ChannelPrivacy::open;
        case Told::authenticated:
            return ChannelPrivacy::authenticated;
        case Told::closed:
            return ChannelPrivacy::closed;
        case Told::nothing:
        case Told::unavailable:
            return ChannelPrivacy::unavailable;
        }
    }
    return static_cast<ChannelPrivacy>(otherwise);
}

void forget_lookups(Request* request) noexcept
{
    if (request->waiting == nullptr) {
        return;
    }
    for (Waiter& waiter : request->waiting->waiters) {
        Lookups::forget(waiter);
    }
    request->waiting->outstanding = 0;
}

} // namespace psm::edge
