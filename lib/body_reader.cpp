// SPDX-License-Identifier: BSD-2-Clause
//
// Event by event, because a tree would have merged repeated members before
// anyone could see them.

#include "body_reader.hpp"

#include "quote.hpp"
#include "record.hpp"
#include "utf8.hpp"

#include <algorithm>

namespace psm {

namespace {

constexpr std::size_t max_depth = 8;
constexpr std::size_t max_problems = 20;

static_assert(max_depth < JsonReader::max_depth);

std::string_view shape_of(JsonEvent event)
{
    switch (event) {
    case JsonEvent::null:
        return "null";
    case JsonEvent::flag:
        return "true or false";
    case JsonEvent::number:
        return "a number";
    case JsonEvent::text:
        return "a text";
    case JsonEvent::open_object:
        return "an object";
    default:
        break;
    }
    return "a list";
}

} // namespace

BodyReader::BodyReader(std::string_view json, std::size_t max_size)
    : json_(json), reader_(json)
{
    if (json.size() > max_size) {
        end("is larger than " + std::to_string(max_size / 1024) +
            " KiB: ask for less at once");
    } else if (!is_utf8(json)) {
        end("is not UTF-8, as all JSON is");
    }
}

void BodyReader::skip(JsonEvent value, const std::string& field)
{
    if (value == JsonEvent::open_object) {
        members_of(field, [this](const std::string&, const std::string& member,
                                 JsonEvent part) { skip(part, member); });
    } else if (value == JsonEvent::open_array) {
        items_of(field, [this](const std::string& item, JsonEvent part) {
            skip(part, item);
        });
    }
}

std::optional<std::string> BodyReader::text(JsonEvent value,
                                            const std::string& field)
{
    if (value == JsonEvent::text) {
        return std::string(reader_.text());
    }
    refuse_shape(value, field, "a text is wanted");
    return std::nullopt;
}

void BodyReader::refuse(std::string field, std::string why)
{
    if (broken_) {
        return;
    }
    if (problems_.size() == max_problems) {
        has_more_ = true;
        return;
    }
    problems_.push_back({.field = std::move(field), .why = std::move(why)});
}

void BodyReader::refuse_shape(JsonEvent value, const std::string& field,
                              std::string_view wanted)
{
    refuse(field,
           "is " + std::string(shape_of(value)) + ": " + std::string(wanted));
    skip(value, field);
}

bool BodyReader::is_refused(std::string_view field) const
{
    return std::ranges::count(problems_, field, &FieldProblem::field) != 0;
}

FieldProblems BodyReader::take_problems()
{
    if (has_more_) {
        problems_.push_back(
            {.field = "", .why = "has more problems than these"});
    }
    return std::move(problems_);
}

std::string BodyReader::member_path(const std::string& object,
                                    std::string_view name)
{
    const std::string shown = name.empty() ? "\"\"" : excerpt(name);
    return object.empty() ? shown : object + "." + shown;
}

std::string BodyReader::item_path(const std::string& list, std::size_t at)
{
    return list + "[" + std::to_string(at) + "]";
}

JsonEvent BodyReader::next()
{
    if (broken_) {
        return JsonEvent::end;
    }
    const JsonEvent event = reader_.next();
    const auto taken = reader_.at() - json_.data();
    switch (event) {
    case JsonEvent::error:
        end("is not JSON from byte " + std::to_string(taken + 1) +
            " on: look at the quotes, commas, escapes and numbers there");
        return JsonEvent::end;
    case JsonEvent::open_object:
    case JsonEvent::open_array:
        depth_++;
        break;
    case JsonEvent::close_object:
    case JsonEvent::close_array:
        depth_--;
        break;
    default:
        break;
    }
    if (depth_ > max_depth) {
        end("is nested deeper than " + std::to_string(max_depth) + " at byte " +
            std::to_string(taken) + ": nothing that can be asked for is");
        return JsonEvent::end;
    }
    return event;
}

void BodyReader::end(std::string why)
{
    // Told even where there were too many others.
    problems_.push_back({.field = "", .why = std::move(why)});
    broken_ = true;
}

} // namespace psm
