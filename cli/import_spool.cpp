// SPDX-License-Identifier: BSD-2-Clause

#include "import_spool.hpp"

#include "command.hpp"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <system_error>

namespace psm::cli {

namespace {

[[noreturn]] void fail()
{
    throw Failure(cannot_tell, "cannot use a temporary file: " +
                                   std::generic_category().message(errno));
}

} // namespace

ImportSpool::ImportSpool() : file_(std::tmpfile())
{
    if (file_ == nullptr) {
        fail();
    }
}

void ImportSpool::add(std::uint64_t number, const ImportLine& line)
{
    const nlohmann::json row{number, line.digest, encode_import(line),
                             line.last_used.value_or(-1), line.reissued};
    const std::string text = row.dump() + "\n";
    if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size()) {
        fail();
    }
}

bool ImportSpool::next(SpooledToken& out)
{
    if (!reading_) {
        reading_ = true;
        if (std::fflush(file_.get()) != 0) {
            fail();
        }
        std::rewind(file_.get());
    }
    std::string text;
    for (int c = std::getc(file_.get()); c != '\n';
         c = std::getc(file_.get())) {
        if (c == EOF) {
            return false;
        }
        text.push_back(static_cast<char>(c));
    }
    const auto row = nlohmann::json::parse(text);
    out.line = row.at(0).get<std::uint64_t>();
    out.token = ImportedToken{.record = {},
                              .json = row.at(2).get<std::string>(),
                              .digest = row.at(1).get<std::string>(),
                              .reissued = row.at(4).get<bool>()};
    if (const auto used = row.at(3).get<std::int64_t>(); used >= 0) {
        out.token.last_used = used;
    }
    if (const auto problem =
            decode_token_record(out.token.json, out.token.record)) {
        throw Failure(cannot_tell, "line " + std::to_string(out.line) +
                                       " makes no valid record: " + *problem);
    }
    return true;
}

} // namespace psm::cli
