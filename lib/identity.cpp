// SPDX-License-Identifier: BSD-2-Clause
//
// Layout (native byte order: the bytes never leave the process):
//
//      0  8  expires          18  1  length of the id
//      8  8  scopes           19  1  length of the owner
//     16  1  flags            20  2  length of the name
//     17  1  kind             22  2  number of grants
//     24     id, name, owner, grants
//
// Grants stand longest path first: the first that covers a channel is the
// most specific one, because all paths that cover it are prefixes of it.

#include "identity.hpp"

#include "channel.hpp"
#include "record.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <type_traits>
#include <vector>

namespace psm {

namespace {

constexpr std::size_t expires_at = 0;
constexpr std::size_t scopes_at = 8;
constexpr std::size_t flags_at = 16;
constexpr std::size_t kind_at = 17;
constexpr std::size_t id_length_at = 18;
constexpr std::size_t owner_length_at = 19;
constexpr std::size_t name_length_at = 20;
constexpr std::size_t grant_count_at = 22;
constexpr std::size_t header_size = 24;

constexpr std::uint8_t flag_disabled = 1;

using GrantCount = std::uint16_t;
using PathLength = std::uint16_t;
constexpr std::size_t grant_header_size = 1 + sizeof(PathLength);

/// memcpy, because nothing aligns the bytes of a cache entry.
template <typename T>
T load(std::string_view bytes, std::size_t at) noexcept
{
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

/// Writes one value behind the other, where there is room for all of them.
class Writer {
public:
    explicit Writer(char* at) noexcept : at_(at) {}

    template <typename T>
    void value(T value) noexcept
    {
        static_assert(std::is_trivially_copyable_v<T>);
        std::memcpy(at_, &value, sizeof value);
        at_ += sizeof value;
    }

    void text(std::string_view text) noexcept
    {
        at_ = std::copy(text.begin(), text.end(), at_);
    }

    [[nodiscard]] const char* at() const noexcept { return at_; }

private:
    char* at_;
};

/// A length as it is stored; a record that does not fit was never decoded
/// by us, and a grant must not be cut short or left out.
template <typename T>
T fit(std::size_t length)
{
    if (length > std::numeric_limits<T>::max()) {
        throw std::length_error("token record is too large to pack");
    }
    return static_cast<T>(length);
}

// Where name, owner and grants begin.
std::size_t name_at(std::string_view bytes) noexcept
{
    return header_size + load<std::uint8_t>(bytes, id_length_at);
}

std::size_t owner_at(std::string_view bytes) noexcept
{
    return name_at(bytes) + load<std::uint16_t>(bytes, name_length_at);
}

std::size_t grants_at(std::string_view bytes) noexcept
{
    return owner_at(bytes) + load<std::uint8_t>(bytes, owner_length_at);
}

/// The first grant that covers `channel`; an empty path when none does.
Identity::Grant find_grant(std::string_view bytes,
                           std::string_view channel) noexcept
{
    std::size_t at = grants_at(bytes);
    auto left = load<GrantCount>(bytes, grant_count_at);
    for (; left > 0; left--) {
        const auto level = static_cast<Level>(load<std::uint8_t>(bytes, at));
        const std::size_t length = load<PathLength>(bytes, at + 1);
        const std::string_view grant{bytes.data() + at + grant_header_size,
                                     length};
        if (covers(grant, channel)) {
            return {.path = grant, .level = level};
        }
        at += grant_header_size + length;
    }
    return {};
}

std::vector<Identity::Grant> grants_of(const TokenRecord& record)
{
    std::vector<Identity::Grant> grants;
    grants.reserve(record.resources.size() + record.channels.size());
    if (record.kind == TokenKind::resource) {
        for (const auto& [path, level] : record.resources) {
            grants.push_back({.path = path, .level = level});
        }
    } else {
        for (const std::string& path : record.channels) {
            grants.push_back({.path = path, .level = Level::none});
        }
    }
    std::ranges::sort(grants, [](const auto& a, const auto& b) {
        return a.path.size() > b.path.size();
    });
    return grants;
}

ScopeSet scopes_of(const TokenRecord& record)
{
    ScopeSet set;
    if (record.kind == TokenKind::scope) {
        for (const std::string& name : record.scopes) {
            if (const auto scope = find_scope(name)) {
                set.add(*scope);
            }
        }
    }
    return set;
}

} // namespace

// A view that holds no record is a disabled token without any grant.

TokenKind Identity::kind() const noexcept
{
    return bytes_.empty() ? TokenKind::resource
                          : load<TokenKind>(bytes_, kind_at);
}

bool Identity::disabled() const noexcept
{
    return bytes_.empty() ||
           (load<std::uint8_t>(bytes_, flags_at) & flag_disabled) != 0;
}

std::int64_t Identity::expires() const noexcept
{
    return bytes_.empty() ? 0 : load<std::int64_t>(bytes_, expires_at);
}

ScopeSet Identity::scopes() const noexcept
{
    return bytes_.empty() ? ScopeSet()
                          : ScopeSet(load<std::uint64_t>(bytes_, scopes_at));
}

std::string_view Identity::id() const noexcept
{
    if (bytes_.empty()) {
        return {};
    }
    return {bytes_.data() + header_size,
            load<std::uint8_t>(bytes_, id_length_at)};
}

std::string_view Identity::name() const noexcept
{
    if (bytes_.empty()) {
        return {};
    }
    return {bytes_.data() + name_at(bytes_),
            load<std::uint16_t>(bytes_, name_length_at)};
}

std::string_view Identity::owner() const noexcept
{
    if (bytes_.empty()) {
        return {};
    }
    return {bytes_.data() + owner_at(bytes_),
            load<std::uint8_t>(bytes_, owner_length_at)};
}

Identity::Grant Identity::grant_on(std::string_view channel) const noexcept
{
    if (bytes_.empty() || kind() != TokenKind::resource) {
        return {};
    }
    return find_grant(bytes_, channel);
}

bool Identity::reaches(std::string_view channel) const noexcept
{
    if (bytes_.empty() || kind() != TokenKind::scope) {
        return false;
    }
    return load<GrantCount>(bytes_, grant_count_at) == 0 ||
           !find_grant(bytes_, channel).path.empty();
}

std::string pack(const TokenRecord& record)
{
    const std::vector<Identity::Grant> grants = grants_of(record);
    std::size_t size = header_size + record.id.size() + record.name.size() +
                       record.owner.size();
    for (const Identity::Grant& grant : grants) {
        size += grant_header_size + grant.path.size();
    }

    std::string bytes(size, '\0');
    Writer out(bytes.data());
    out.value(record.expires);
    out.value(scopes_of(record).bits());
    const bool disabled = record.disabled || record.deleted.has_value();
    out.value(disabled ? flag_disabled : std::uint8_t{0});
    out.value(record.kind);
    out.value(fit<std::uint8_t>(record.id.size()));
    out.value(fit<std::uint8_t>(record.owner.size()));
    out.value(fit<std::uint16_t>(record.name.size()));
    out.value(fit<GrantCount>(grants.size()));
    out.text(record.id);
    out.text(record.name);
    out.text(record.owner);
    for (const Identity::Grant& grant : grants) {
        out.value(grant.level);
        out.value(fit<PathLength>(grant.path.size()));
        out.text(grant.path);
    }
    assert(out.at() == bytes.data() + size);
    return bytes;
}

} // namespace psm
