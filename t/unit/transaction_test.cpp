// SPDX-License-Identifier: BSD-2-Clause
//
// What a change looks like on its way to the script; that the script does it
// is seen end to end.

#include "check.hpp"

#include "../../lib/script.hpp"
#include "../../lib/transaction.hpp"

#include <string>

namespace {

using psm::Transaction;

std::string text_of(const Transaction& change)
{
    std::string text;
    for (const std::string& word : change.words()) {
        text += text.empty() ? word : " " + word;
    }
    return text;
}

void nothing_is_three_zeros(void**)
{
    check_same("empty", text_of(Transaction()), "0 0 0");
}

void each_key_is_declared_once(void**)
{
    Transaction change;
    change.expect("a", "held");
    change.expect("b", "");
    change.set("a", "new", 1790000000);
    change.set("b", "kept", std::nullopt);
    check_same("words", text_of(change),
               "2 a b "
               "2 1 held 2  "
               "0 "
               "1 SET 1 new 1 PEXPIREAT 1 1790000000000 1 SET 2 kept");
}

void types_are_looked_at_before(void**)
{
    Transaction change;
    change.index("z", "id", 7);
    change.unindex("y", "id");
    change.prune("x", 9);
    change.include("s", "m");
    change.exclude("t", "m");
    change.drop_field("h", "f");
    check_same("words", text_of(change),
               "6 z y x s t h 0 "
               "6 1 zset 2 zset 3 zset 4 set 5 set 6 hash "
               "2 ZADD 1 7 id 1 ZREM 2 id 2 ZREMRANGEBYSCORE 3 -inf 9 "
               "1 SADD 4 m 1 SREM 5 m 1 HDEL 6 f");
}

void words_of_clients_stay_words(void**)
{
    Transaction change;
    change.append("log", 100, {{"who", "a b\r\nDEL x"}, {"what", ""}});
    change.remove("gone");
    change.touch("again", "as it is");
    const auto words = change.words();
    check_equal("number", words.size(), 27);
    check_same("entry", words.at(16), "a b\r\nDEL x");
    check_same("empty", words.at(18), "");
    check_same("no words", words.at(19), "0");
    check_same("kept", words.back(), "KEEPTTL");
}

void a_script_is_called_by_its_digest(void**)
{
    check_same("of an empty text", psm::Script("").sha1(),
               "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    check_same("of a text", psm::Script("return 1").sha1(),
               "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_three_zeros),
        cmocka_unit_test(each_key_is_declared_once),
        cmocka_unit_test(types_are_looked_at_before),
        cmocka_unit_test(words_of_clients_stay_words),
        cmocka_unit_test(a_script_is_called_by_its_digest),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
