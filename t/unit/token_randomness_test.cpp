// SPDX-License-Identifier: BSD-2-Clause
//
// T115: the characters of a token are random, each as likely as any other at
// each of its places, and come from the kernel. A right generator fails here
// once in some ten thousand runs.

#include "check.hpp"

#include "token.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <exception>
#include <span>
#include <string>
#include <vector>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr std::size_t tokens = 1'000'000;
constexpr std::size_t places =
    psm::token_length - psm::token_prefix.size() - psm::token_checksum_length;
constexpr std::size_t digits = 62;

/// 0 to 61, in the order of ASCII.
std::size_t digit_of(char c)
{
    const auto value = static_cast<std::size_t>(c);
    return c <= '9'   ? value - '0'
           : c <= 'Z' ? value - 'A' + 10
                      : value - 'a' + 36;
}

std::uint64_t number_of(std::string_view some)
{
    std::uint64_t number = 0;
    for (const char c : some) {
        number = number * digits + digit_of(c);
    }
    return number;
}

using Counts = std::array<std::array<std::uint32_t, digits>, places>;

/// Of 61 degrees of freedom. A remainder of a byte without rejection comes to
/// some 6,600.
double chi_square(std::span<const std::uint32_t> counts)
{
    constexpr double mean = static_cast<double>(tokens) / digits;
    double sum = 0;
    for (const std::uint32_t count : counts) {
        sum += (count - mean) * (count - mean) / mean;
    }
    return sum;
}

/// No two have even ten characters in common at one of these places: 62^10 is
/// 8.4e17, so that chance does it to a million once in a million times.
void a_million_differ_and_are_even(void**)
{
    constexpr std::size_t length = 10;
    constexpr std::array<std::size_t, 3> windows{0, 13, places - length};
    std::array<std::vector<std::uint64_t>, windows.size()> seen;
    Counts counts{};

    for (std::size_t n = 0; n < tokens; n++) {
        const std::string token = psm::generate_token();
        const std::string_view body =
            std::string_view(token).substr(psm::token_prefix.size(), places);
        for (std::size_t i = 0; i < places; i++) {
            counts[i][digit_of(body[i])]++;
        }
        for (std::size_t i = 0; i < windows.size(); i++) {
            seen[i].push_back(number_of(body.substr(windows[i], length)));
        }
    }
    for (auto& numbers : seen) {
        std::ranges::sort(numbers);
        check_that("no repeat",
                   std::ranges::adjacent_find(numbers) == numbers.end());
    }
    // One in a billion is beyond 153, or below 15: too even is no chance.
    for (std::size_t i = 0; i < places; i++) {
        const double sum = chi_square(counts[i]);
        check_that(std::to_string(i), sum > 15 && sum < 153);
    }
}

constexpr int made = 0;
constexpr int refused = 3;
constexpr int no_filter = 77;

/// These system calls fail from now on.
bool forbid(std::span<const unsigned> calls, unsigned error)
{
    std::vector<sock_filter> rules{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
    for (const unsigned call : calls) {
        rules.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1));
        rules.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error));
    }
    rules.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const sock_fprog program{static_cast<unsigned short>(rules.size()),
                             rules.data()};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

int try_to_make_one()
{
    try {
        return psm::is_own_token(psm::generate_token()) ? made : 1;
    } catch (const std::exception&) {
        return refused;
    }
}

/// What becomes of a token in a process that may not make these calls.
int token_without(std::span<const unsigned> calls)
{
    const pid_t child = fork();
    if (child == 0) {
        _exit(forbid(calls, ENOSYS) ? try_to_make_one() : no_filter);
    }
    int status = 0;
    check_equal("waitpid", waitpid(child, &status, 0), child);
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code == no_filter) {
        print_message("the kernel lets nobody filter system calls here\n");
        _skip(__FILE__, __LINE__);
    }
    return code;
}

constexpr std::array<unsigned, 1> getrandom_call{SYS_getrandom};
constexpr unsigned open_calls[] = {SYS_openat,
#ifdef SYS_open
                                   SYS_open
#endif
};

/// With no file it comes from getrandom; with neither there is no token, not a
/// weak one. The generator of a process that is forked is seeded again, so the
/// parent's, which has made tokens, does not help.
void they_come_from_the_kernel(void**)
{
    check_that("before", psm::is_own_token(psm::generate_token()));
    check_equal("without files", token_without(open_calls), made);

    std::vector<unsigned> all(std::begin(open_calls), std::end(open_calls));
    all.insert(all.end(), getrandom_call.begin(), getrandom_call.end());
    check_equal("without files and getrandom", token_without(all), refused);
}

/// nginx's workers are forked from one process.
void forked_processes_make_different_ones(void**)
{
    static_cast<void>(psm::generate_token());
    std::vector<std::string> all;
    for (int i = 0; i < 8; i++) {
        std::array<int, 2> ends{};
        check_equal("pipe", pipe(ends.data()), 0);
        const pid_t child = fork();
        if (child == 0) {
            const std::string token = psm::generate_token();
            const auto sent = write(ends[1], token.data(), token.size());
            _exit(sent == static_cast<ssize_t>(token.size()) ? 0 : 1);
        }
        std::string token(psm::token_length, ' ');
        check_equal("read", read(ends[0], token.data(), token.size()),
                    psm::token_length);
        close(ends[0]);
        close(ends[1]);
        check_equal("waitpid", waitpid(child, nullptr, 0), child);
        all.push_back(token);
    }
    std::ranges::sort(all);
    check_that("all differ", std::ranges::adjacent_find(all) == all.end());
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_million_differ_and_are_even),
        cmocka_unit_test(they_come_from_the_kernel),
        cmocka_unit_test(forked_processes_make_different_ones),
    };
    return cmocka_run_group_tests_name("token randomness", tests, nullptr,
                                       nullptr);
}
