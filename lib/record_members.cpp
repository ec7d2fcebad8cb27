// SPDX-License-Identifier: BSD-2-Clause

#include "record_members.hpp"

#include "channel.hpp"
#include "record.hpp"
#include "text.hpp"

#include <set>

namespace psm {

namespace {

/// A list of words, none of them twice.
bool take_words(Field& field, bool (*is_valid)(std::string_view),
                std::vector<std::string>& out)
{
    if (field.shape != Shape::list || field.entries.empty() ||
        field.entries.size() > max_resources) {
        return false;
    }
    std::set<std::string_view> seen;
    for (const auto& entry : field.entries) {
        if (!is_valid(entry.first) || !seen.insert(entry.first).second) {
            return false;
        }
    }
    out.reserve(field.entries.size());
    for (auto& entry : field.entries) {
        out.push_back(std::move(entry.first));
    }
    return true;
}

bool is_scope_word(std::string_view text)
{
    return !text.empty() && !has_control(text);
}

} // namespace

std::string about(std::string_view key, std::string_view what)
{
    std::string text = "\"";
    text += key;
    text += "\" ";
    text += what;
    return text;
}

bool has_control(std::string_view text)
{
    return std::ranges::any_of(text, is_control);
}

bool take_version(const Field& field)
{
    return field.shape == Shape::number && field.number == record_version;
}

bool take_flag(const Field& field, bool& out)
{
    out = field.flag;
    return field.shape == Shape::flag;
}

bool take_resources(Field& field, std::map<std::string, Level>& out)
{
    if (field.shape != Shape::map || field.entries.empty() ||
        field.entries.size() > max_resources) {
        return false;
    }
    for (auto& [path, name] : field.entries) {
        const auto level = find_level(name);
        if (!level || !is_channel_path(path) ||
            !out.emplace(std::move(path), *level).second) {
            return false;
        }
    }
    return true;
}

bool take_scopes(Field& field, std::vector<std::string>& out)
{
    return take_words(field, is_scope_word, out);
}

bool take_channels(Field& field, std::vector<std::string>& out)
{
    return take_words(
        field, [](std::string_view path) { return is_channel_path(path); },
        out);
}

} // namespace psm
