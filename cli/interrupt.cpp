// SPDX-License-Identifier: BSD-2-Clause

#include "interrupt.hpp"

#include <cstdlib>

namespace psm::cli {

namespace {

volatile std::sig_atomic_t noted = 0;

extern "C" void note_signal(int signal)
{
    noted = signal;
}

} // namespace

Interrupt::Interrupt()
{
    noted = 0;
    for (std::size_t i = 0; i < signals.size(); i++) {
        struct sigaction action {};

        action.sa_handler = note_signal;
        action.sa_flags = static_cast<int>(SA_RESETHAND);
        sigaction(signals[i], nullptr, &before_[i]);
        // Who ignores it (nohup) goes on to do so.
        if (before_[i].sa_handler != SIG_IGN) {
            sigaction(signals[i], &action, nullptr);
        }
    }
}

Interrupt::~Interrupt()
{
    for (std::size_t i = 0; i < signals.size(); i++) {
        sigaction(signals[i], &before_[i], nullptr);
    }
}

bool Interrupt::asked() noexcept
{
    return noted != 0;
}

Interrupted::Interrupted(const std::string& done)
    : Failure(128 + noted, "interrupted: " + done), signal_(noted)
{
}

void Interrupted::die() const
{
    static_cast<void>(std::signal(signal_, SIG_DFL));
    static_cast<void>(std::raise(signal_));
    std::_Exit(code());
}

} // namespace psm::cli
