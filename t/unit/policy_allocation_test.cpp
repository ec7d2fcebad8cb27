// SPDX-License-Identifier: BSD-2-Clause
//
// The way of a request whose token is in the cache stays off the heap.

#include "check.hpp"
#include "policy_samples.hpp"

#include "../../lib/policy.hpp"
#include "../../lib/target.hpp"

#include <cstdlib>
#include <new>
#include <string>
#include <vector>

namespace {

std::size_t allocations = 0;

} // namespace

// Counted, because a decision must not allocate.
[[gnu::noinline]] void* operator new(std::size_t size)
{
    allocations++;
    void* const block = std::malloc(size > 0 ? size : 1);
    if (block == nullptr) {
        throw std::bad_alloc();
    }
    return block;
}

[[gnu::noinline]] void* operator new(std::size_t size,
                                     const std::nothrow_t& /*tag*/) noexcept
{
    allocations++;
    return std::malloc(size > 0 ? size : 1);
}

[[gnu::noinline]] void operator delete(void* block) noexcept
{
    std::free(block);
}

[[gnu::noinline]] void operator delete(void* block,
                                       std::size_t /*size*/) noexcept
{
    std::free(block);
}

namespace {

using psm::ChannelPrivacy;
using psm::Level;
using psm::Method;

using samples::known;
using samples::now;
using samples::package;
using samples::question;
using samples::resource_token;
using samples::scope_token;

void deciding_allocates_nothing(void** /*state*/)
{
    static_assert(noexcept(psm::decide({}, {}, ChannelPrivacy::open, 0)));
    const std::string grants =
        resource_token({{"main", Level::read}, {"a/b/c/d/e/f", Level::write}});
    const std::string scopes =
        scope_token({"artifact:download"}, {"main", "a/b/c/d/e/f/g/h"});
    const std::vector<std::string_view> bases{"/", "/api/repo/"};
    check_that("counter", allocations > 0);

    const std::size_t before = allocations;
    int granted = 0;
    for (const std::string* bytes : {&grants, &scopes}) {
        for (const std::string_view uri :
             {"/api/repo/main/linux-64/repodata.json.zst",
              "/a/b/c/d/e/f/g/h/noarch/package-1.0-0.conda"}) {
            const auto asked =
                question(Method::get, psm::find_target(uri, bases));
            granted +=
                psm::decide(asked, known(*bytes), ChannelPrivacy::closed, now)
                    .allow();
        }
    }
    check_equal("allocations", allocations - before, 0);
    check_equal("granted", granted, 4);
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(deciding_allocates_nothing),
    };
    return cmocka_run_group_tests_name("policy_allocation", tests, nullptr,
                                       nullptr);
}
