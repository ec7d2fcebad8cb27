// SPDX-License-Identifier: BSD-2-Clause
//
// A SAX handler, because a DOM would have merged the duplicate keys before
// anyone could see them. `depth_` counts the open objects and arrays: the
// record itself is 1, the entries of a map or list are at 2, and what lies
// deeper is either skipped or makes its field Shape::other.

#include "record_reader.hpp"

#include "record.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

namespace psm {

namespace {

constexpr std::size_t max_depth = 8;

class Handler {
public:
    Handler(std::span<const std::string_view> keys, std::span<Field> fields)
        : keys_(keys), fields_(fields)
    {
    }

    [[nodiscard]] const char* error() const { return error_; }

    // What nlohmann's sax_parse calls; false stops it.

    bool null() { return scalar(Shape::other); }

    bool boolean(bool value)
    {
        Field* const field = own_field();
        if (field != nullptr) {
            field->flag = value;
        }
        return scalar(Shape::flag);
    }

    /// Called for what begins with a minus sign only.
    bool number_integer(std::int64_t) { return scalar(Shape::other); }

    bool number_unsigned(std::uint64_t value)
    {
        Field* const field = own_field();
        if (field != nullptr) {
            field->number = value;
        }
        return scalar(Shape::number);
    }

    bool number_float(double, const std::string&)
    {
        return scalar(Shape::other);
    }

    bool string(std::string& value)
    {
        if (depth_ == 2 && field_ != nullptr) {
            add_entry(value);
            return true;
        }
        Field* const field = own_field();
        if (field != nullptr) {
            field->text = std::move(value);
        }
        return scalar(Shape::text);
    }

    bool binary(std::vector<std::uint8_t>&) { return fail("not JSON"); }

    bool start_object(std::size_t) { return open(Shape::map); }

    bool start_array(std::size_t) { return open(Shape::list); }

    bool end_object() { return close(); }

    bool end_array() { return close(); }

    bool key(std::string& name)
    {
        if (depth_ == 1) {
            return take_key(name);
        }
        if (depth_ == 2 && field_ != nullptr) {
            entry_key_ = std::move(name);
        }
        return true;
    }

    bool parse_error(std::size_t, const std::string&,
                     const nlohmann::json::exception&)
    {
        return fail("not JSON");
    }

private:
    bool fail(const char* error)
    {
        error_ = error;
        return false;
    }

    /// The field whose own value comes now, not a part of it.
    Field* own_field() { return depth_ == 1 ? field_ : nullptr; }

    bool take_key(const std::string& name)
    {
        if (!seen_.insert(name).second) {
            return fail("a key stands twice");
        }
        const auto found = std::ranges::find(keys_, std::string_view(name));
        field_ =
            found == keys_.end()
                ? nullptr
                : &fields_[static_cast<std::size_t>(found - keys_.begin())];
        return true;
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

    bool close()
    {
        depth_--;
        return true;
    }

    void add_entry(std::string& value)
    {
        if (field_->shape == Shape::map) {
            field_->entries.emplace_back(std::move(entry_key_),
                                         std::move(value));
        } else if (field_->shape == Shape::list) {
            field_->entries.emplace_back(std::move(value), std::string());
        }
    }

    std::span<const std::string_view> keys_;
    std::span<Field> fields_;
    std::set<std::string> seen_;
    std::string entry_key_;
    Field* field_ = nullptr; // of the member being read, if it is ours
    std::size_t depth_ = 0;
    const char* error_ = "not JSON";
};

} // namespace

std::optional<std::string> read_fields(std::string_view json,
                                       std::span<const std::string_view> keys,
                                       std::span<Field> fields)
{
    if (json.size() > max_record_size) {
        return "too large";
    }
    // The library takes a byte order mark, and a NUL for the end of the text.
    if (json.starts_with("\xef\xbb\xbf") ||
        json.find('\0') != std::string_view::npos) {
        return "not JSON";
    }
    Handler handler(keys, fields);
    if (!nlohmann::json::sax_parse(json, &handler)) {
        return handler.error();
    }
    return std::nullopt;
}

} // namespace psm
