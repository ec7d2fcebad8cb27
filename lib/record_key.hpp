// SPDX-License-Identifier: BSD-2-Clause
//
// The keys of records in Redis (design.md section 6): what a record is about,
// and back from a key to that, as invalidations need it.

#pragma once

#include "digest.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace psm {

/// Whose record: a token's by its digest (32 bytes), a channel's by its path.
enum class Subject : std::uint8_t { token, channel };

/// `prefix` is that of all our keys.
[[nodiscard]] std::string record_key(std::string_view prefix, Subject subject,
                                     std::string_view name);

/// What a key is about.
class RecordName {
public:
    /// `key` must outlive the object.
    RecordName(std::string_view prefix, std::string_view key) noexcept;

    /// False for a key that no record of ours can have.
    [[nodiscard]] bool known() const noexcept { return known_; }

    [[nodiscard]] Subject subject() const noexcept { return subject_; }

    [[nodiscard]] std::string_view name() const noexcept
    {
        return subject_ == Subject::token ? digest_.view() : channel_;
    }

private:
    bool known_ = false;
    Subject subject_ = Subject::channel;
    TokenDigest digest_;
    std::string_view channel_;
};

} // namespace psm
