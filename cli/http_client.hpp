// SPDX-License-Identifier: BSD-2-Clause
//
// HTTP requests to the gate, as clients make them: one after another on one
// connection, each bounded in time and in what it reads. Certificates are
// always verified, redirects are never followed, and no netrc is read.
//
// URL and fields may hold a token: the caller wipes them; they stand in no
// message. libcurl's own copies are freed, not wiped.

#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace psm::cli {

struct HttpRequest {
    bool head = false;
    std::string url;
    std::vector<std::string> fields{}; // "Name: value"
};

struct HttpAnswer {
    long status = 0;                                           // 0: none came
    std::string error{};                                       // then: why
    std::vector<std::pair<std::string, std::string>> fields{}; // lower-case
    std::string body{};                                        // its begin

    /// "" where there is none.
    [[nodiscard]] std::string_view field(std::string_view name) const noexcept;
};

class HttpClient {
public:
    /// `ca`: a file of certificates; "": the system's.
    explicit HttpClient(const std::string& ca);
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    [[nodiscard]] HttpAnswer ask(const HttpRequest& request);

private:
    struct Curl; // libcurl, kept out of this header

    std::unique_ptr<Curl> curl_;
};

} // namespace psm::cli
