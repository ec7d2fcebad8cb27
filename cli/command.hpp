// SPDX-License-Identifier: BSD-2-Clause
//
// What the commands share: how one is defined, what it gets, how it fails.
//
// A command's define function says its syntax and returns the action, which
// owns the parsed values. The action prints to stdout and returns the exit
// code; it fails by throwing Failure.

#pragma once

#include "syntax.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

namespace psm {
class Store;
}

namespace psm::cli {

class BlockingPort;
class RedisClient;
struct Replication;

/// Exit codes (design.md section 7).
inline constexpr int yes = 0;
inline constexpr int no = 1;
inline constexpr int cannot_tell = 2; // or wrong usage

/// Ends the program with a message on stderr.
class Failure : public std::runtime_error {
public:
    Failure(int code, const std::string& message)
        : std::runtime_error(message), code_(code)
    {
    }

    [[nodiscard]] int code() const noexcept { return code_; }

private:
    int code_;
};

/// Wrong input: names it and says what to do instead.
[[noreturn]] inline void refuse(const std::string& message)
{
    throw Failure(cannot_tell, message);
}

/// After several tries.
[[noreturn]] inline void give_up(const std::string& what)
{
    throw Failure(cannot_tell, what + " is being changed by others all the "
                                      "time: nothing was done, try again");
}

class Environment {
public:
    Environment();
    ~Environment();
    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;

    bool json = false;
    std::string redis; // the words of --redis
    std::int64_t now = 0;

    /// Connected at the first use, so that commands which need no Redis work
    /// without it.
    [[nodiscard]] Store& store();

    /// The next use of the store connects anew; references to it are gone.
    void disconnect();

    /// The connection behind it, for what the store does not know.
    [[nodiscard]] RedisClient& redis_client();

    /// Whether the changes made by the store are on a replica too.
    [[nodiscard]] Replication replicated();

private:
    std::unique_ptr<BlockingPort> port_;
    std::unique_ptr<Store> store_;
};

using Action = std::function<int(Environment&)>;

struct Command {
    const char* name = nullptr;
    const char* summary = nullptr;
    Action (*define)(Syntax syntax) = nullptr;
};

Action define_create(Syntax syntax);
Action define_list(Syntax syntax);
Action define_show(Syntax syntax);
Action define_edit(Syntax syntax);
Action define_reissue(Syntax syntax);
Action define_delete(Syntax syntax);
Action define_user(Syntax syntax);
Action define_channel(Syntax syntax);
Action define_scopes(Syntax syntax);
Action define_explain(Syntax syntax);
Action define_snippets(Syntax syntax);
Action define_import(Syntax syntax);
Action define_export(Syntax syntax);
Action define_audit(Syntax syntax);
Action define_doctor(Syntax syntax);
Action define_completion(Syntax syntax);
Action define_man(Syntax syntax);

} // namespace psm::cli
