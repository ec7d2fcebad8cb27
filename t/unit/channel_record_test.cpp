// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "../../lib/record.hpp"

#include <string>

namespace {

using psm::Privacy;

void privacies_have_names(void** /*state*/)
{
    struct Case {
        std::string_view name;
        Privacy privacy;
    };

    static constexpr Case cases[] = {
        {"public", Privacy::open},
        {"authenticated", Privacy::authenticated},
        {"private", Privacy::closed},
    };
    for (const Case& c : cases) {
        check_same(c.name, psm::privacy_name(c.privacy), c.name);
        check_that(c.name, psm::find_privacy(c.name) == c.privacy);
    }
    for (const std::string_view name : {"", "Public", "open", "closed", "x"}) {
        check_that(name, !psm::find_privacy(name).has_value());
    }
}

void records_survive_a_round_trip(void** /*state*/)
{
    for (const Privacy privacy :
         {Privacy::open, Privacy::authenticated, Privacy::closed}) {
        const std::string name(psm::privacy_name(privacy));
        const std::string json = R"({"v":1,"privacy":")" + name + "\"}";
        check_same(name, psm::encode_channel_record(privacy), json);
        auto read = privacy == Privacy::open ? Privacy::closed : Privacy::open;
        check_same(name, psm::decode_channel_record(json, read).value_or(""),
                   "");
        check_equal(name, read, privacy);
    }
}

void keys_of_others_are_skipped(void** /*state*/)
{
    Privacy privacy = Privacy::closed;
    check_same("problem",
               psm::decode_channel_record(
                   R"({"note":{"privacy":"private"},"privacy":"public","v":1})",
                   privacy)
                   .value_or(""),
               "");
    check_equal("privacy", privacy, Privacy::open);
}

void bad_records_are_refused(void** /*state*/)
{
    for (const std::string_view json :
         {"", "public", "\"public\"", "[]", "{}", R"({"v":1})",
          R"({"privacy":"public"})", R"({"v":2,"privacy":"public"})",
          R"({"v":"1","privacy":"public"})", R"({"v":1,"privacy":"Public"})",
          R"({"v":1,"privacy":""})", R"({"v":1,"privacy":null})",
          R"({"v":1,"privacy":["public"]})", R"({"v":1,"privacy":true})",
          R"({"v":1,"privacy":{"public":"public"}})",
          R"({"v":1,"privacy":"private","privacy":"public"})",
          R"({"v":1,"v":1,"privacy":"public"})",
          R"({"v":1,"privacy":"public"}x)", R"({"v":1,"privacy":"public")"}) {
        Privacy privacy = Privacy::closed;
        check_that(json, psm::decode_channel_record(json, privacy).has_value());
        check_that(json, privacy != Privacy::open);
    }
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(privacies_have_names),
        cmocka_unit_test(records_survive_a_round_trip),
        cmocka_unit_test(keys_of_others_are_skipped),
        cmocka_unit_test(bad_records_are_refused),
    };
    return cmocka_run_group_tests_name("channel_record", tests, nullptr,
                                       nullptr);
}
