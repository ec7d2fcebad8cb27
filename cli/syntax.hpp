// SPDX-License-Identifier: BSD-2-Clause
//
// The options and arguments that a command understands, as its define function
// says them. CLI11 parses them: behind this header, for it takes longer to
// compile than all of a command.
//
// A handle, to be copied: CLI11's tree, which the main program holds, owns
// what was said. Where the values go must live until the tree has parsed.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace psm::cli {

struct CommandUsage;

class Option {
public:
    explicit Option(CLI::Option* option) : option_(option) {}

    /// What it takes; see usage.hpp for the words that say more.
    Option takes(std::string_view what);
    Option required();
    /// `--help` shows what it is if not given.
    Option shows_preset();
    /// The environment variable that may take its place.
    Option from_environment(const char* name);
    /// To be named again for each value, so that arguments may follow it.
    Option one_at_a_time();

    /// Once parsed: whether it was there.
    [[nodiscard]] bool given() const;

private:
    CLI::Option* option_;
};

class Syntax {
public:
    explicit Syntax(CLI::App& app) : app_(&app) {}

    /// \param names "-q,--quiet"; without a dash it is an argument
    Option add(const char* names, std::string& value, const char* help);
    Option add(const char* names, std::optional<std::string>& value,
               const char* help);
    Option add(const char* names, std::optional<std::int64_t>& value,
               const char* help);
    Option add(const char* names, std::vector<std::string>& values,
               const char* help);
    void add_flag(const char* names, bool& value, const char* help);

    /// One of its own commands, of which one must be given.
    Syntax add_command(const char* name, const char* summary);

    /// A paragraph of `--help`, below the options.
    void add_remark(const std::string& text);

    /// Once parsed: whether this command was given.
    [[nodiscard]] bool given() const;

    /// Of the program that this is a command of.
    [[nodiscard]] CommandUsage program_usage() const;

private:
    CLI::App* app_;
};

} // namespace psm::cli
