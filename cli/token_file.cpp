// SPDX-License-Identifier: BSD-2-Clause

#include "token_file.hpp"

#include "command.hpp"

#include "../lib/quote.hpp"
#include "../lib/text.hpp"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace psm::cli {

namespace {

constexpr std::size_t room = std::size_t{256} * 1024;

[[noreturn]] void fail(const std::string& path, int error)
{
    refuse("cannot write --tokens-to " + escape(path) + ": " +
           std::generic_category().message(error));
}

} // namespace

TokenFile::TokenFile(const std::string& path)
    : path_(path),
      file_(open(path.c_str(),
                 O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
                 S_IRUSR | S_IWUSR))
{
    if (file_ < 0) {
        fail(path_, errno);
    }

    struct stat status {};

    const bool known = fstat(file_, &status) == 0;
    if (!known || !S_ISREG(status.st_mode) ||
        (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        close(file_);
        refuse("--tokens-to " + escape(path_) +
               " is no file of mode 0600: others could read the tokens. Name a "
               "new file, or chmod 600");
    }
    pending_.reserve(room); // no copy is left behind by growing
}

TokenFile::~TokenFile()
{
    wipe(pending_);
    close(file_);
}

void TokenFile::add(std::uint64_t line, const TokenRecord& record,
                    std::string_view token)
{
    const nlohmann::ordered_json about{{"line", line},
                                       {"id", record.id},
                                       {"name", record.name},
                                       {"owner", record.owner}};
    std::string text = about.dump();
    text.pop_back(); // the bracket
    if (pending_.size() + text.size() + token.size() + room / 8 > room) {
        flush();
    }
    pending_ += text;
    pending_ += R"(,"token":")";
    pending_ += token;
    pending_ += "\"}\n";
}

void TokenFile::flush()
{
    std::string_view rest = pending_;
    while (!rest.empty()) {
        const ssize_t written = write(file_, rest.data(), rest.size());
        if (written < 0 && errno != EINTR) {
            fail(path_, errno);
        }
        rest.remove_prefix(
            static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
    }
    if (fsync(file_) != 0) {
        fail(path_, errno);
    }
    wipe(pending_);
    pending_.clear();
}

} // namespace psm::cli
