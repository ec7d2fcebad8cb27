// SPDX-License-Identifier: BSD-2-Clause
//
// What users type, judged word by word. Whatever is wrong is refused by name
// and with the remedy; nothing is guessed, shortened or merged in silence.

#pragma once

#include "../lib/record.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace psm::cli {

/// The name of the user who runs this, for owner and audit.
[[nodiscard]] std::string login_name();

void check_name(const std::string& name);
void check_description(const std::string& description);
void check_owner(const std::string& owner);
void check_id(const std::string& id);
void check_channel(const std::string& channel);

/// Where the argument list holds one of our tokens. It is visible to every
/// user of the machine and stays in the shell's history.
void refuse_tokens_in_arguments(const std::vector<std::string>& arguments);

/// "30d", "2027-01-31", "2027-01-31T10:00:00Z" or "never", as a time in the
/// future.
[[nodiscard]] std::int64_t parse_expiry(const std::string& text,
                                        std::int64_t now);

/// What the options of create say a token may do.
struct GrantOptions {
    std::vector<std::string> resources; // CHANNEL:LEVEL
    std::vector<std::string> scopes;
    std::vector<std::string> channels;
};

/// Fills kind, resources, scopes and channels of `record`.
void set_grants(const GrantOptions& options, TokenRecord& record);

/// The first line of standard input; the caller wipes it.
[[nodiscard]] std::string read_token_from_stdin();

} // namespace psm::cli
