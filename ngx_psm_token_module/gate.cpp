// SPDX-License-Identifier: BSD-2-Clause
//
// One request, in order: identify (once), ask for the token's record and for
// the channel's privacy (from the cache, or suspended until Redis answers),
// decide. An internal redirect goes through it again with the identity it
// has. Nothing here returns NGX_DECLINED because something failed.

#include "gate.hpp"

#include "api.hpp"
#include "conf.hpp"
#include "headers.hpp"
#include "request.hpp"
#include "suspend.hpp"
#include "take.hpp"
#include "worker.hpp"

namespace psm::edge {

namespace {

Requirement requirement_of(ngx_http_request_t* r, const LocationConf* conf)
{
    ngx_str_t value;

    if (conf->require == nullptr || conf->require->lengths == nullptr) {
        return conf->fixed_requirement;
    }
    if (ngx_http_complex_value(r, conf->require, &value) != NGX_OK) {
        return {.kind = Requirement::Kind::unknown};
    }

    const Requirement requirement = parse_requirement(view(value));
    if (requirement.kind == Requirement::Kind::unknown) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "psm token: \"psm_token_require\" is \"%V\", which is "
                      "neither auto, a level nor a scope",
                      &value);
    }
    return requirement;
}

/// The value of psm_token_channel.
std::string_view named_channel(ngx_http_request_t* r, const LocationConf* conf)
{
    ngx_str_t value;

    return ngx_http_complex_value(r, conf->channel, &value) == NGX_OK
               ? view(value)
               : std::string_view{};
}

Target target_of(ngx_http_request_t* r, const LocationConf* conf)
{
    const auto bases = bases_of(server_conf(r));

    return conf->channel == nullptr
               ? find_target(view(r->uri), bases)
               : find_target_on(named_channel(r, conf), view(r->uri), bases);
}

/// nginx has read it already.
Method method_of(const ngx_http_request_t* r)
{
    switch (r->method) {
    case NGX_HTTP_GET:
        return Method::get;
    case NGX_HTTP_HEAD:
        return Method::head;
    case NGX_HTTP_POST:
        return Method::post;
    case NGX_HTTP_PUT:
        return Method::put;
    case NGX_HTTP_PATCH:
        return Method::patch;
    case NGX_HTTP_DELETE:
        return Method::remove;
    default:
        return Method::other;
    }
}

Question question_of(ngx_http_request_t* r, const LocationConf* conf)
{
    Question question;

    question.method = method_of(r);
    question.target = target_of(r, conf);
    question.requirement = requirement_of(r, conf);
    question.scope_levels = conf->scope_levels != 0;
    return question;
}

void log_decision(ngx_http_request_t* r, const Request* request,
                  const LocationConf* conf)
{
    const Decision& decision = request->decision;
    const ReasonInfo& reason = info(decision.reason);

    if (decision.allow()) {
        return;
    }

    const ngx_str_t code = to_ngx(reason.code);
    const ngx_str_t id = to_ngx(
        request->standing == Standing::known ? request->identity.id() : "-");
    const ngx_str_t channel =
        to_ngx(request->channel.empty() ? "-" : request->channel);

    const bool dry_run = conf->dry_run != 0;
    const ngx_uint_t level = dry_run ? NGX_LOG_WARN : NGX_LOG_INFO;
    ngx_log_error(level, r->connection->log, 0,
                  "psm token: %sdenied %ui %V, id %V, channel %V",
                  dry_run ? "dry run: " : "",
                  static_cast<ngx_uint_t>(reason.status), &code, &id, &channel);
}

/// Neither allocates nor locks.
void note_use(const Request* request)
{
    Worker* worker = Worker::get(main_conf(request->r));

    if (worker != nullptr && worker->uses && request->decision.allow() &&
        request->standing == Standing::known) {
        worker->uses->note(request->identity.id(), ngx_time());
    }
}

/// Neither allocates nor locks.
void count_decision(Request* request, const LocationConf* conf)
{
    Worker* worker = Worker::get(main_conf(request->r));
    const Reason reason = request->decision.reason;
    const bool dry_run = conf->dry_run != 0;

    if (worker == nullptr) {
        return;
    }
    if (!request->counted || request->counted_for != reason ||
        request->counted_dry_run != dry_run) {
        worker->counters.add(dry_run ? Counter::dry_run : Counter::decisions,
                             reason);
        request->counted = true;
        request->counted_dry_run = dry_run;
        request->counted_for = reason;
    }
    if (request->cache != request->counted_cache) {
        worker->counters.add(Counter::cache_requests, request->cache);
        request->counted_cache = request->cache;
    }
}

/// The views of the question may be the configuration's, the URI's or the
/// pool's: all of them outlive the request's variables but for the URI, whose
/// memory stays too.
void decide_request(Request* request, const LocationConf* conf,
                    const Question& question)
{
    ngx_http_request_t* r = request->r;
    const ChannelPrivacy privacy =
        privacy_of(request, static_cast<Privacy>(conf->privacy));

    request->channel = question.target.channel;
    request->decision =
        decide(question,
               {.standing = request->standing, .identity = request->identity},
               privacy, ngx_time());
    request->private_read =
        request->decision.allow() && privacy != ChannelPrivacy::open;
    request->decided = true;
    request->stage = Stage::idle;

    note_use(request);
    count_decision(request, conf);
    log_decision(r, request, conf);
}

/// A new round: what an earlier location decided no longer counts.
void forget_decision(Request* request)
{
    request->decided = false;
    request->denied_conf = nullptr;
    request->private_read = false;
    request->body = {};
    request->level_count = 0;
}

ngx_int_t start(Request* request, const LocationConf* conf,
                const Question& question)
{
    const bool strict = conf->strict != 0;
    // What a cache told an earlier location is no answer to a strict one.
    const bool look_up_token =
        !request->identified || request->standing == Standing::unavailable ||
        (strict && request->hashed && !request->asked_strictly);

    if (!request->identified) {
        const ngx_int_t rc =
            identify(request, carriers_of(server_conf(request->r)));
        if (rc == NGX_HTTP_BAD_REQUEST && conf->dry_run != 0) {
            request->standing = Standing::malformed;
        } else if (rc != NGX_OK) {
            return rc;
        }
    }
    if (conf->forward == 0 && !drop_token_headers(request)) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    request->takes_stale = !strict && (question.method == Method::get ||
                                       question.method == Method::head);
    if (look_up_token && request->hashed) {
        request->asked_strictly = strict;
        ask_token(request, strict);
    }
    // A claim that is refused whatever the channel says needs no look-up.
    const bool hopeless = request->standing == Standing::ambiguous ||
                          request->standing == Standing::masked ||
                          request->standing == Standing::malformed;
    if (!hopeless && is_public_read(question)) {
        ask_privacy(request, question.target.channel, strict);
    }
    return NGX_OK;
}

ngx_int_t meet_at_api(Request* request)
{
    const ngx_int_t rc = prepare_api(request);

    if (rc == NGX_DECLINED) {
        note_use(request);
    }
    return rc;
}

} // namespace

ngx_int_t preaccess_handler(ngx_http_request_t* r)
{
    const LocationConf* conf = location_conf(r);

    if (r != r->main) {
        return NGX_DECLINED;
    }

    Request* request = find_request(r);

    if (request == nullptr) {
        return conf->gate || conf->api != 0 ? NGX_HTTP_INTERNAL_SERVER_ERROR
                                            : NGX_DECLINED;
    }
    if (request->stage == Stage::waiting) {
        return NGX_AGAIN; // a write event, not an answer
    }
    if (request->stage == Stage::idle) {
        forget_decision(request);
    }
    hide_token_user(r);
    if (!conf->gate) {
        return conf->api != 0 ? meet_at_api(request) : NGX_DECLINED;
    }
    if (!canonicalize_uri(r)) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    const Question question = question_of(r, conf);

    if (request->stage == Stage::idle) {
        const ngx_int_t rc = start(request, conf, question);
        if (rc != NGX_OK) {
            return rc;
        }
        if (must_wait(request)) {
            return NGX_AGAIN;
        }
    }

    decide_request(request, conf, question);
    return NGX_DECLINED;
}

ngx_int_t access_handler(ngx_http_request_t* r)
{
    const LocationConf* conf = location_conf(r);

    if (!conf->gate) {
        return NGX_DECLINED;
    }

    Request* request = find_request(r);

    if (request == nullptr || !request->decided) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "psm token: no decision was made");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (conf->dry_run != 0) {
        return NGX_DECLINED; // as if the gate were not there
    }
    if (request->decision.allow()) {
        return NGX_OK;
    }

    // A page for the denial that is denied for the same reason: with
    // recursive_error_pages nginx would go round until it answers 500.
    if (request->denied && request->denied_for == request->decision.reason) {
        r->error_page = 1;
    }
    request->denied = true;
    request->denied_for = request->decision.reason;
    request->denied_conf = r->loc_conf;
    return info(request->decision.reason).status;
}

ngx_int_t precontent_handler(ngx_http_request_t* r)
{
    if (r != r->main) {
        return NGX_DECLINED;
    }

    // Under `satisfy any` another module let the request in: what follows is
    // content, whatever its status.
    Request* request = find_request(r);
    if (request != nullptr && request->denied_conf == r->loc_conf) {
        request->denied = false;
        request->denied_conf = nullptr;
    }
    return NGX_DECLINED;
}

} // namespace psm::edge
