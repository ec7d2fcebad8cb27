// SPDX-License-Identifier: BSD-2-Clause
//
// What is kept of a change (T116): what changed and nothing else, no secret,
// and nothing that could pass for another entry.

#include "check.hpp"

#include "audit.hpp"

#include <algorithm>
#include <string>

namespace {

using psm::Actor;
using psm::AuditEvent;
using psm::RedisType;
using psm::RedisValue;

constexpr std::string_view secret =
    "psm-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ4OPBnF";
constexpr std::string_view digest =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

using Fields = std::vector<std::pair<std::string, std::string>>;

std::string text_of(const Fields& fields)
{
    std::string text;
    for (const auto& [name, value] : fields) {
        text += (text.empty() ? "" : " | ") + name + " " + value;
    }
    return text;
}

RedisValue text(std::string value)
{
    return {.type = RedisType::string, .text = std::move(value)};
}

/// As Redis sends an entry, in the flat form of the reader.
void append_entry(RedisValue& reply, const std::string& id,
                  const Fields& fields)
{
    const auto array = [](std::size_t count) {
        return RedisValue{.type = RedisType::array,
                          .integer = static_cast<std::int64_t>(count)};
    };
    reply.type = RedisType::array;
    reply.integer++;
    reply.elements.push_back(array(2));
    reply.elements.push_back(text(id));
    reply.elements.push_back(array(2 * fields.size()));
    for (const auto& [name, value] : fields) {
        reply.elements.push_back(text(name));
        reply.elements.push_back(text(value));
    }
}

void only_what_changed_is_kept(void** /*state*/)
{
    struct Case {
        std::string_view label;
        std::string_view before;
        std::string_view after;
        std::string_view kept_before;
        std::string_view kept_after;
    };

    static constexpr Case cases[] = {
        {"created", "", R"({"v":1,"id":"a","rev":1})", "",
         R"({"v":1,"id":"a","rev":1})"},
        {"edited", R"({"v":1,"rev":1,"name":"a","owner":"o"})",
         R"({"v":1,"rev":2,"name":"b","owner":"o"})", R"({"rev":1,"name":"a"})",
         R"({"rev":2,"name":"b"})"},
        {"added", R"({"rev":1})", R"({"rev":2,"deleted":5})", R"({"rev":1})",
         R"({"rev":2,"deleted":5})"},
        {"taken away", R"({"a":1,"expires":5})", R"({"a":1})",
         R"({"expires":5})", ""},
        {"within", R"({"resources":{"a":"read","b":"read"}})",
         R"({"resources":{"a":"read","b":"write"}})",
         R"({"resources":{"a":"read","b":"read"}})",
         R"({"resources":{"a":"read","b":"write"}})"},
        {"their order", R"({"a":1,"b":2})", R"({"b":2,"a":1})", "", ""},
        {"removed", R"({"admin":true})", "", R"({"admin":true})", ""},
        {"was broken", R"({"v":1)", R"({"v":1})", "", R"({"v":1})"},
        {"was no object", "[1]", R"({"v":1})", "", R"({"v":1})"},
        {"nothing", "", "", "", ""},
    };
    for (const Case& c : cases) {
        const AuditEvent event =
            psm::audit_event("edit", "a", c.before, c.after);
        check_same(c.label, event.what, "edit");
        check_same(c.label, event.id, "a");
        check_same(c.label, event.before, c.kept_before);
        check_same(c.label, event.after, c.kept_after);
    }
    const std::string deep =
        R"({"a":)" + std::string(30000, '[') + std::string(30000, ']') + "}";
    check_same("nested too deeply",
               psm::audit_event("delete", "a", deep, "{}").before, "");
}

void fields_are_those_that_are_known(void** /*state*/)
{
    const AuditEvent event{.what = "edit",
                           .id = "a-1",
                           .before = R"({"rev":1})",
                           .after = R"({"rev":2})"};
    check_same("all",
               text_of(psm::audit_fields(event, {.who = "alice",
                                                 .token = "a-9",
                                                 .request = "r1",
                                                 .client = "::1",
                                                 .now = 5})),
               "who alice | token a-9 | what edit | id a-1 | when 5 | "
               "request r1 | client ::1 | before {\"rev\":1} | "
               "after {\"rev\":2}");
    check_same("few",
               text_of(psm::audit_fields({.what = "denied", .id = {}},
                                         {.who = {}, .now = 0})),
               "what denied | when 0");
}

/// An entry is a list of texts; a record's members are JSON in one of them.
void names_make_no_entries(void** /*state*/)
{
    const AuditEvent event = psm::audit_event(
        "create", "a", "",
        R"({"name":"x\r\nwho: root\u0000\u001b[31m\u009b","desc":"\" | what"})");
    const auto is_control = [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    };
    check_that(event.after, std::ranges::none_of(event.after, is_control));
    const Fields fields =
        psm::audit_fields(event, {.who = "eve\r\nwhat: delete", .now = 5});
    check_equal("fields", fields.size(), 5);
    check_same("a field holds its own", fields[0].second,
               "eve\r\nwhat: delete");

    RedisValue reply;
    append_entry(reply, "5000-0", fields);
    const auto entries = psm::read_audit(reply);
    check_equal("one entry", entries.size(), 1);
    check_same("of this", entries[0].event.what, "create");
    check_same("by this", entries[0].actor.who, "eve\r\nwhat: delete");
    check_same("with these", entries[0].event.after, event.after);
}

void no_secret_is_kept(void** /*state*/)
{
    const std::string token(secret);
    const std::string hex(digest);
    AuditEvent event =
        psm::audit_event("import", token, R"({"other":")" + hex + R"("})",
                         R"({"name":")" + token + R"(","list":["x )" + token +
                             R"(",")" + hex + R"("],")" + token + R"(":1})");
    const Actor actor{.who = token + " or " + hex,
                      .token = hex,
                      .request = "%70sm-" + token.substr(4),
                      .client = token,
                      .now = 5};
    const std::string kept = text_of(psm::audit_fields(event, actor));
    for (const std::string& part : {token.substr(8, 12), hex.substr(0, 12)}) {
        check_that(kept, kept.find(part) == std::string::npos);
    }
    RedisValue reply;
    append_entry(reply, "5-0", psm::audit_fields(event, actor));
    check_that(
        "what is left is JSON still",
        !psm::audit_event("", "", psm::read_audit(reply)[0].event.after, "")
             .before.empty());

    // What is no secret stays as it was.
    event = psm::audit_event("edit", "0f8fad5b-d9cb-469f-a165-70867728950e", "",
                             R"({"name":"psm-authentication","desc":"g)" + hex +
                                 "\"}");
    const std::string plain =
        text_of(psm::audit_fields(event, {.who = "a", .now = 5}));
    check_that(plain, plain.find('*') == std::string::npos);
}

void entries_are_read_back(void** /*state*/)
{
    const AuditEvent event{
        .what = "reissue", .id = "a", .before = "{}", .after = R"({"a":1})"};
    const Actor actor{.who = "alice",
                      .token = "t",
                      .request = "r",
                      .client = "::1",
                      .now = 1790000000};
    RedisValue reply;
    append_entry(reply, "1790000000123-0", psm::audit_fields(event, actor));
    append_entry(reply, "1790000001999-1", {});
    append_entry(reply, "1790000002000-0",
                 {{"privacy", "public"},
                  {"what", "channel set"},
                  {"when", "soon"},
                  {"who", "x"}});
    append_entry(reply, "x", {{"when", "253402300800"}});
    append_entry(reply, "18446744073709551615-0", {{"when", "-1"}});

    const auto entries = psm::read_audit(reply);
    check_equal("all", entries.size(), 5);
    check_same("id", entries[0].id, "1790000000123-0");
    check_same("the same",
               text_of(psm::audit_fields(entries[0].event, entries[0].actor)),
               text_of(psm::audit_fields(event, actor)));
    check_equal("by its id", entries[1].actor.now, 1790000001);
    check_same("others are skipped", entries[2].event.what, "channel set");
    check_equal("no time is none", entries[2].actor.now, 0);
    check_equal("beyond the last", entries[3].actor.now, 0);
    check_equal("before the first", entries[4].actor.now, 0);
}

void replies_may_be_anything(void** /*state*/)
{
    check_that("nil", psm::read_audit({}).empty());
    check_that("text", psm::read_audit(text("x")).empty());

    RedisValue whole;
    append_entry(whole, "1-0", {{"who", "a"}, {"what", "b"}});
    append_entry(whole, "2-0", {{"who", "c"}});
    for (std::size_t length = 0; length < whole.elements.size(); length++) {
        RedisValue cut = whole;
        cut.elements.resize(length);
        check_that("cut", psm::read_audit(cut).size() <= 2);
    }
    for (const std::int64_t count : {std::int64_t{-1}, INT64_MAX, INT64_MIN,
                                     std::int64_t{1}, std::int64_t{3}}) {
        RedisValue odd = whole;
        odd.elements[2].integer = count;
        check_that("odd", !psm::read_audit(odd).empty());
    }
    RedisValue nil = whole;
    nil.elements[2] = {};
    check_that("an entry that is gone", psm::read_audit(nil).empty());
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(only_what_changed_is_kept),
        cmocka_unit_test(fields_are_those_that_are_known),
        cmocka_unit_test(names_make_no_entries),
        cmocka_unit_test(no_secret_is_kept),
        cmocka_unit_test(entries_are_read_back),
        cmocka_unit_test(replies_may_be_anything),
    };
    return cmocka_run_group_tests_name("audit", tests, nullptr, nullptr);
}
