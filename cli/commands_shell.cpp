// SPDX-License-Identifier: BSD-2-Clause
//
// completion, man: what the program says of itself to shells and to man. make
// install puts both where they are looked for.

#include "command.hpp"
#include "completion.hpp"
#include "man_page.hpp"
#include "output.hpp"
#include "usage.hpp"

#include <algorithm>
#include <array>

namespace psm::cli {

namespace {

struct Shell {
    std::string_view name;
    std::string (*script)(const CommandUsage&);
};

constexpr std::array<Shell, 3> shells{{
    {"bash", bash_completion},
    {"zsh", zsh_completion},
    {"fish", fish_completion},
}};

} // namespace

Action define_completion(Syntax syntax)
{
    auto name = std::make_shared<std::string>();
    std::string names;
    for (const Shell& shell : shells) {
        names += (names.empty() ? "" : "|") + std::string(shell.name);
    }
    syntax.add("SHELL", *name, "The shell whose script it is")
        .takes(names)
        .required();
    return [name, syntax](Environment&) {
        const auto* const shell =
            std::ranges::find(shells, std::string_view(*name), &Shell::name);
        if (shell == shells.end()) {
            refuse("\"" + escape(*name) +
                   "\" is no shell with completions: use bash, zsh or fish");
        }
        print(shell->script(syntax.program_usage()));
        return yes;
    };
}

Action define_man(Syntax syntax)
{
    return [syntax](Environment&) {
        print(man_page(syntax.program_usage()));
        return yes;
    };
}

} // namespace psm::cli
