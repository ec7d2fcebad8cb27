// SPDX-License-Identifier: BSD-2-Clause
//
// What users type, judged word by word. Whatever is wrong is refused by name
// and with the remedy; nothing is guessed, shortened or merged in silence.

#pragma once

#include "../lib/field_problem.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace psm::cli {

/// The name of the user who runs this, for owner and audit.
[[nodiscard]] std::string login_name();

/// A text behind an option, which is named; the judges of token_limits.hpp.
void check_text(const char* option, const std::string& text,
                std::optional<std::string> (*judge)(std::string_view));

void check_owner(const std::string& owner);
void check_id(const std::string& id);
void check_channel(const std::string& channel);

/// Ends with all of them, the options' names in the place of the fields', or
/// does nothing when there are none.
void refuse_problems(const FieldProblems& problems);

/// Where the argument list holds one of our tokens. It is visible to every
/// user of the machine and stays in the shell's history.
void refuse_tokens_in_arguments(const std::vector<std::string>& arguments);

/// "30d", "2027-01-31", "2027-01-31T10:00:00Z" or "never".
[[nodiscard]] std::int64_t parse_expiry(const std::string& text,
                                        std::int64_t now);

/// "7d" behind an option, in seconds.
[[nodiscard]] std::int64_t parse_span(const char* option,
                                      const std::string& text);

/// The first line of standard input; the caller wipes it.
[[nodiscard]] std::string read_token_from_stdin();

} // namespace psm::cli
