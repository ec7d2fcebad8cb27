// SPDX-License-Identifier: BSD-2-Clause
//
// What somebody sent, made fit to be shown: to a terminal, in a message, in a
// log.

#pragma once

#include <string>
#include <string_view>

namespace psm {

/// `text` without what would steer a terminal: control characters, marks that
/// turn the direction of what is behind them, and bytes that are not UTF-8
/// become \xNN.
[[nodiscard]] std::string escape(std::string_view text);

/// For a message: escaped and no longer than a line can bear. What may be a
/// token is not shown, but said to be one.
[[nodiscard]] std::string excerpt(std::string_view text);

/// The same in quotes.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// JSON text in which what steers a terminal stands as \uXXXX: it means the
/// same to programs, and people see it. (C0 has no other form in JSON.)
[[nodiscard]] std::string escape_json(std::string json);

} // namespace psm
