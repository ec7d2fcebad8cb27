// SPDX-License-Identifier: BSD-2-Clause

#include "consent.hpp"

#include "command.hpp"

#include <unistd.h>

#include <cstdio>

namespace psm::cli {

namespace {

/// Nothing at the end of the input.
std::string read_answer()
{
    std::string answer;
    for (int c = std::getchar(); c != EOF && c != '\n'; c = std::getchar()) {
        answer.push_back(static_cast<char>(c));
    }
    return answer;
}

} // namespace

void ask_for_deletion(const std::string& what, bool given)
{
    if (given) {
        return;
    }
    if (isatty(STDIN_FILENO) == 0 || isatty(STDERR_FILENO) == 0) {
        refuse("this deletes " + what +
               ", and there is no terminal to ask on: add --yes");
    }
    const std::string question = "Delete " + what + "? [y/N] ";
    static_cast<void>(std::fwrite(question.data(), 1, question.size(), stderr));
    const std::string answer = read_answer();
    if (answer != "y" && answer != "Y" && answer != "yes") {
        throw Failure(no, "nothing was deleted");
    }
}

} // namespace psm::cli
