// SPDX-License-Identifier: BSD-2-Clause
//
// Runs a fuzz target over files, without libFuzzer: `make test` replays the
// committed corpus with it, and it repeats a failure found elsewhere.
//
//     path_fuzz                 every file of t/fuzz/corpus/path, as TAP
//     path_fuzz FILE...         these files

#include "fuzz.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include <unistd.h>

// A sanitizer's finding is to end in on_abort, too.
extern "C" const char* __asan_default_options()
{
    return "abort_on_error=1";
}

namespace {

/// The line of the file being run, should the run end there.
std::string failure;

extern "C" void on_abort(int /*signal*/)
{
    const auto written = write(STDOUT_FILENO, failure.data(), failure.size());
    _exit(written < 0 ? 2 : 1);
}

std::vector<std::string> corpus_of(const std::filesystem::path& program)
{
    std::string name = program.filename().string();
    name = name.substr(0, name.rfind("_fuzz"));
    std::vector<std::string> files;
    for (const auto& entry :
         std::filesystem::directory_iterator("t/fuzz/corpus/" + name)) {
        files.push_back(entry.path().string());
    }
    std::sort(files.begin(), files.end());
    return files;
}

void run(const std::string& file)
{
    std::ifstream stream(file, std::ios::binary);
    if (!stream) {
        fuzz::broken("can be read", {file});
    }
    const std::vector<char> read{std::istreambuf_iterator<char>(stream), {}};
    // A block of exactly its size, so that a read behind its end is seen.
    const std::vector<std::uint8_t> bytes(read.begin(), read.end());
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

} // namespace

int main(int argc, char** argv)
{
    const std::vector<std::string> files =
        argc > 1 ? std::vector<std::string>(argv + 1, argv + argc)
                 : corpus_of(argv[0]);
    std::signal(SIGABRT, on_abort);
    std::printf("1..%zu\n", files.size());
    for (std::size_t i = 0; i < files.size(); i++) {
        const std::string line = " " + std::to_string(i + 1) + " - " + files[i];
        failure = "not ok" + line + "\n";
        std::fflush(stdout);
        run(files[i]);
        std::printf("ok%s\n", line.c_str());
    }
    return files.empty() ? 1 : 0;
}
