// SPDX-License-Identifier: BSD-2-Clause
//
// The JSON body of a request, read as strictly as the API promises. All that
// is wrong is told at once, by the path of the member: repeated members at any
// depth, wrong shapes, and whatever its user refuses. Only what is not JSON,
// or nested too deeply, ends the reading: then every event is JsonEvent::end,
// which all loops take as their end.
//
//     BodyReader body(json);
//     body.members([&](const std::string& name, const std::string& field,
//                      JsonEvent value) { ... });
//     return body.take_problems();
//
// A taker must take the value to its end: text(), skip(), items(), members().
// The text must outlive the reader.

#pragma once

#include "field_problem.hpp"
#include "json_reader.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace psm {

inline constexpr std::size_t max_body_size = std::size_t{64} * 1024;

class BodyReader {
public:
    explicit BodyReader(std::string_view json,
                        std::size_t max_size = max_body_size);

    /// take(name, field, value) for each member of the body, which must be an
    /// object, and nothing behind it. A member that stands twice is taken
    /// once.
    template <typename Taker>
    void members(Taker take)
    {
        const JsonEvent value = next();
        if (value == JsonEvent::open_object) {
            members_of("", take);
        } else {
            refuse_shape(value, "", "an object is wanted, {...}");
        }
        next(); // the end of the text
    }

    /// The same for an object within it.
    template <typename Taker>
    void members_of(const std::string& object, Taker take)
    {
        std::set<std::string, std::less<>> seen;
        for (JsonEvent event = next(); event == JsonEvent::key;
             event = next()) {
            const std::string name(reader_.text());
            const std::string field = member_path(object, name);
            const JsonEvent value = next();
            if (!seen.insert(name).second) {
                refuse(field, "is given twice: keep one of them");
                skip(value, field);
            } else {
                take(name, field, value);
            }
        }
    }

    /// take(field, value) for each item of a list; returns how many there
    /// were.
    template <typename Taker>
    std::size_t items_of(const std::string& list, Taker take)
    {
        std::size_t count = 0;
        for (JsonEvent value = next();
             value != JsonEvent::close_array && value != JsonEvent::end;
             value = next()) {
            take(item_path(list, count++), value);
        }
        return count;
    }

    /// What is not wanted, but must be JSON.
    void skip(JsonEvent value, const std::string& field);

    /// A text, or what is wrong with it is told.
    std::optional<std::string> text(JsonEvent value, const std::string& field);

    // Of the event that came last, as in JsonReader.
    [[nodiscard]] const char* at() const noexcept { return reader_.at(); }

    [[nodiscard]] std::string_view text() const { return reader_.text(); }

    [[nodiscard]] bool flag() const { return reader_.flag(); }

    [[nodiscard]] std::optional<std::uint64_t> number() const
    {
        return reader_.number();
    }

    void refuse(std::string field, std::string why);
    /// Says what the value is and what is wanted, and skips it.
    void refuse_shape(JsonEvent value, const std::string& field,
                      std::string_view wanted);
    /// Whether the field itself is; "": the body is not readable as a whole.
    [[nodiscard]] bool is_refused(std::string_view field) const;

    [[nodiscard]] bool has_problems() const noexcept
    {
        return !problems_.empty();
    }

    [[nodiscard]] FieldProblems take_problems();

private:
    static std::string member_path(const std::string& object,
                                   std::string_view name);
    static std::string item_path(const std::string& list, std::size_t at);

    JsonEvent next();
    void end(std::string why);

    std::string_view json_;
    JsonReader reader_;
    FieldProblems problems_;
    std::size_t depth_ = 0;
    bool broken_ = false;   // nothing can be read any more
    bool has_more_ = false; // problems than are told
};

} // namespace psm
