// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "../../lib/record_key.hpp"

#include <string>

namespace {

using psm::record_key;
using psm::RecordName;
using psm::Subject;

const std::string hex =
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

std::string digest()
{
    std::string bytes;
    for (char c = 0; c < 32; c++) {
        bytes += c;
    }
    return bytes;
}

void keys_are_made_and_read_back(void**)
{
    const std::string token = record_key("psm:", Subject::token, digest());
    check_same("token", token, "psm:t:" + hex);
    const RecordName name("psm:", token);
    check_that("known", name.known());
    check_equal("subject", name.subject(), Subject::token);
    check_same("name", name.name(), digest());

    const std::string channel = record_key("p", Subject::channel, "main/dev");
    check_same("channel", channel, "pc:main/dev");
    const RecordName path("p", channel);
    check_that("known", path.known());
    check_equal("subject", path.subject(), Subject::channel);
    check_same("name", path.name(), "main/dev");
}

void other_keys_are_not_ours(void**)
{
    const std::string upper = "psm:t:" + std::string(64, 'A');
    const std::string long_hex = "psm:t:" + hex + "0";
    for (const std::string_view key :
         {std::string_view(), std::string_view("psm:"),
          std::string_view("psm:t:"), std::string_view("psm:t:abc"),
          std::string_view("psm:c:"), std::string_view("psm:i:x"),
          std::string_view("other:c:main"), std::string_view(upper),
          std::string_view(long_hex)}) {
        check_that(key, !RecordName("psm:", key).known());
    }
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_made_and_read_back),
        cmocka_unit_test(other_keys_are_not_ours),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
