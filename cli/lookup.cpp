// SPDX-License-Identifier: BSD-2-Clause

#include "lookup.hpp"

#include "command.hpp"
#include "inputs.hpp"

#include "../lib/digest.hpp"
#include "../lib/token.hpp"

namespace psm::cli {

namespace {

/// Our own form always counts; any other only where it cannot be a token of
/// ours that was mistyped.
TokenShape classify(const std::string& token, bool& any_format)
{
    const TokenShape shape = classify_token(token, TokenFormat::psm);
    if (shape != TokenShape::malformed || token.starts_with(token_prefix)) {
        return shape;
    }
    any_format = true;
    return classify_token(token, TokenFormat::any);
}

void look_up_token(Credentials& found, Store& store)
{
    TokenDigest digest;
    if (!Hasher().digest(found.token, digest)) {
        throw Failure(cannot_tell, "OpenSSL cannot compute SHA-256");
    }
    const auto hex = digest.hex();
    found.stored =
        run_now(store.find_digest(std::string(hex.data(), hex.size())));
}

void judge_record(Credentials& found)
{
    if (!found.stored) {
        found.standing = Standing::unknown;
    } else if (found.stored->problem) {
        found.standing = Standing::invalid;
    } else {
        found.packed = pack(found.stored->record);
        found.standing = Standing::known;
    }
}

void read_token(Credentials& found, Environment& environment)
{
    found.token = read_token_from_stdin();
    if (found.token.empty()) {
        found.standing = Standing::anonymous;
        return;
    }
    switch (classify(found.token, found.any_format)) {
    case TokenShape::placeholder:
        found.standing = Standing::masked;
        return;
    case TokenShape::malformed:
        found.standing = Standing::malformed;
        return;
    case TokenShape::well_formed:
        break;
    }
    look_up_token(found, environment.store());
    judge_record(found);
}

} // namespace

Credentials look_up(const std::string& what, Environment& environment)
{
    Credentials found;
    if (what == "-") {
        read_token(found, environment);
    } else {
        check_id(what);
        found.stored = run_now(environment.store().find_id(what));
        judge_record(found);
    }
    return found;
}

std::string describe_standing(const Credentials& credentials)
{
    switch (credentials.standing) {
    case Standing::anonymous:
        return "there is no token on standard input";
    case Standing::masked:
        return "a placeholder stands on standard input, not a token";
    case Standing::malformed:
        return "what stands on standard input does not have the form of a "
               "token: copy the whole of it";
    case Standing::unknown:
        return "no such token: `psm-token list` shows those there are";
    case Standing::invalid:
        return "the token's record is not valid: " +
               credentials.stored->problem.value_or("");
    case Standing::ambiguous:
    case Standing::unavailable:
    case Standing::known:
        break;
    }
    return "the token is known";
}

} // namespace psm::cli
