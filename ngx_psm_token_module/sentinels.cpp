// SPDX-License-Identifier: BSD-2-Clause

#include "sentinels.hpp"

#include "conf.hpp"

#include "../lib/redis_word.hpp"

#include <algorithm>
#include <utility>

namespace psm::edge {

namespace {

// Sentinels tell one another every two seconds.
constexpr ngx_msec_t time_to_learn = 5000;

bool is_place(std::string_view host, std::string_view port)
{
    unsigned number = 0;
    return !host.empty() && host.size() <= max_host_length &&
           has_only(host, ".-_:%") && parse_number(port, 1U, 65535U, number);
}

} // namespace

Sentinels::Sentinels(const RedisConf& conf, const Owner& owner, ngx_log_t* log)
    : owner_(owner), log_(log), said_(conf.sentinels.size())
{
    for (const RedisConf* sentinel : conf.sentinels) {
        const auto number = static_cast<unsigned>(sentinels_.size());
        sentinels_.push_back(std::make_unique<Sentinel>(
            *sentinel, conf.address.master_name, number,
            Sentinel::Owner{.context = this, .named = named}, log));
    }
}

RedisGuide guide_by(std::optional<Sentinels>& sentinels, const RedisConf& conf,
                    const Sentinels::Owner& owner, ngx_log_t* log)
{
    return conf.sentinels.empty() ? RedisGuide{}
                                  : sentinels.emplace(conf, owner, log).guide();
}

void Sentinels::start()
{
    for (const auto& sentinel : sentinels_) {
        sentinel->start();
    }
}

bool Sentinels::tell(void* context, std::string& host, in_port_t& port)
{
    const std::string& master = static_cast<Sentinels*>(context)->master_;
    const std::size_t space = master.find(' ');

    if (space == std::string::npos) {
        return false;
    }
    host = master.substr(0, space);
    return parse_number(std::string_view(master).substr(space + 1),
                        in_port_t{1}, in_port_t{65535}, port);
}

std::size_t Sentinels::votes(const std::string& place) const
{
    return static_cast<std::size_t>(std::ranges::count(said_, place));
}

void Sentinels::named(void* context, unsigned number, std::string_view host,
                      std::string_view port)
{
    auto* self = static_cast<Sentinels*>(context);
    if (!is_place(host, port)) {
        return; // half a message is no news
    }
    std::string place(host);
    place.append(" ").append(port);

    const std::string before = std::exchange(self->said_[number], place);
    const bool news = !before.empty() && before != place;
    if (place != self->master_ && (news || self->outvotes(before, place))) {
        self->choose(place);
    }
}

/// Those who name the master that counts may be fewer and right: the others
/// learn of a change later. So what was said `before` counts only once they had
/// the time. Where none is named yet, those who have said nothing may know
/// better than one who was cut off, but only until that one is asked again:
/// they may be down.
bool Sentinels::outvotes(const std::string& before,
                         const std::string& place) const
{
    const bool again = before == place;

    if (master_.empty()) {
        return again || votes(place) > votes(master_);
    }
    return (!again || ngx_current_msec - chosen_ >= time_to_learn) &&
           votes(place) > votes(master_);
}

void Sentinels::choose(const std::string& place)
{
    const ngx_uint_t level = master_.empty() ? NGX_LOG_INFO : NGX_LOG_NOTICE;

    master_ = place;
    chosen_ = ngx_current_msec;
    ngx_log_error(level, log_, 0,
                  "psm token: the sentinels name \"%s\" the master",
                  place.c_str());
    owner_.moved(owner_.context);
}

} // namespace psm::edge
