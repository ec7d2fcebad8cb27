// SPDX-License-Identifier: BSD-2-Clause
//
// A JSON object of a few members of known types, read strictly: what is
// unknown, repeated or of another type is named. A member that is null counts
// as not given.

#pragma once

#include "field_problem.hpp"
#include "json_reader.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace psm {

class BodyReader;

struct FormField {
    enum class Type : std::uint8_t { text, flag, texts };

    std::string_view name;
    Type type = Type::text;
};

class JsonForm {
public:
    JsonForm() = default;
    JsonForm(const JsonForm&) = delete;
    JsonForm& operator=(const JsonForm&) = delete;
    ~JsonForm(); // wipes the texts: one may be a token

    [[nodiscard]] FieldProblems read(std::string_view json,
                                     std::span<const FormField> fields);

    /// Null: it is not given.
    [[nodiscard]] std::string* text(std::string_view name);
    [[nodiscard]] bool flag(std::string_view name) const;
    [[nodiscard]] std::vector<std::string> texts(std::string_view name) const;

private:
    struct Member {
        std::vector<std::string> texts;
        bool flag = false;
    };

    void take(BodyReader& body, FormField::Type type, JsonEvent value,
              const std::string& field);

    std::map<std::string, Member, std::less<>> members_;
};

} // namespace psm
