// SPDX-License-Identifier: BSD-2-Clause
//
// One walk over the segments behind the base. Segments belong to the channel
// until a platform, `simple` or `jupyter` ends it, or until the last one,
// which is the file; a lone segment is a channel. Behind the end anything
// may stand that no upstream could read as another path.

#include "target.hpp"

#include "blocks.hpp"
#include "channel.hpp"
#include "text.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace psm {

namespace {

/// The path behind the longest base, without its leading slash.
std::optional<std::string_view>
behind_base(std::string_view uri, std::span<const std::string_view> bases)
{
    std::size_t longest = 0;
    for (const std::string_view base : bases) {
        if (base.size() > longest && uri.starts_with(base)) {
            longest = base.size();
        }
    }
    if (longest == 0) {
        return std::nullopt;
    }
    return uri.substr(longest);
}

/// What stands anywhere in a path.
struct Sight {
    bool treacherous = false; // some upstream would decode it, or take it
                              // for a slash
    bool parameters = false;  // ';'
};

constexpr bool is_treacherous(char c)
{
    return is_control(c) || c == '\\' || c == '%';
}

Block is_treacherous(Block c)
{
    return is_control(c) | is_equal(c, '\\') | is_equal(c, '%');
}

/// The last block overlaps the one before; a path of less than a block is
/// read byte by byte.
Sight look_over(std::string_view path)
{
    if (path.size() < block_size) {
        return {.treacherous = std::ranges::any_of(
                    path, [](char c) { return is_treacherous(c); }),
                .parameters = path.find(';') != std::string_view::npos};
    }
    Block treacherous{};
    Block parameters{};
    for (std::size_t at = 0; at < path.size(); at += block_size) {
        const Block c =
            load_block(path.data() + std::min(at, path.size() - block_size));
        treacherous |= is_treacherous(c);
        parameters |= is_equal(c, ';');
    }
    return {.treacherous = any(treacherous), .parameters = any(parameters)};
}

/// An empty or dot segment, also for those who cut a segment at its
/// parameters: "..;x" is ".." to a servlet container.
bool is_dot_segment(std::string_view segment, Sight sight)
{
    if (sight.parameters) {
        segment = segment.substr(0, segment.find(';'));
    }
    return segment.size() <= 2 &&
           (segment.empty() || segment == "." || segment == "..");
}

/// The files that list what a channel holds (design.md section 3).
bool is_index_file(std::string_view name)
{
    static constexpr std::array<std::string_view, 5> starts{
        "repodata",         "current_repodata",        "channeldata.json",
        "run_exports.json", "patch_instructions.json",
    };
    static constexpr std::array<std::string_view, 3> names{
        "notices.json",
        "index.html",
        "rss.xml",
    };
    // Most names differ from all of these in their first letter.
    const auto begins_with = [name](std::string_view start) {
        return name.front() == start.front() && name.starts_with(start);
    };
    return !name.empty() &&
           (std::ranges::any_of(starts, begins_with) ||
            std::ranges::any_of(names,
                                [&](std::string_view whole) {
                                    return begins_with(whole) && name == whole;
                                }) ||
            name.ends_with(".msgpack.zst"));
}

/// The walk's state; `channel` counts the bytes that belong to it.
struct Walk {
    std::size_t segments = 0;
    std::size_t channel = 0;
    bool ended = false;      // a platform, simple or jupyter was met
    bool is_index = false;   // the path is exactly a channel or platform
    std::string_view file{}; // the last segment, unless it is the channel's
};

/// Takes a segment in front of the channel's end; false when it breaks the
/// grammar. `end` is where it ends in the path.
bool take_segment(Walk& walk, std::string_view segment, std::size_t end,
                  bool last)
{
    const Word word = find_word(segment);
    if (word == Word::platform || word == Word::section) {
        walk.ended = true;
        walk.is_index = last && word == Word::platform;
        walk.file = segment;
        return walk.segments > 0;
    }
    if (last && walk.segments > 0) {
        walk.file = segment;
        return true;
    }
    walk.segments++;
    walk.channel = end;
    walk.is_index = last;
    return walk.segments <= max_channel_segments && word == Word::none &&
           has_name_grammar(segment);
}

/// False when the path names no channel or breaks the grammar.
bool walk_path(Walk& walk, std::string_view path, Sight sight)
{
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        const std::string_view segment = path.substr(at, end - at);
        if (is_dot_segment(segment, sight)) {
            return false;
        }
        if (walk.ended) {
            walk.file = segment;
        } else if (!take_segment(walk, segment, end, end == path.size())) {
            return false;
        }
        at = end + 1;
    }
    return true;
}

/// The walk may have ended in front of what misleads.
Target unknown_target(std::string_view path)
{
    const Sight sight = look_over(path);
    bool misleading = sight.treacherous;

    for (std::size_t at = 0; at < path.size() && !misleading;) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        misleading = is_dot_segment(path.substr(at, end - at), sight);
        at = end + 1;
    }
    return {.misleading = misleading};
}

} // namespace

Target find_target(std::string_view uri,
                   std::span<const std::string_view> bases) noexcept
{
    const auto behind = behind_base(uri, bases);
    if (!behind) {
        return unknown_target(uri.substr(std::min<std::size_t>(1, uri.size())));
    }
    const std::string_view path = *behind;
    const Sight sight = look_over(path);
    Walk walk;

    if (path.empty() || sight.treacherous || !walk_path(walk, path, sight)) {
        return unknown_target(path);
    }
    const bool is_index =
        walk.is_index || path.ends_with('/') || is_index_file(walk.file);
    return {.kind = is_index ? TargetKind::index : TargetKind::file,
            .channel = path.substr(0, walk.channel)};
}

Target find_target_on(std::string_view channel, std::string_view uri,
                      std::span<const std::string_view> bases) noexcept
{
    const Target own = find_target(uri, bases);
    if (own.misleading || !is_channel_path(channel)) {
        return {.misleading = own.misleading};
    }
    TargetKind kind = own.kind;
    if (kind == TargetKind::unknown) {
        const std::string_view file = uri.substr(uri.rfind('/') + 1);
        const bool is_index = file.empty() || is_index_file(file) ||
                              is_platform(behind_base(uri, bases).value_or(""));
        kind = is_index ? TargetKind::index : TargetKind::file;
    }
    return {.kind = kind, .channel = channel};
}

} // namespace psm
