// SPDX-License-Identifier: BSD-2-Clause

#include "import_line.hpp"

#include "json_object.hpp"
#include "token_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace psm {

namespace {

using nlohmann::ordered_json;

ordered_json other_members(std::string_view record_json)
{
    ordered_json others = ordered_json::object();
    const auto keys = token_record_keys();
    const ordered_json record = parse_object(record_json);
    for (const auto& [key, value] : record.items()) {
        if (std::ranges::find(keys, key) == keys.end()) {
            others[key] = value;
        }
    }
    return others;
}

} // namespace

std::string encode_import(const ImportLine& line)
{
    std::string json = encode_token_record(line.record);
    if (line.other.empty()) {
        return json;
    }
    ordered_json whole = ordered_json::parse(json);
    whole.update(ordered_json::parse(line.other));
    return whole.dump();
}

std::vector<std::string> differences(const ImportLine& line,
                                     const StoredToken& stored)
{
    const TokenRecord& have = stored.record;
    const TokenRecord& want = line.record;
    const std::pair<const char*, bool> rows[] = {
        {"id", want.id == have.id},
        {"name", want.name == have.name},
        {"owner", want.owner == have.owner},
        {"service_account", want.owner == have.owner},
        {"description", want.description == have.description},
        {"expires_at", want.expires == have.expires},
        {"resources", want.resources == have.resources},
        {"scopes", want.scopes == have.scopes},
        {"channels", want.channels == have.channels},
        {"created_at", want.created == have.created},
        {"created_by", want.created_by == have.created_by},
        {"disabled", want.disabled == have.disabled},
        {"rev", want.rev == have.rev},
        {"deleted_at", want.deleted == have.deleted},
        {"supersedes", want.supersedes == have.supersedes},
        {"superseded_by", want.superseded_by == have.superseded_by},
        {"other", line.other.empty() ||
                      parse_object(line.other) == other_members(stored.json)},
    };
    std::vector<std::string> names;
    for (const auto& [name, same] : rows) {
        if (!same && line.members.contains(name)) {
            names.emplace_back(name);
        }
    }
    return names;
}

std::string export_line(const StoredToken& token, bool reissued)
{
    ordered_json json = token_json(token);
    json["digest"] = token.digest;
    if (reissued) {
        json["reissued"] = true;
    }
    ordered_json others = other_members(token.json);
    if (!others.empty()) {
        json["other"] = std::move(others);
    }
    return dump_json(json);
}

} // namespace psm
