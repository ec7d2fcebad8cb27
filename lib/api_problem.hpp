// SPDX-License-Identifier: BSD-2-Clause
//
// How the API says no: problem+json with the members of the gate's denials
// (problem.hpp) but for `error`, and `errors` where there is something to name.
// Whatever keeps a request from being answered is thrown as a Refusal, and
// becomes the response in one place.

#pragma once

#include "api.hpp"
#include "field_problem.hpp"
#include "policy.hpp"

#include <array>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace psm {

/// What the gate has no reason for.
enum class Fault : std::uint8_t {
    route_unknown,
    method_not_allowed,
    media_type,
    body_too_large,
    cross_site,
    user_name,
    request_invalid,
    not_found,
    admin_needed,
    grants_exceeded,
    owner_exceeded,
    rev_mismatch,
    changed_meanwhile,
    token_deleted,
    token_superseded,
    token_damaged,
    user_damaged,
    outcome_unknown,
};

struct FaultInfo {
    std::string_view code;
    std::uint16_t status = 0;
    std::string_view title; // what happened
    std::string_view help;  // what the person can do next
};

inline constexpr std::size_t fault_count = 18;
extern const std::array<FaultInfo, fault_count> faults;

[[nodiscard]] inline const FaultInfo& info(Fault fault) noexcept
{
    return faults[static_cast<std::size_t>(fault)];
}

struct ApiProblem {
    std::optional<Reason> reason{}; // one of the gate's, or else:
    Fault fault = Fault::request_invalid;
    FieldProblems errors{};
    std::int64_t expires = never_expires; // of an expired token
    std::optional<std::int64_t> rev{};    // of the token as it is
    std::string allow{};                  // methods

    [[nodiscard]] std::uint16_t status() const noexcept;
    [[nodiscard]] std::string_view code() const noexcept;
};

class Refusal : public std::exception {
public:
    explicit Refusal(ApiProblem problem)
        : problem_(std::make_shared<const ApiProblem>(std::move(problem)))
    {
    }

    [[nodiscard]] const ApiProblem& problem() const noexcept
    {
        return *problem_;
    }

    [[nodiscard]] const char* what() const noexcept override
    {
        return "the request is refused";
    }

private:
    std::shared_ptr<const ApiProblem> problem_; // exceptions are copied
};

/// A change was crossed by another one. What it was decided by may not be so
/// any more: the request is answered anew, from who asks on.
class Crossed : public std::exception {
public:
    [[nodiscard]] const char* what() const noexcept override
    {
        return "others changed it meanwhile";
    }
};

[[noreturn]] void refuse(Fault fault, FieldProblems errors = {});
[[noreturn]] void refuse(Reason reason, std::int64_t expires = never_expires);

/// Of a request's part: nothing, when there are none.
void refuse_if_any(FieldProblems errors);

/// `token_came`: then it is what a 401 is about.
[[nodiscard]] ApiResponse problem_response(const ApiProblem& problem,
                                           std::string_view request_id,
                                           bool token_came);

} // namespace psm
