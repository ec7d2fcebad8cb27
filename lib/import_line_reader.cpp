// SPDX-License-Identifier: BSD-2-Clause
//
// The members of a draft are read by the draft's own reader, the others here;
// each skips those of the other.

#include "body_reader.hpp"
#include "clock_text.hpp"
#include "digest.hpp"
#include "import_line.hpp"
#include "quote.hpp"
#include "text.hpp"
#include "token_draft.hpp"
#include "token_limits.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace psm {

namespace {

constexpr std::size_t digest_length = 64;

bool is_digest(std::string_view text)
{
    return text.size() == digest_length &&
           std::ranges::all_of(text, [](char c) {
               return hex_value(c) >= 0 && to_lower(c) == c;
           });
}

class LineReader {
public:
    LineReader(std::string_view json, const ImportRules& rules, ImportLine& out)
        : body_(json, max_line_size), rules_(rules), out_(out)
    {
    }

    FieldProblems read()
    {
        body_.members([this](const std::string& name, const std::string& field,
                             JsonEvent value) {
            out_.members.insert(name);
            member(name, field, value);
        });
        if (!out_.token.empty() && !out_.digest.empty()) {
            body_.refuse("digest", "is given beside token: keep one of them");
        }
        if (out_.record.deleted && out_.digest.empty()) {
            body_.refuse("deleted_at", "is of a string that is dead: such a "
                                       "line needs its digest");
        }
        if (out_.reissued && !out_.record.deleted) {
            body_.refuse("reissued", "is of a string that is dead: such a line "
                                     "needs deleted_at");
        }
        return body_.take_problems();
    }

private:
    using Take = void (LineReader::*)(JsonEvent value,
                                      const std::string& field);

    struct Member {
        std::string_view name;
        Take take = nullptr;
    };

    static const std::array<Member, 14> members;

    void member(const std::string& name, const std::string& field,
                JsonEvent value)
    {
        static constexpr std::array<std::string_view, 8> of_draft{
            "name",      "owner",  "service_account", "description",
            "resources", "scopes", "channels",        "expires_at"};
        const auto* const found =
            std::ranges::find(members, name, &Member::name);
        if (found != members.end()) {
            (this->*found->take)(value, field);
            return;
        }
        if (std::ranges::find(of_draft, name) == of_draft.end()) {
            body_.refuse(field,
                         "is not known here: what is to be kept in the record "
                         "goes into other");
        }
        body_.skip(value, field);
    }

    void token(JsonEvent value, const std::string& field)
    {
        auto text = body_.text(value, field);
        if (!text) {
            return;
        }
        if (classify_token(*text, rules_.format) != TokenShape::well_formed) {
            const bool foreign = classify_token(*text, TokenFormat::any) ==
                                     TokenShape::well_formed &&
                                 !text->starts_with(token_prefix);
            body_.refuse(field,
                         foreign ? "is of another issuer: give --format any, "
                                   "and write psm_token_format any for the gate"
                                 : "is no token, or not the whole of it");
        } else {
            out_.token = *text;
        }
        wipe(*text);
    }

    void digest(JsonEvent value, const std::string& field)
    {
        const auto text = body_.text(value, field);
        if (text && !is_digest(*text)) {
            body_.refuse(field, "is not the SHA-256 of a token: 64 "
                                "hexadecimal digits in lower case are wanted");
        } else if (text) {
            out_.digest = *text;
        }
    }

    void id(JsonEvent value, const std::string& field)
    {
        take_id(value, field, out_.record.id);
    }

    void supersedes(JsonEvent value, const std::string& field)
    {
        take_id(value, field, out_.record.supersedes);
    }

    void superseded_by(JsonEvent value, const std::string& field)
    {
        take_id(value, field, out_.record.superseded_by);
    }

    void take_id(JsonEvent value, const std::string& field, std::string& out)
    {
        const auto text = body_.text(value, field);
        if (text && !is_token_id(*text)) {
            body_.refuse(field, in_quotes(*text) + " is not the ID of a token");
        } else if (text) {
            out = *text;
        }
    }

    void type(JsonEvent value, const std::string& field)
    {
        const auto text = body_.text(value, field);
        if (text && *text != "resource" && *text != "scope") {
            body_.refuse(field, in_quotes(*text) +
                                    " is none: it is resource or scope");
        } else if (text) {
            out_.record.kind =
                *text == "resource" ? TokenKind::resource : TokenKind::scope;
        }
    }

    void created_by(JsonEvent value, const std::string& field)
    {
        const auto text = body_.text(value, field);
        if (text && !text->empty() && !is_owner(*text)) {
            body_.refuse(field,
                         in_quotes(*text) + " is no name of a user, nor an ID");
        } else if (text) {
            out_.record.created_by = *text;
        }
    }

    void disabled(JsonEvent value, const std::string& field)
    {
        take_flag(value, field, out_.record.disabled);
    }

    void reissued(JsonEvent value, const std::string& field)
    {
        take_flag(value, field, out_.reissued);
    }

    void take_flag(JsonEvent value, const std::string& field, bool& out)
    {
        if (value == JsonEvent::flag) {
            out = body_.flag();
        } else {
            body_.refuse_shape(value, field, "true or false is wanted");
        }
    }

    void rev(JsonEvent value, const std::string& field)
    {
        constexpr std::uint64_t max_rev = 1'000'000'000;
        if (value != JsonEvent::number) {
            body_.refuse_shape(value, field, "a number from 1 on is wanted");
        } else if (const auto number = body_.number();
                   number && *number >= 1 && *number <= max_rev) {
            out_.record.rev = static_cast<std::int64_t>(*number);
        } else {
            body_.refuse(field, "is no number from 1 on");
        }
    }

    void created_at(JsonEvent value, const std::string& field)
    {
        out_.record.created = time(value, field).value_or(0);
    }

    void last_used_at(JsonEvent value, const std::string& field)
    {
        out_.last_used = time(value, field);
    }

    void deleted_at(JsonEvent value, const std::string& field)
    {
        out_.record.deleted = time(value, field);
    }

    std::optional<std::int64_t> time(JsonEvent value, const std::string& field)
    {
        if (value == JsonEvent::null) {
            return std::nullopt;
        }
        const auto text = body_.text(value, field);
        const auto time = text ? parse_time(*text) : std::nullopt;
        if (text && !time) {
            body_.refuse(field, in_quotes(*text) +
                                    " is no time: write "
                                    "\"2027-01-31T10:00:00Z\", or null");
        }
        return time;
    }

    /// The text is kept: what it means is not known here.
    void other(JsonEvent value, const std::string& field)
    {
        if (value != JsonEvent::open_object) {
            body_.refuse_shape(value, field, "an object is wanted, {...}");
            return;
        }
        const char* const begin = body_.at() - 1;
        body_.members_of(field, [this](const std::string& name,
                                       const std::string& path,
                                       JsonEvent part) {
            const auto keys = token_record_keys();
            if (std::ranges::find(keys, name) != keys.end()) {
                body_.refuse(path, "is a member of every record: it cannot be "
                                   "given here");
            }
            body_.skip(part, path);
        });
        out_.other.assign(begin, body_.at());
    }

    BodyReader body_;
    const ImportRules& rules_;
    ImportLine& out_;
};

const std::array<LineReader::Member, 14> LineReader::members{{
    {"token", &LineReader::token},
    {"digest", &LineReader::digest},
    {"id", &LineReader::id},
    {"type", &LineReader::type},
    {"created_at", &LineReader::created_at},
    {"created_by", &LineReader::created_by},
    {"last_used_at", &LineReader::last_used_at},
    {"disabled", &LineReader::disabled},
    {"rev", &LineReader::rev},
    {"deleted_at", &LineReader::deleted_at},
    {"supersedes", &LineReader::supersedes},
    {"superseded_by", &LineReader::superseded_by},
    {"reissued", &LineReader::reissued},
    {"other", &LineReader::other},
}};

/// For a string that is made when the line is imported: the same each time, so
/// that an import which is run again finds what it made before.
std::string derived_id(std::string_view json, std::uint64_t number)
{
    TokenDigest digest;
    const std::string text = std::to_string(number) + " " + std::string(json);
    if (!Hasher().digest(text, digest)) {
        throw std::runtime_error("OpenSSL cannot compute SHA-256");
    }
    std::array<unsigned char, 16> bytes{};
    std::copy_n(digest.bytes.begin(), bytes.size(), bytes.begin());
    return format_token_id(bytes);
}

/// What the line leaves open is filled in.
TokenRecord start_record(std::string_view json, const ImportRules& rules,
                         const ImportLine& line)
{
    TokenRecord record = line.record;
    const auto has = [&line](const char* member) {
        return line.members.contains(member);
    };
    if (record.id.empty()) {
        record.id = line.token.empty() && line.digest.empty()
                        ? derived_id(json, rules.line)
                        : make_token_id();
    }
    if (!has("created_at")) {
        record.created = rules.now;
    }
    if (!has("created_by")) {
        record.created_by = rules.maker;
    }
    record.owner = rules.owner;
    record.expires = rules.expires;
    return record;
}

} // namespace

FieldProblems read_import_line(std::string_view json, const ImportRules& rules,
                               ImportLine& out)
{
    out = ImportLine{};
    FieldProblems problems = LineReader(json, rules, out).read();
    TokenDraft draft;
    for (FieldProblem& problem : read_draft_part(json, draft)) {
        const bool told = std::ranges::count(problems, problem.field,
                                             &FieldProblem::field) > 0;
        if (!told) {
            problems.push_back(std::move(problem));
        }
    }
    if (!problems.empty()) {
        return problems;
    }
    const TokenKind kind = out.record.kind;
    problems = apply_draft(draft, start_record(json, rules, out), out.record);
    if (problems.empty() && out.members.contains("type") &&
        out.record.kind != kind) {
        problems.push_back(
            {.field = "type", .why = "is not the kind of its grants"});
    }
    return problems;
}

} // namespace psm
