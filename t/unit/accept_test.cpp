// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "../../lib/accept.hpp"

namespace {

struct Case {
    std::string_view accept;
    std::string_view type;
    int quality;
};

constexpr Case cases[] = {
    // all the same
    {"", "text/plain", 1000},
    {"  \t", "text/plain", 1000},
    {"*/*", "text/plain", 1000},
    {"*/*;q=0.2", "text/plain", 200},
    // by name
    {"text/plain", "text/plain", 1000},
    {"TEXT/Plain", "text/plain", 1000},
    {"text/plain", "application/json", 0},
    {"text/plainer", "text/plain", 0},
    {"text/plai", "text/plain", 0},
    {"text", "text/plain", 0},
    {"application/json, text/plain;q=0.5", "text/plain", 500},
    {"application/json,text/plain;q=0.5", "application/json", 1000},
    // by kind
    {"text/*", "text/plain", 1000},
    {"Text/*;q=0.25", "text/plain", 250},
    {"text/*", "application/json", 0},
    {"tex/*", "text/plain", 0},
    {"/*", "text/plain", 0},
    {"*/plain", "text/plain", 0},
    // the most exact counts, wherever it stands
    {"text/plain;q=0.1, text/*;q=0.5, */*", "text/plain", 100},
    {"*/*, text/*;q=0.5, text/plain;q=0.1", "text/plain", 100},
    {"*/*;q=0.9, text/*;q=0.5", "text/plain", 500},
    {"text/plain;q=0, */*", "text/plain", 0},
    // the highest of equals
    {"text/plain;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.3",
     "text/plain", 400},
    {"text/plain;q=0.3,text/plain;q=0.4", "text/plain", 400},
    // q where it may stand
    {"text/plain; q=0.5", "text/plain", 500},
    {"text/plain ;\tQ=0.5 ", "text/plain", 500},
    {"text/plain;charset=utf-8;q=0.5;x=1", "text/plain", 500},
    {"text/plain;q=0.5;q=0.9", "text/plain", 500},
    {"text/plain;note=\"a,b;q=0.1\";q=0.7", "text/plain", 700},
    {"text/plain;note=\"a\\\",b\";q=0.7", "text/plain", 700},
    {"text/plain;note=\"a,b", "text/plain", 1000},
    {"text/plain;note=\"a\\", "text/plain", 1000},
    // its form
    {"text/plain;q=1", "text/plain", 1000},
    {"text/plain;q=1.", "text/plain", 1000},
    {"text/plain;q=1.000", "text/plain", 1000},
    {"text/plain;q=0", "text/plain", 0},
    {"text/plain;q=0.001", "text/plain", 1},
    {"text/plain;q=0.123", "text/plain", 123},
    // no quality: the range is not there
    {"text/plain;q=", "text/plain", 0},
    {"text/plain;q=2", "text/plain", 0},
    {"text/plain;q=1.001", "text/plain", 0},
    {"text/plain;q=0.1234", "text/plain", 0},
    {"text/plain;q=.5", "text/plain", 0},
    {"text/plain;q=0,5", "text/plain", 0},
    {"text/plain;q=0.x", "text/plain", 0},
    {"text/plain;q=-1", "text/plain", 0},
    {"text/plain;q=x, */*;q=0.5", "text/plain", 500},
    // nothing between commas
    {",", "text/plain", 0},
    {",,text/plain,,", "text/plain", 1000},
    {";q=1", "text/plain", 0},
};

void every_case(void** /*state*/)
{
    for (const Case& c : cases) {
        check_equal(c.accept, psm::quality_of(c.accept, c.type), c.quality);
    }
}

/// Nothing is read behind the end, wherever the header is cut.
void every_cut(void** /*state*/)
{
    for (const Case& c : cases) {
        for (std::size_t n = 0; n <= c.accept.size(); n++) {
            const std::string_view cut = c.accept.substr(0, n);
            const int quality = psm::quality_of(cut, c.type);
            check_that(cut, quality >= 0 && quality <= 1000);
        }
    }
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_case),
        cmocka_unit_test(every_cut),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
