// SPDX-License-Identifier: BSD-2-Clause

#include "line_file.hpp"

#include "command.hpp"

#include "../lib/quote.hpp"
#include "../lib/text.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace psm::cli {

namespace {

constexpr std::size_t buffer_size = std::size_t{64} * 1024;

/// What some editors put in front of UTF-8; readers may ignore it (RFC 8259
/// section 8.1).
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

[[noreturn]] void fail(const std::string& path, int error)
{
    refuse("cannot read " + escape(path) + ": " +
           std::generic_category().message(error));
}

} // namespace

LineFile::LineFile(const std::string& path)
    : path_(path),
      file_(path == "-" ? STDIN_FILENO
                        : open(path.c_str(), O_RDONLY | O_CLOEXEC)),
      buffer_(buffer_size)
{
    if (file_ < 0) {
        fail(path_, errno);
    }
}

LineFile::~LineFile()
{
    if (file_ != STDIN_FILENO) {
        close(file_);
    }
    wipe(buffer_);
}

bool LineFile::refill()
{
    const ssize_t got = read(file_, buffer_.data(), buffer_.size());
    if (got < 0 && errno != EINTR) {
        fail(path_, errno);
    }
    at_ = 0;
    end_ = static_cast<std::size_t>(std::max<ssize_t>(got, 0));
    return end_ > 0;
}

bool LineFile::next(std::string& line, std::size_t max)
{
    wipe(line);
    line.clear();
    if (at_ == end_ && !refill()) {
        return false;
    }
    while (at_ < end_ || refill()) {
        const std::string_view rest(&buffer_[at_], end_ - at_);
        const std::size_t length = std::min(rest.find('\n'), rest.size());
        line.append(rest.substr(0, std::min(length, max + 1 - line.size())));
        at_ += length;
        if (at_ < end_) { // not at the end of what was read: the line's
            at_++;
            break;
        }
    }
    if (line.ends_with('\r')) {
        line.pop_back();
    }
    number_++;
    if (number_ == 1 && line.starts_with(byte_order_mark)) {
        line.erase(0, byte_order_mark.size());
    }
    return true;
}

} // namespace psm::cli
