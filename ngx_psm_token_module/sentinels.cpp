// SPDX-License-Identifier: BSD-2-Clause

#include "sentinels.hpp"

#include "conf.hpp"

#include <algorithm>

namespace psm::edge {

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
    const ngx_str_t digits = to_ngx(std::string_view(master).substr(space + 1));
    const ngx_int_t number = ngx_atoi(digits.data, digits.len);
    if (number < 1 || number > 65535) {
        return false;
    }
    host = master.substr(0, space);
    port = static_cast<in_port_t>(number);
    return true;
}

std::size_t Sentinels::votes(const std::string& place) const
{
    return static_cast<std::size_t>(std::ranges::count(said_, place));
}

void Sentinels::named(void* context, unsigned number, std::string_view host,
                      std::string_view port)
{
    auto* self = static_cast<Sentinels*>(context);
    std::string place(host);
    place.append(" ").append(port);

    std::string& said = self->said_[number];
    const bool news = !said.empty() && said != place;
    const bool again = said == place;
    said = place;

    if (place != self->master_ &&
        (news || self->votes(place) > self->rivals(again))) {
        self->choose(place);
    }
}

/// What a place has to outdo: those who name the master that counts. Where none
/// does yet, those who have said nothing, because they may know better than one
/// who was cut off; but not for longer than until somebody is asked `again`:
/// they may be down.
std::size_t Sentinels::rivals(bool again) const
{
    return master_.empty() && again ? 0 : votes(master_);
}

void Sentinels::choose(const std::string& place)
{
    const ngx_uint_t level = master_.empty() ? NGX_LOG_INFO : NGX_LOG_NOTICE;

    master_ = place;
    ngx_log_error(level, log_, 0,
                  "psm token: the sentinels name \"%s\" the master",
                  place.c_str());
    owner_.moved(owner_.context);
}

} // namespace psm::edge
