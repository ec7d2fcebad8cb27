// SPDX-License-Identifier: BSD-2-Clause
//
// A request while it is answered, and those who answer: one for each row of
// the table of routes (api.cpp), which has checked the method, the body's type,
// who asks and what that takes.
//
// An ApiCall lives in the frame of Api::answer(), which owns the tasks that
// work on it.

#pragma once

#include "api.hpp"
#include "api_args.hpp"
#include "api_caller.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace psm {

struct ApiCall {
    Store* store = nullptr;
    const Api::Limits* limits = nullptr;
    const ApiRequest* request = nullptr;
    Caller caller{};
    std::string place{}; // what stands in the {} of the route
    ApiArgs args{};

    /// For the audit.
    [[nodiscard]] Actor actor() const;
};

[[nodiscard]] ApiResponse json_response(const nlohmann::ordered_json& json);

// The account: api_account.cpp.
Task<ApiResponse> show_account(ApiCall* call);
Task<ApiResponse> list_scopes(ApiCall* call);
Task<ApiResponse> list_channels(ApiCall* call);
Task<ApiResponse> show_own_token(ApiCall* call);

// Tokens: api_tokens.cpp, api_token_change.cpp.
Task<ApiResponse> list_tokens(ApiCall* call);
Task<ApiResponse> show_token(ApiCall* call);
Task<ApiResponse> delete_token(ApiCall* call);
Task<ApiResponse> create_token(ApiCall* call);
Task<ApiResponse> change_token(ApiCall* call);

// The rest: api_channels.cpp, api_explain.cpp, api_audit.cpp.
Task<ApiResponse> show_channel(ApiCall* call);
Task<ApiResponse> change_channel(ApiCall* call);
Task<ApiResponse> explain_request(ApiCall* call);
Task<ApiResponse> list_audit(ApiCall* call);

} // namespace psm
