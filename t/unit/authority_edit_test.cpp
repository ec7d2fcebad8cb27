// SPDX-License-Identifier: BSD-2-Clause
//
// How long grants may last, what an edit may keep, and how refusals read.

#include "authority_samples.hpp"
#include "check.hpp"

#include <string>
#include <vector>

namespace {

using samples::authority;
using samples::token;
using samples::words_of;

void nobody_outlives_his_maker(void** /*state*/)
{
    struct Row {
        std::string_view label;
        std::int64_t until;
        std::int64_t expires;
        std::string_view excess;
    };

    static constexpr Row rows[] = {
        {"earlier", 200, 199, ""},
        {"at the same time", 200, 200, ""},
        {"later", 200, 201, "expires_at"},
        {"never", 200, psm::never_expires, "expires_at"},
        {"never of never", psm::never_expires, psm::never_expires, ""},
        {"the last second of never", psm::never_expires, psm::max_time, ""},
    };
    for (const Row& row : rows) {
        for (const char* const bound : {"main=read", "admin"}) {
            auto maker = authority({bound});
            maker.until = row.until;
            auto wanted = token("main=read");
            wanted.expires = row.expires;
            check_same(row.label, words_of(psm::excess(maker, wanted)),
                       row.excess);
        }
    }
}

void an_edit_keeps_what_was_there(void** /*state*/)
{
    struct Row {
        std::string label;
        std::string bound;
        std::string before;
        std::string wanted;
        std::string excess;
    };

    const Row rows[] = {
        {"all of it", "", "main=manage", "main=manage", ""},
        {"a part", "", "main=manage lab=read", "main=read", ""},
        {"more of one's own", "lab=write", "main=manage",
         "main=manage lab=write", ""},
        {"more than that", "lab=write", "main=manage", "main=manage lab=manage",
         "resources lab"},
        {"an exception taken away", "", "main=manage main/dev=read",
         "main=manage", "resources main"},
        {"to another channel", "", "main=manage", "main2=manage",
         "resources main2"},
        {"scopes", "", "cve:edit @main", "cve:edit @main/dev", ""},
        {"unknown scopes", "", "made:up @main", "made:up @main", ""},
        {"unknown scopes elsewhere", "cve:view", "made:up @main",
         "made:up @lab", "channels lab"},
        {"scopes elsewhere", "cve:view", "cve:edit @main",
         "cve:edit cve:view @main @lab", "channels lab"},
        {"scopes everywhere", "cve:view", "cve:edit @main", "cve:edit",
         "channels"},
        {"reach of both", "cve:edit @lab", "cve:edit @main",
         "cve:edit @main @lab", ""},
        {"another scope", "cve:view", "cve:edit", "cve:edit cve:view", ""},
        {"another kind", "", "main=manage", "artifact:view @main",
         "scopes artifact:view"},
        {"levels are not kept from scopes", "",
         "artifact:download channel:view-artifacts", "main=read",
         "resources main"},
    };
    for (const Row& row : rows) {
        check_same(row.label,
                   words_of(psm::excess(authority({row.bound}),
                                        token(row.before), token(row.wanted))),
                   row.excess);
    }
}

void nothing_is_kept_of_another_kind(void** /*state*/)
{
    // No decoded record is both.
    auto before = token("main=manage");
    before.scopes = {"cve:edit"};
    auto wanted = token("cve:edit");
    check_same("scopes", words_of(psm::excess(authority({""}), before, wanted)),
               "scopes cve:edit");
    before.kind = psm::TokenKind::scope;
    wanted = token("main=read");
    check_same("resources",
               words_of(psm::excess(authority({""}), before, wanted)),
               "resources main");
}

void an_edit_does_not_prolong(void** /*state*/)
{
    struct Row {
        std::string label;
        std::int64_t until;
        std::int64_t before;
        std::int64_t expires;
        std::string wanted;
        std::string excess;
    };

    // The maker may hand out lab=read; the token had main=manage lab=read.
    const Row rows[] = {
        {"kept as long", 100, 300, 300, "main=manage lab=read", ""},
        {"kept shorter", 100, 300, 200, "main=manage lab=read", ""},
        {"kept longer", 400, 300, 400, "main=manage", "expires_at"},
        {"revived", 400, 300, psm::never_expires, "main=manage", "expires_at"},
        {"only what is one's own, longer", 400, 300, 400, "lab=read", ""},
        {"and not too long", 400, 300, 401, "lab=read", "expires_at"},
        {"new, but longer than oneself", 200, 300, 300,
         "main=manage lab/x=read lab=read", ""},
        {"grants and expiry", 200, 300, 301, "main=manage lab=manage",
         "resources lab, expires_at"},
    };
    for (const Row& row : rows) {
        auto maker = authority({"lab=read"});
        maker.until = row.until;
        auto before = token("main=manage lab=read");
        before.expires = row.before;
        auto wanted = token(row.wanted);
        wanted.expires = row.expires;
        check_same(row.label, words_of(psm::excess(maker, before, wanted)),
                   row.excess);
    }

    // What is new lives no longer than who hands it out, whatever was there.
    auto maker = authority({"lab=read"});
    maker.until = 200;
    auto before = token("main=manage");
    before.expires = 300;
    auto wanted = token("main=manage lab=read");
    wanted.expires = 300;
    check_same("new", words_of(psm::excess(maker, before, wanted)),
               "expires_at");
    wanted.expires = 200;
    check_same("new", words_of(psm::excess(maker, before, wanted)), "");
}

void dead_tokens_hand_out_nothing(void** /*state*/)
{
    for (const bool deleted : {false, true}) {
        auto record = token("main=manage");
        if (deleted) {
            record.deleted = 1;
        } else {
            record.disabled = true;
        }
        const psm::Authority maker{.bounds = {psm::rights_of(record)}};
        check_same("dead", words_of(psm::excess(maker, token("main=read"))),
                   "resources main");
        // But their own grants can be kept in an edit.
        check_same("kept",
                   words_of(psm::excess(authority({""}), record, record)), "");
    }
}

void it_is_said_what_is_too_much(void** /*state*/)
{
    struct Row {
        std::string bound;
        std::string wanted;
        std::string why;
    };

    const Row rows[] = {
        {"main=read", "main=manage",
         "manage is wanted, at most read may be handed out"},
        {"main=read", "lab=read", "read is wanted, nothing may be handed out"},
        {"main=manage main/dev=read", "main=write",
         "write is wanted and reaches main/dev, where at most read may be "
         "handed out: give main/dev a level of its own"},
        {"cve:view", "cve:edit", "is not a scope that may be handed out"},
        {"cve:view", "made:up", "is not a known scope"},
        {"cve:view @main", "cve:view @lab",
         "is out of reach of what may be handed out"},
        {"cve:view @main", "cve:view",
         "none is named, which reaches every channel: name those that are "
         "meant"},
    };
    for (const Row& row : rows) {
        const auto found =
            psm::excess(authority({row.bound}), token(row.wanted));
        check_equal(row.why, found.size(), 1);
        check_same(row.wanted, found.front().why, row.why);
    }

    auto maker = authority({"main=read"});
    maker.until = 1790000000;
    const auto found = psm::excess(maker, token("main=read"));
    check_equal("expiry", found.size(), 1);
    check_same("expiry", found.front().why,
               "is later than 2026-09-21T14:13:20Z, until when these grants "
               "may be handed out: name an earlier time");
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(nobody_outlives_his_maker),
        cmocka_unit_test(an_edit_keeps_what_was_there),
        cmocka_unit_test(nothing_is_kept_of_another_kind),
        cmocka_unit_test(an_edit_does_not_prolong),
        cmocka_unit_test(dead_tokens_hand_out_nothing),
        cmocka_unit_test(it_is_said_what_is_too_much),
    };
    return cmocka_run_group_tests_name("authority_edit", tests, nullptr,
                                       nullptr);
}
