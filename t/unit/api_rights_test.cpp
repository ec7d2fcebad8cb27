// SPDX-License-Identifier: BSD-2-Clause
//
// Who may see, change and make which tokens (T106, T108).

#include "api_bench.hpp"

namespace {

using bench::Answer;
using bench::ApiBench;
using bench::json;
using bench::now;
using bench::outcome;
using bench::person;
using bench::Shown;

// What the callers of the matrix are asked to do.
struct Act {
    const char* method;
    const char* body;
};

constexpr Act acts[] = {
    {"GET", ""},
    {"PUT", R"({"name":"n"})"},
    {"DELETE", ""},
};

struct Row {
    const char* caller;
    // For each object of the matrix the first digits of the status of the
    // three acts: "2" done, "3" 403, "4" 404, "9" 409.
    const char* alices;
    const char* bobs;
    const char* service;
    const char* damaged;
};

constexpr Row matrix[] = {
    {"alice", "222", "444", "444", "444"},
    {"alice with a record", "222", "444", "444", "444"},
    {"alice's token to view", "233", "433", "433", "433"},
    {"alice's token to edit", "322", "344", "344", "344"},
    {"alice's token for both", "222", "444", "444", "444"},
    {"alice's resource token", "333", "333", "333", "333"},
    {"alice's token without her right", "333", "333", "333", "333"},
    {"manager of main", "444", "444", "222", "444"},
    {"manager's token without the scopes", "444", "444", "444", "444"},
    {"manager's token with them", "444", "444", "222", "444"},
    {"writer of main", "444", "444", "444", "444"},
    {"manager of main2", "444", "444", "444", "444"},
    {"root", "222", "222", "222", "992"},
    {"anybody whom nginx calls an administrator", "222", "222", "222", "992"},
    {"root's token", "222", "222", "222", "992"},
    {"root's token to view", "233", "233", "233", "933"},
    {"root's resource token", "333", "333", "333", "333"},
};

constexpr const char* both = R"("scopes":["user.token:view",)"
                             R"("user.token:edit"])";
constexpr const char* manage =
    R"("scopes":["user.token:view","user.token:edit","artifact:download",)"
    R"("channel:view-artifacts","artifact:create","artifact:edit",)"
    R"("artifact:delete","channel:edit"])";

Shown caller_of(ApiBench& bench, const std::string& name)
{
    if (name == "alice") {
        return person("alice");
    }
    if (name == "alice with a record") {
        bench.user("alice", R"(,"resources":{"main":"read"})");
        return person("alice");
    }
    if (name == "alice's token to view") {
        return bench.token("alice", R"("scopes":["user.token:view"])");
    }
    if (name == "alice's token to edit") {
        return bench.token("alice", R"("scopes":["user.token:edit"])");
    }
    if (name == "alice's token for both") {
        return bench.token("alice", both);
    }
    if (name == "alice's resource token") {
        return bench.token("alice", R"("resources":{"main":"manage"})");
    }
    if (name == "alice's token without her right") {
        bench.user("alice", R"(,"scopes":["artifact:download"])");
        return bench.token("alice", both);
    }
    if (name == "manager of main" || name.starts_with("manager's token")) {
        bench.user("mara", R"(,"resources":{"main":"manage"},)"
                           R"("scopes":["user.token:view","user.token:edit"])");
        return name == "manager of main"
                   ? person("mara")
                   : bench.token("mara",
                                 name.ends_with("with them") ? manage : both);
    }
    if (name == "writer of main") {
        bench.user("will", R"(,"resources":{"main":"write"})");
        return person("will");
    }
    if (name == "manager of main2") {
        bench.user("mia",
                   R"(,"resources":{"main2":"manage","main/x":"manage"})");
        return person("mia");
    }
    if (name == "anybody whom nginx calls an administrator") {
        bench.user("carl", R"(,"resources":{"lab":"read"})");
        return person("carl", true);
    }
    bench.user("root", R"(,"admin":true)");
    if (name == "root") {
        return person("root");
    }
    if (name == "root's token") {
        return bench.token("root", both);
    }
    if (name == "root's token to view") {
        return bench.token("root", R"("scopes":["user.token:view"])");
    }
    return bench.token("root", R"("resources":{"main":"manage"})");
}

void the_matrix_of_callers_and_tokens(void** /*state*/)
{
    for (const Row& row : matrix) {
        const char* const expected[] = {row.alices, row.bobs, row.service,
                                        row.damaged};
        for (std::size_t object = 0; object < std::size(expected); object++) {
            std::string got;
            for (const Act& act : acts) {
                ApiBench bench;
                const Shown caller = caller_of(bench, row.caller);
                const std::string grants = R"("resources":{"main":"read"})";
                const Shown objects[] = {
                    bench.token("alice", grants), bench.token("bob", grants),
                    bench.token("service-account-channel-main", grants),
                    bench.keep("damaged", R"({"v":1,"owner":"alice"})",
                               "alice")};
                const Answer answer = bench.ask(
                    act.method, "/account/tokens/" + objects[object].id, caller,
                    act.body);
                const std::map<unsigned, char> digits{
                    {200, '2'}, {204, '2'}, {403, '3'}, {404, '4'}, {409, '9'}};
                got += digits.contains(answer.status) ? digits.at(answer.status)
                                                      : '?';
                const bool denied = answer.status >= 400;
                check_that(row.caller,
                           !denied || bench.redis.changes <= 1); // the note
                check_that(row.caller,
                           !denied || answer.body.find("\"resources\"") ==
                                          std::string::npos);
            }
            check_same(std::string(row.caller) + " " + std::to_string(object),
                       got, expected[object]);
        }
    }
}

void what_is_not_his_does_not_exist(void** /*state*/)
{
    for (const Act& act : acts) {
        ApiBench bench;
        const std::string grants = R"("resources":{"main":"read"})";
        const Shown bobs = bench.token("bob", grants);
        const Shown dead =
            bench.token("bob", grants + R"(,"deleted":1789999999)");
        const Shown damaged = bench.keep("damaged", "{}", "alice");
        std::string same;
        for (const std::string& id :
             {std::string("0f8fad5b-d9cb-469f-a165-70867728950e"), bobs.id,
              dead.id, damaged.id, std::string("."), std::string("%00"),
              std::string(200, 'a')}) {
            const Answer answer = bench.ask(act.method, "/account/tokens/" + id,
                                            person("alice"), act.body);
            check_same(id, outcome(answer), "404 not_found");
            same = same.empty() ? answer.body : same;
            check_same(id, answer.body, same);
            check_equal(id, answer.headers.size(), 2);
        }
    }
}

// ---- what may be handed out ----

struct Maker {
    const char* label;
    const char* user;   // members of his record; null: none
    const char* token;  // members of his token; "": he comes himself
    const char* wanted; // members of the body
    const char* outcome;
    const char* fields;
};

#define READ_MAIN R"("resources":[{"channel":"main","permission":"read"}])"
#define WRITE_MAIN R"("resources":[{"channel":"main","permission":"write"}])"

constexpr Maker makers[] = {
    {"nobody's record", nullptr, "", READ_MAIN, "403 grants_exceeded",
     "resources"},
    {"his record", R"(,"resources":{"main":"read"})", "", READ_MAIN, "200", ""},
    {"beyond his record", R"(,"resources":{"main":"read"})", "", WRITE_MAIN,
     "403 grants_exceeded", "resources"},
    {"a token with the scopes of the level", nullptr,
     R"("scopes":["user.token:edit","artifact:download",)"
     R"("channel:view-artifacts"])",
     READ_MAIN, "200", ""},
    {"a token with one of them", nullptr,
     R"("scopes":["user.token:edit","artifact:download"])", READ_MAIN,
     "403 grants_exceeded", "resources"},
    {"user.token:edit is not everything", nullptr,
     R"("scopes":["user.token:edit"])", R"("scopes":["artifact:download"])",
     "403 grants_exceeded", "scopes"},
    {"itself it is", nullptr, R"("scopes":["user.token:edit"])",
     R"("scopes":["user.token:edit"])", "200", ""},
    {"a token cut by its owner", R"(,"scopes":["user.token:edit"])",
     R"("scopes":["user.token:edit","artifact:download"])",
     R"("scopes":["artifact:download"])", "403 grants_exceeded", "scopes"},
    {"an administrator's token", R"(,"admin":true)",
     R"("scopes":["user.token:edit"])", R"("scopes":["artifact:download"])",
     "200", ""},
    {"an administrator", R"(,"admin":true)", "", WRITE_MAIN, "200", ""},
    {"for another one", R"(,"resources":{"main":"read"})", "",
     READ_MAIN R"(,"owner":"bob")", "403 grants_exceeded", "owner"},
    {"for himself by name", R"(,"resources":{"main":"read"})", "",
     READ_MAIN R"(,"owner":"alice")", "200", ""},
    {"an administrator for another one", R"(,"admin":true)", "",
     READ_MAIN R"(,"owner":"bob")", "200", ""},
    {"who may not have it", R"(,"admin":true)", "",
     WRITE_MAIN R"(,"owner":"rita")", "422 owner_exceeded", "resources"},
    {"whose record is damaged", R"(,"admin":true)", "",
     WRITE_MAIN R"(,"owner":"dan")", "409 user_damaged", ""},
    {"a service account", R"(,"resources":{"main":"manage"})", "",
     WRITE_MAIN R"(,"service_account":"main")", "200", ""},
    {"of a channel that he does not manage", R"(,"resources":{"main":"write"})",
     "", READ_MAIN R"(,"service_account":"main")", "403 grants_exceeded",
     "service_account"},
    {"by its name", R"(,"resources":{"main":"write"})", "",
     READ_MAIN R"(,"owner":"service-account-channel-main")",
     "403 grants_exceeded", "owner"},
    {"an administrator's service account", R"(,"admin":true)", "",
     READ_MAIN R"(,"service_account":"main")", "200", ""},
    {"a damaged record of his own", R"(,"admin":7)", "", READ_MAIN,
     "409 user_damaged", ""},
    {"a resource token", R"(,"admin":true)", R"("resources":{"main":"manage"})",
     READ_MAIN, "403 scope_missing", ""},
};

void nobody_hands_out_more_than_he_has(void** /*state*/)
{
    for (const Maker& maker : makers) {
        ApiBench bench;
        bench.user("rita", R"(,"resources":{"main":"read"})");
        bench.user("dan", R"(,"resources":{"main":"fly"})");
        if (maker.user != nullptr) {
            bench.user("alice", maker.user);
        }
        const Shown who = *maker.token == '\0'
                              ? person("alice")
                              : bench.token("alice", maker.token);
        const Answer answer =
            bench.ask("POST", "/account/tokens", who,
                      R"({"name":"n",)" + std::string(maker.wanted) + "}");
        check_same(maker.label, outcome(answer), maker.outcome);
        check_same(maker.label, answer.fields(), maker.fields);
    }
}

void a_weak_token_gets_no_strong_string(void** /*state*/)
{
    ApiBench bench;
    const Shown weak = bench.token("alice", both);
    const Shown strong = bench.token("alice", R"("resources":{"main":"read"})");
    const std::string path = "/account/tokens/" + strong.id;
    for (const char* const body :
         {"{}", R"({"reissue":true})",
          R"({"reissue":true,"name":"harmless","overlap":60})"}) {
        const Answer answer = bench.ask("PUT", path, weak, body);
        check_same(body, outcome(answer), "403 grants_exceeded");
    }
    check_same("to name it is no harm",
               outcome(bench.ask("PUT", path, weak, R"({"name":"n"})")), "200");
    check_same(
        "nor to let it end earlier",
        outcome(bench.ask("PUT", path, weak, R"({"expires_at":"2026-09-22"})")),
        "200");
    check_same(
        "to let it last is to hand it out",
        outcome(bench.ask("PUT", path, weak, R"({"expires_at":"2026-10-22"})")),
        "403 grants_exceeded");
    check_same("and so is to give it more",
               outcome(bench.ask("PUT", path, weak, "{" WRITE_MAIN "}")),
               "403 grants_exceeded");
    check_same(
        "its own string it may renew",
        outcome(bench.ask("PUT", "/account/tokens/" + weak.id, weak, "{}")),
        "200");
}

/// The records that allowed it are looked at by the change itself.
void rights_that_end_meanwhile_make_nothing(void** /*state*/)
{
    struct Case {
        const char* label;
        const char* user; // alice's record then; null: her token is revoked
        const char* outcome;
    };

    const Case cases[] = {
        {"revoked", nullptr, "401 token_disabled"},
        {"cut", R"(,"scopes":["user.token:edit"])", "403 grants_exceeded"},
        {"as good as before",
         R"(,"scopes":["user.token:edit",)"
         R"("artifact:download"],"x":1)",
         "200"},
    };
    for (const Case& c : cases) {
        ApiBench bench;
        const Shown maker = bench.token(
            "alice", R"("scopes":["user.token:edit","artifact:download"])");
        bench.redis.crossing = [&] {
            if (c.user != nullptr) {
                bench.user("alice", c.user);
                return;
            }
            json record = bench.record(maker.id);
            record["deleted"] = now;
            bench.redis.strings["psm:t:" + maker.caller.digest] = record.dump();
        };
        const Answer answer =
            bench.ask("POST", "/account/tokens", maker,
                      R"({"name":"n","scopes":["artifact:download"]})");
        check_same(c.label, outcome(answer), c.outcome);
    }
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_matrix_of_callers_and_tokens),
        cmocka_unit_test(what_is_not_his_does_not_exist),
        cmocka_unit_test(nobody_hands_out_more_than_he_has),
        cmocka_unit_test(a_weak_token_gets_no_strong_string),
        cmocka_unit_test(rights_that_end_meanwhile_make_nothing),
    };
    return cmocka_run_group_tests_name("api_rights", tests, nullptr, nullptr);
}
