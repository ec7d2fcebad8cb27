// SPDX-License-Identifier: BSD-2-Clause

#include "http_client.hpp"

#include "command.hpp"
#include "version.hpp"

#include "../lib/text.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <array>

namespace psm::cli {

namespace {

constexpr long connect_timeout_ms = 5000;
constexpr long timeout_ms = 20000;

// Enough of an index to find a package in, and of any denial. What is longer
// is cut off.
constexpr std::size_t max_body = std::size_t{64} * 1024;
constexpr std::size_t max_fields = 100;

std::size_t on_body(char* bytes, std::size_t /*size*/, std::size_t count,
                    void* context)
{
    auto& body = static_cast<HttpAnswer*>(context)->body;
    const std::size_t room = max_body - body.size();
    body.append(bytes, std::min(count, room));
    return count <= room ? count : 0; // 0 ends the transfer
}

std::size_t on_field(char* bytes, std::size_t /*size*/, std::size_t count,
                     void* context)
{
    auto& fields = static_cast<HttpAnswer*>(context)->fields;
    const std::string_view line(bytes, count);
    if (line.starts_with("HTTP/")) {
        fields.clear(); // of a 100 before
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || fields.size() == max_fields) {
        return count;
    }
    std::string name(line.substr(0, colon));
    std::ranges::transform(name, name.begin(), to_lower);
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && value.front() == ' ') {
        value.remove_prefix(1);
    }
    while (!value.empty() && is_control(value.back())) {
        value.remove_suffix(1);
    }
    fields.emplace_back(std::move(name), value);
    return count;
}

/// What is between the fields of one request and libcurl's list of them.
class FieldList {
public:
    explicit FieldList(const std::vector<std::string>& fields)
    {
        for (const std::string& field : fields) {
            list_ = curl_slist_append(list_, field.c_str());
        }
    }

    ~FieldList()
    {
        for (curl_slist* at = list_; at != nullptr; at = at->next) {
            wipe(std::span(at->data, std::string_view(at->data).size()));
        }
        curl_slist_free_all(list_);
    }

    FieldList(const FieldList&) = delete;
    FieldList& operator=(const FieldList&) = delete;

    [[nodiscard]] curl_slist* get() const noexcept { return list_; }

private:
    curl_slist* list_ = nullptr;
};

} // namespace

struct HttpClient::Curl {
    CURL* handle = nullptr;
};

std::string_view HttpAnswer::field(std::string_view name) const noexcept
{
    const auto found = std::ranges::find(
        fields, name, &std::pair<std::string, std::string>::first);
    return found == fields.end() ? std::string_view()
                                 : std::string_view(found->second);
}

HttpClient::HttpClient(const std::string& ca) : curl_(std::make_unique<Curl>())
{
    curl_->handle = curl_easy_init();
    if (curl_->handle == nullptr) {
        throw Failure(cannot_tell, "libcurl does not start");
    }
    CURL* const handle = curl_->handle;
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_field);
    const std::string agent = std::string("psm-token/") + version;
    curl_easy_setopt(handle, CURLOPT_USERAGENT, agent.c_str());
    if (!ca.empty()) {
        curl_easy_setopt(handle, CURLOPT_CAINFO, ca.c_str());
    }
}

HttpClient::~HttpClient()
{
    curl_easy_cleanup(curl_->handle);
}

HttpAnswer HttpClient::ask(const HttpRequest& request)
{
    CURL* const handle = curl_->handle;
    const FieldList fields(request.fields);
    HttpAnswer answer;
    curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(handle, CURLOPT_NOBODY, request.head ? 1L : 0L);
    if (!request.head) {
        curl_easy_setopt(handle, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, fields.get());
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &answer);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, &answer);
    std::array<char, CURL_ERROR_SIZE> why{};
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, why.data());

    const CURLcode code = curl_easy_perform(handle);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, nullptr);
    curl_easy_setopt(handle, CURLOPT_URL, nullptr);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, nullptr);
    const bool cut = code == CURLE_WRITE_ERROR && !answer.body.empty();
    if (code != CURLE_OK && !cut) {
        answer.error = why[0] != '\0' ? why.data() : curl_easy_strerror(code);
        return answer;
    }
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &answer.status);
    return answer;
}

} // namespace psm::cli
