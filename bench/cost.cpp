// SPDX-License-Identifier: BSD-2-Clause
//
// What one run of a program costs: the time from before it is made until it
// has ended, its CPU time, its peak of resident memory. A program of its own,
// and a small one, because the kernel counts into a child's peak what the
// parent held.
//
//     cost OUTPUT PROGRAM [WORD...]
//
// What the program says goes to the file OUTPUT. Prints one line of JSON.

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

[[noreturn]] void fail(const char* what)
{
    std::fprintf(stderr, "cost: %s: %s\n", what, std::strerror(errno));
    _exit(126);
}

double now()
{
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) +
           static_cast<double>(time.tv_nsec) / 1e9;
}

double seconds(const timeval& time)
{
    return static_cast<double>(time.tv_sec) +
           static_cast<double>(time.tv_usec) / 1e6;
}

[[noreturn]] void become(const char* output, char** words)
{
    const int file = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const int nothing = open("/dev/null", O_RDONLY);
    if (file < 0 || nothing < 0 || dup2(nothing, 0) < 0 || dup2(file, 1) < 0 ||
        dup2(file, 2) < 0) {
        fail(output);
    }
    execv(words[0], words);
    fail(words[0]);
}

} // namespace

int main(int argc, char** argv)
{
    if (argc < 3) {
        std::fprintf(stderr, "usage: cost OUTPUT PROGRAM [WORD...]\n");
        return 2;
    }
    const double begin = now();
    const pid_t child = fork();
    if (child < 0) {
        fail("fork");
    }
    if (child == 0) {
        become(argv[1], argv + 2);
    }
    int status = 0;
    rusage used{};
    if (wait4(child, &status, 0, &used) < 0) {
        fail("wait4");
    }
    std::printf("{\"wall\":%.6f,\"cpu\":%.6f,\"peak\":%ld,\"code\":%d}\n",
                now() - begin, seconds(used.ru_utime) + seconds(used.ru_stime),
                used.ru_maxrss * 1024,
                WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    return 0;
}
