// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "../../lib/redis_output.hpp"

#include <array>
#include <string>

namespace {

using psm::RedisOutput;

void put(RedisOutput& output, std::string_view word)
{
    const std::array<std::string_view, 1> words{word};
    const std::size_t before = output.view().size();
    output.append(words);
    check_equal(word, output.view().size() - before,
                psm::formatted_size(words));
}

std::string formatted(std::string_view word)
{
    return "*1\r\n$" + std::to_string(word.size()) + "\r\n" +
           std::string(word) + "\r\n";
}

void bytes_keep_their_order_as_it_grows(void** /*state*/)
{
    RedisOutput output;
    std::string expected;
    std::size_t sent = 0;
    for (std::size_t i = 0; i < 300; i++) {
        const std::string word(i * 7, static_cast<char>('a' + i % 26));
        put(output, word);
        expected += formatted(word);
        if (i == 2) {
            output.seal();
        }
        output.sent(i % 5);
        sent += i % 5;
        check_same(word, output.view(),
                   std::string_view(expected).substr(sent));
    }
    output.sent(expected.size()); // more than there is
    check_same("all sent", output.view(), "");
    put(output, "PING");
    check_same("goes on", output.view(), formatted("PING"));
}

/// A view into the buffer shows what is left of a secret once it is sent.
void secrets_are_wiped_once_sent(void** /*state*/)
{
    RedisOutput output;
    output.make_room(4096);
    put(output, "SECRET");
    output.seal();
    put(output, std::string(1000, 'x'));
    const std::string_view view = output.view();
    const std::size_t secret = formatted("SECRET").size();

    output.sent(secret - 1);
    check_that("not all of it has gone",
               view.substr(0, secret).find("SECRET") != std::string_view::npos);
    output.sent(1);
    check_that("the buffer is where it was",
               output.view().data() == view.data() + secret);
    check_same("wiped", view.substr(0, secret), std::string(secret, '\0'));
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(bytes_keep_their_order_as_it_grows),
        cmocka_unit_test(secrets_are_wiped_once_sent),
    };
    return cmocka_run_group_tests_name("redis_output", tests, nullptr, nullptr);
}
