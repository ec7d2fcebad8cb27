// SPDX-License-Identifier: BSD-2-Clause
//
// A draft's members are rows of a table. A list that is wrong leaves an empty
// one behind, so that it is not called missing as well; a draft with problems
// is thrown away.

#include "body_reader.hpp"
#include "clock_text.hpp"
#include "quote.hpp"
#include "token_draft.hpp"
#include "token_limits.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace psm {

namespace {

constexpr std::string_view time_forms =
    "write \"2027-01-31\" (its 00:00 UTC), \"2027-01-31T10:00:00Z\", or null "
    "for never";

class DraftReader {
public:
    /// `part`: members that are not known are somebody else's.
    DraftReader(std::string_view json, DraftKind kind, bool part,
                TokenDraft& out)
        : body_(json, part ? max_line_size : max_body_size), kind_(kind),
          part_(part), out_(out)
    {
    }

    FieldProblems read(std::int64_t now)
    {
        body_.members([this](const std::string& name, const std::string& field,
                             JsonEvent value) {
            has_members_ = true;
            member(name, field, value);
        });
        if (!body_.is_refused("")) {
            settle_grants();
            for (FieldProblem& problem : check_draft(out_, kind_, now)) {
                if (!body_.is_refused(problem.field)) {
                    body_.refuse(std::move(problem.field),
                                 std::move(problem.why));
                }
            }
            settle_edit();
        }
        return body_.take_problems();
    }

private:
    using Take = void (DraftReader::*)(JsonEvent value,
                                       const std::string& field);

    struct Member {
        std::string_view name;
        Take take = nullptr;
        /// Why it has no place in one of the two kinds; "" where it has.
        std::string_view not_of_create;
        std::string_view not_of_edit;

        [[nodiscard]] std::string_view why_not(DraftKind kind) const
        {
            return kind == DraftKind::create ? not_of_create : not_of_edit;
        }
    };

    static const std::array<Member, 10> members;

    void member(const std::string& name, const std::string& field,
                JsonEvent value)
    {
        const auto* const found =
            std::ranges::find(members, name, &Member::name);
        if (found == members.end() && part_) {
            body_.skip(value, field);
        } else if (found == members.end()) {
            body_.refuse(field, "is not known here: there are " + known());
            body_.skip(value, field);
        } else if (const auto why = found->why_not(kind_); !why.empty()) {
            body_.refuse(field, std::string(why));
            body_.skip(value, field);
        } else {
            (this->*found->take)(value, field);
        }
    }

    [[nodiscard]] std::string known() const
    {
        std::string text;
        for (const Member& member : members) {
            if (member.why_not(kind_).empty()) {
                text += (text.empty() ? "" : ", ") + std::string(member.name);
            }
        }
        return text;
    }

    void name(JsonEvent value, const std::string& field)
    {
        out_.name = body_.text(value, field);
    }

    void owner(JsonEvent value, const std::string& field)
    {
        out_.owner = body_.text(value, field);
    }

    void service_account(JsonEvent value, const std::string& field)
    {
        out_.service_account = body_.text(value, field);
    }

    void description(JsonEvent value, const std::string& field)
    {
        out_.description = body_.text(value, field);
    }

    void expires_at(JsonEvent value, const std::string& field)
    {
        if (value == JsonEvent::null) {
            out_.expires = never_expires;
        } else if (value != JsonEvent::text) {
            body_.refuse_shape(value, field, time_forms);
        } else if (const auto time = parse_time(body_.text())) {
            out_.expires = *time;
        } else {
            body_.refuse(field, in_quotes(body_.text()) +
                                    " is no time: " + std::string(time_forms));
        }
    }

    void resources(JsonEvent value, const std::string& field)
    {
        if (value == JsonEvent::null) {
            return;
        }
        out_.resources.emplace();
        if (value != JsonEvent::open_array) {
            body_.refuse_shape(
                value, field,
                R"(a list is wanted, [{"channel":"main","permission":"read"}])");
            return;
        }
        const auto take = [this](const std::string& item, JsonEvent part) {
            resource(part, item);
        };
        no_resources_ = body_.items_of(field, take) == 0;
    }

    void resource(JsonEvent value, const std::string& field)
    {
        if (value != JsonEvent::open_object) {
            body_.refuse_shape(
                value, field,
                R"(write {"channel":"main","permission":"read"})");
            return;
        }
        std::optional<std::string> channel;
        std::optional<std::string> permission;
        std::set<std::string> seen;
        body_.members_of(field, [&](const std::string& name,
                                    const std::string& member, JsonEvent part) {
            seen.insert(name);
            if (name == "channel") {
                channel = body_.text(part, member);
            } else if (name == "permission") {
                permission = body_.text(part, member);
            } else {
                body_.refuse(member, "is not known here: there are channel, "
                                     "permission");
                body_.skip(part, member);
            }
        });
        for (const char* const name : {"channel", "permission"}) {
            if (!seen.contains(name)) {
                body_.refuse(field + "." + name, "is missing");
            }
        }
        add_resource(field, channel, permission);
    }

    void add_resource(const std::string& field,
                      const std::optional<std::string>& channel,
                      const std::optional<std::string>& permission)
    {
        const auto level = permission ? find_level(*permission) : std::nullopt;
        if (permission && !level) {
            body_.refuse(field + ".permission",
                         in_quotes(*permission) +
                             " is no level: use read, write or manage");
        }
        if (!channel) {
            return;
        }
        if (auto problem = channel_problem(*channel)) {
            body_.refuse(field + ".channel", std::move(*problem));
        } else if (out_.resources->contains(*channel)) {
            body_.refuse(field + ".channel",
                         in_quotes(*channel) +
                             " is given twice: keep one of them");
        } else if (out_.resources->size() <= max_resources) {
            // One beyond the limit is enough to see that it is passed.
            out_.resources->emplace(*channel, level.value_or(Level::read));
        }
    }

    /// A list of texts; returns whether it is one without entries.
    bool words(JsonEvent value, const std::string& field,
               std::string_view wanted,
               std::optional<std::string> (*judge)(std::string_view),
               std::vector<std::string>& out)
    {
        if (value != JsonEvent::open_array) {
            body_.refuse_shape(value, field, wanted);
            return false;
        }
        std::set<std::string> seen;
        const auto take = [&](const std::string& item, JsonEvent part) {
            const auto word = body_.text(part, item);
            if (!word) {
                return;
            }
            if (auto problem = judge(*word)) {
                body_.refuse(item, std::move(*problem));
            } else if (!seen.insert(*word).second) {
                body_.refuse(item, in_quotes(*word) +
                                       " is given twice: keep one of them");
            } else if (out.size() <= max_resources) {
                out.push_back(*word);
            }
        };
        return body_.items_of(field, take) == 0;
    }

    void scopes(JsonEvent value, const std::string& field)
    {
        if (value != JsonEvent::null) {
            no_scopes_ =
                words(value, field, "a list is wanted, [\"artifact:download\"]",
                      scope_problem, out_.scopes.emplace());
        }
    }

    void channels(JsonEvent value, const std::string& field)
    {
        no_channels_ =
            words(value, field,
                  "a list is wanted, [\"main\"], or [] for every channel",
                  channel_problem, out_.channels.emplace());
    }

    void reissue(JsonEvent value, const std::string& field)
    {
        out_.reissue = value != JsonEvent::flag || body_.flag();
        if (value != JsonEvent::flag) {
            body_.refuse_shape(value, field, "true or false is wanted");
        }
    }

    void overlap(JsonEvent value, const std::string& field)
    {
        if (value != JsonEvent::number) {
            body_.refuse_shape(value, field, "a number of seconds is wanted");
            return;
        }
        const auto number = body_.number();
        if (number && *number <= static_cast<std::uint64_t>(max_overlap)) {
            out_.overlap = static_cast<std::int64_t>(*number);
        } else {
            body_.refuse(field, "is not a whole number of seconds from 0 to " +
                                    std::to_string(max_overlap) +
                                    ", which is 30 days");
        }
    }

    /// Clients of PSM send both kinds, one of them empty: that is no wish. An
    /// edit with empty lists alone might want to take all grants away.
    void settle_grants()
    {
        const bool has_resources = out_.resources && !no_resources_;
        const bool has_scopes = out_.scopes && !no_scopes_;
        const auto settle = [this](const char* field, bool has_other) {
            if (kind_ == DraftKind::edit && !has_other) {
                body_.refuse(field, "is empty, and a token needs a grant: "
                                    "leave it out to keep those there are");
            }
        };
        if (no_resources_) {
            out_.resources.reset();
            settle("resources", has_scopes);
        }
        if (no_scopes_) {
            out_.scopes.reset();
            settle("scopes", has_resources);
        }
        if (no_channels_ && has_resources) {
            out_.channels.reset();
        }
    }

    /// {} issues a new string: nothing else may be taken for it.
    void settle_edit()
    {
        if (kind_ == DraftKind::edit && has_members_ && out_.empty() &&
            !body_.has_problems()) {
            body_.refuse("", "changes nothing: name what is to be changed, or "
                             "send {\"reissue\":true} for a new string");
        }
    }

    BodyReader body_;
    DraftKind kind_;
    bool part_;
    TokenDraft& out_;
    bool has_members_ = false;

    // Lists that are there, without entries.
    bool no_resources_ = false;
    bool no_scopes_ = false;
    bool no_channels_ = false;
};

constexpr std::string_view kept = "stays with the token: create another one";
constexpr std::string_view later = "is of a token that is there: leave it out";

const std::array<DraftReader::Member, 10> DraftReader::members{{
    {"name", &DraftReader::name, "", ""},
    {"owner", &DraftReader::owner, "", kept},
    {"service_account", &DraftReader::service_account, "", kept},
    {"description", &DraftReader::description, "", ""},
    {"expires_at", &DraftReader::expires_at, "", ""},
    {"resources", &DraftReader::resources, "", ""},
    {"scopes", &DraftReader::scopes, "", ""},
    {"channels", &DraftReader::channels, "", ""},
    {"reissue", &DraftReader::reissue, later, ""},
    {"overlap", &DraftReader::overlap, later, ""},
}};

FieldProblems read_with(DraftReader reader, std::int64_t now, TokenDraft& out)
{
    FieldProblems problems = reader.read(now);
    if (!problems.empty()) {
        out = TokenDraft{};
    }
    return problems;
}

} // namespace

FieldProblems read_draft(std::string_view json, DraftKind kind,
                         std::int64_t now, TokenDraft& out)
{
    out = TokenDraft{};
    return read_with(DraftReader(json, kind, false, out), now, out);
}

FieldProblems read_draft_part(std::string_view json, TokenDraft& out)
{
    constexpr std::int64_t long_ago = -1;
    out = TokenDraft{};
    return read_with(DraftReader(json, DraftKind::create, true, out), long_ago,
                     out);
}

} // namespace psm
