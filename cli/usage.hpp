// SPDX-License-Identifier: BSD-2-Clause
//
// What psm-token understands, read off its CLI11 tree: the one source of
// `--help`, the man page and the completions.
//
// What an option takes is its type name: words between bars, as in
// "read|write", are all there is; SCOPE, CHANNEL:LEVEL and FILE are known; any
// other word is a name for people.

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace psm::cli {

struct OptionUsage {
    std::vector<std::string> names; // "-q" and "--quiet"; "ID" of an argument
    std::string takes;              // "": it is a flag
    std::string help;
    std::string environment; // the variable that may take its place
    std::string preset;      // its value when it is not given; "": none
    bool required = false;
    bool repeats = false;
};

struct CommandUsage {
    std::vector<std::string> path; // {"channel", "set"}; {}: the program
    std::string summary;
    std::string footer;
    std::vector<OptionUsage> options;
    std::vector<OptionUsage> arguments;
    std::vector<CommandUsage> commands;
};

/// The program's.
[[nodiscard]] CommandUsage read_usage(const CLI::App& app);

/// Itself and all below it, from the top.
[[nodiscard]] std::vector<const CommandUsage*>
flatten(const CommandUsage& command);

/// "channel set".
[[nodiscard]] std::string join_path(const CommandUsage& command);

/// The options that are understood behind a command: its own, and those of
/// the program.
[[nodiscard]] std::vector<OptionUsage>
options_behind(const CommandUsage& command, const CommandUsage& program);

inline constexpr std::string_view takes_scope = "SCOPE";
inline constexpr std::string_view takes_grant = "CHANNEL:LEVEL";
inline constexpr std::string_view takes_file = "FILE";

/// The words that `takes` leaves the choice of; none: any text.
[[nodiscard]] std::vector<std::string> words_of(std::string_view takes);

/// With blanks between them.
[[nodiscard]] std::string join_words(const std::vector<std::string>& words);

/// For a type name: "read|write|manage", and "public|authenticated|private".
[[nodiscard]] std::string level_words();
[[nodiscard]] std::string privacy_words();

} // namespace psm::cli
