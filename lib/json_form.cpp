// SPDX-License-Identifier: BSD-2-Clause

#include "json_form.hpp"

#include "body_reader.hpp"
#include "text.hpp"

#include <algorithm>

namespace psm {

namespace {

constexpr std::size_t max_texts = 64;

std::string list_of(std::span<const FormField> fields)
{
    std::string text;
    for (const FormField& field : fields) {
        text += (text.empty() ? "" : ", ") + std::string(field.name);
    }
    return text;
}

} // namespace

JsonForm::~JsonForm()
{
    for (auto& [name, member] : members_) {
        std::ranges::for_each(member.texts, [](auto& text) { wipe(text); });
    }
}

void JsonForm::take(BodyReader& body, FormField::Type type, JsonEvent value,
                    const std::string& field)
{
    if (value == JsonEvent::null) {
        return;
    }
    Member& member = members_[field];
    const auto add_text = [&body, &member](const std::string& where,
                                           JsonEvent event) {
        if (auto text = body.text(event, where)) {
            member.texts.push_back(std::move(*text));
        }
    };
    switch (type) {
    case FormField::Type::text:
        add_text(field, value);
        break;
    case FormField::Type::flag:
        member.flag = value == JsonEvent::flag && body.flag();
        if (value != JsonEvent::flag) {
            body.refuse_shape(value, field, "true or false is wanted");
        }
        break;
    case FormField::Type::texts:
        if (value != JsonEvent::open_array) {
            body.refuse_shape(value, field, "a list of texts is wanted");
        } else if (body.items_of(field, add_text) > max_texts) {
            body.refuse(field, "holds more than " + std::to_string(max_texts) +
                                   " texts: leave some out");
        }
        break;
    }
}

FieldProblems JsonForm::read(std::string_view json,
                             std::span<const FormField> fields)
{
    BodyReader body(json);
    body.members([&](const std::string& name, const std::string& field,
                     JsonEvent value) {
        const auto found = std::ranges::find(fields, name, &FormField::name);
        if (found != fields.end()) {
            take(body, found->type, value, field);
            return;
        }
        body.refuse(field, "is not known here: there are " + list_of(fields));
        body.skip(value, field);
    });
    return body.take_problems();
}

std::string* JsonForm::text(std::string_view name)
{
    const auto found = members_.find(name);
    return found != members_.end() && !found->second.texts.empty()
               ? &found->second.texts.front()
               : nullptr;
}

bool JsonForm::flag(std::string_view name) const
{
    const auto found = members_.find(name);
    return found != members_.end() && found->second.flag;
}

std::vector<std::string> JsonForm::texts(std::string_view name) const
{
    const auto found = members_.find(name);
    return found != members_.end() ? found->second.texts
                                   : std::vector<std::string>();
}

} // namespace psm
