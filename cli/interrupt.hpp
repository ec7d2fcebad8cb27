// SPDX-License-Identifier: BSD-2-Clause
//
// Ctrl-C during work in steps. While an Interrupt lives, SIGINT, SIGTERM and
// SIGHUP are noted, so that the step under way is finished and what was done
// can be said; a second one ends the program at once.
//
//     const Interrupt interrupt;
//     for (...) {
//         step();
//         if (Interrupt::asked()) { throw Interrupted("12 of 40 are done"); }
//     }
//
// One at a time.

#pragma once

#include "command.hpp"

#include <array>
#include <csignal>

namespace psm::cli {

class Interrupt {
public:
    Interrupt();
    ~Interrupt();
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;

    [[nodiscard]] static bool asked() noexcept;

private:
    static constexpr std::array<int, 3> signals{SIGINT, SIGTERM, SIGHUP};

    std::array<struct sigaction, signals.size()> before_{};
};

/// Ends the program as the signal would have, behind the message: a script
/// that runs it ends, too, and the exit code is 130 for Ctrl-C.
class Interrupted : public Failure {
public:
    explicit Interrupted(const std::string& done);

    /// Of a program that has printed all it had to.
    [[noreturn]] void die() const;

private:
    int signal_;
};

} // namespace psm::cli
