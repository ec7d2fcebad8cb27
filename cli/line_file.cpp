// SPDX-License-Identifier: BSD-2-Clause

#include "line_file.hpp"

#include "command.hpp"

#include "../lib/quote.hpp"
#include "../lib/text.hpp"

#include <cerrno>
#include <system_error>

namespace psm::cli {

namespace {

constexpr std::size_t buffer_size = std::size_t{64} * 1024;

[[noreturn]] void fail(const std::string& path, int error)
{
    refuse("cannot read " + escape(path) + ": " +
           std::generic_category().message(error));
}

} // namespace

void LineFile::Close::operator()(std::FILE* file) const noexcept
{
    if (file != stdin) {
        static_cast<void>(std::fclose(file));
    }
}

LineFile::LineFile(const std::string& path)
    : path_(path), buffer_(buffer_size),
      file_(path == "-" ? stdin : std::fopen(path.c_str(), "re"))
{
    if (file_ == nullptr) {
        fail(path_, errno);
    }
    static_cast<void>(
        std::setvbuf(file_.get(), buffer_.data(), _IOFBF, buffer_.size()));
}

LineFile::~LineFile()
{
    if (file_.get() == stdin) {
        // It outlives the buffer.
        static_cast<void>(std::setvbuf(stdin, nullptr, _IONBF, 0));
    }
    file_.reset();
    wipe(buffer_);
}

bool LineFile::next(std::string& line, std::size_t max)
{
    wipe(line);
    line.clear();
    int c = getc_unlocked(file_.get());
    while (c != EOF && c != '\n') {
        if (line.size() <= max) {
            line.push_back(static_cast<char>(c));
        }
        c = getc_unlocked(file_.get());
    }
    if (std::ferror(file_.get()) != 0 && errno != EINTR) {
        fail(path_, errno);
    }
    if (c == EOF && line.empty()) {
        return false;
    }
    if (line.ends_with('\r')) {
        line.pop_back();
    }
    number_++;
    return true;
}

} // namespace psm::cli
