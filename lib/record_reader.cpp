// SPDX-License-Identifier: BSD-2-Clause
//
// Event by event, because a tree would have merged the duplicate keys before
// anyone could see them. `depth_` counts the open objects and arrays: the
// record itself is 1, the entries of a map or list are at 2, and what lies
// deeper is either skipped or makes its field Shape::other.

#include "record_reader.hpp"

#include "json_reader.hpp"
#include "record.hpp"

#include <set>

namespace psm {

namespace {

constexpr std::size_t max_depth = 8;
constexpr std::size_t usual_entries = 8;

static_assert(max_depth < JsonReader::max_depth);

class Reading {
public:
    Reading(std::string_view json, std::span<const std::string_view> keys,
            std::span<Field> fields)
        : reader_(json), keys_(keys), fields_(fields)
    {
    }

    /// Reads all of it; returns what is wrong, or nullptr.
    const char* run()
    {
        for (;;) {
            const JsonEvent event = reader_.next();
            if (event == JsonEvent::end) {
                return nullptr;
            }
            if (!take(event)) {
                return error_;
            }
        }
    }

private:
    bool fail(const char* error)
    {
        error_ = error;
        return false;
    }

    bool take(JsonEvent event)
    {
        switch (event) {
        case JsonEvent::key:
            return key();
        case JsonEvent::text:
            return text();
        case JsonEvent::number:
            return number();
        case JsonEvent::flag:
            return flag();
        case JsonEvent::null:
            return scalar(Shape::other);
        case JsonEvent::open_object:
            return open(Shape::map);
        case JsonEvent::open_array:
            return open(Shape::list);
        case JsonEvent::close_object:
        case JsonEvent::close_array:
            depth_--;
            return true;
        case JsonEvent::end:
        case JsonEvent::error:
            break;
        }
        return fail("not JSON");
    }

    /// The field whose own value comes now, not a part of it.
    Field* own_field() { return depth_ == 1 ? field_ : nullptr; }

    bool flag()
    {
        if (Field* const field = own_field()) {
            field->flag = reader_.flag();
        }
        return scalar(Shape::flag);
    }

    bool number()
    {
        const auto number = reader_.number();
        if (Field* const field = own_field()) {
            field->number = number.value_or(0);
        }
        return scalar(number ? Shape::number : Shape::other);
    }

    bool text()
    {
        if (depth_ == 2 && field_ != nullptr) {
            add_entry();
            return true;
        }
        if (Field* const field = own_field()) {
            field->text = reader_.text();
        }
        return scalar(Shape::text);
    }

    bool key()
    {
        if (depth_ == 1) {
            return take_key(reader_.text());
        }
        if (depth_ == 2 && field_ != nullptr) {
            entry_key_ = reader_.text();
        }
        return true;
    }

    bool take_key(std::string_view name)
    {
        field_ = find_field(name);
        const bool is_new = field_ != nullptr ? field_->shape == Shape::absent
                                              : others_.emplace(name).second;
        return is_new || fail("a key stands twice");
    }

    /// Looks behind the last one first: we write them in the order of `keys_`.
    Field* find_field(std::string_view name)
    {
        for (std::size_t i = 0; i < keys_.size(); i++) {
            const std::size_t at = (expected_ + i) % keys_.size();
            if (keys_[at] == name) {
                expected_ = at + 1;
                return &fields_[at];
            }
        }
        return nullptr;
    }

    bool scalar(Shape shape)
    {
        if (depth_ == 0) {
            return fail("not an object");
        }
        if (field_ != nullptr) {
            field_->shape = depth_ == 1 ? shape : Shape::other;
        }
        return true;
    }

    bool open(Shape shape)
    {
        if (depth_ == 0 && shape != Shape::map) {
            return fail("not an object");
        }
        if (depth_ == max_depth) {
            return fail("nested too deeply");
        }
        if (field_ != nullptr) {
            field_->shape = depth_ == 1 ? shape : Shape::other;
        }
        depth_++;
        return true;
    }

    void add_entry()
    {
        auto& entries = field_->entries;
        if (entries.empty()) {
            entries.reserve(usual_entries);
        }
        if (field_->shape == Shape::map) {
            entries.emplace_back(std::move(entry_key_), reader_.text());
        } else if (field_->shape == Shape::list) {
            entries.emplace_back(reader_.text(), std::string_view());
        }
    }

    JsonReader reader_;
    std::span<const std::string_view> keys_;
    std::span<Field> fields_;
    std::size_t expected_ = 0;     // where the next key is looked for first
    std::set<std::string> others_; // the keys that are not ours
    std::string entry_key_;
    Field* field_ = nullptr; // of the member being read, if it is ours
    std::size_t depth_ = 0;
    const char* error_ = nullptr;
};

} // namespace

std::optional<std::string> read_fields(std::string_view json,
                                       std::span<const std::string_view> keys,
                                       std::span<Field> fields)
{
    if (json.size() > max_record_size) {
        return "too large";
    }
    if (const char* const error = Reading(json, keys, fields).run()) {
        return error;
    }
    return std::nullopt;
}

} // namespace psm
