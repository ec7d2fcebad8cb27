// SPDX-License-Identifier: BSD-2-Clause

#include "redis_tls.hpp"

#include "command.hpp"
#include "redis_socket.hpp"

#include "../lib/redis_address.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <system_error>

namespace psm::cli {

namespace {

struct Free {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }

    void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
};

using Context = std::unique_ptr<SSL_CTX, Free>;

/// OpenSSL's last error in words, or "" for none.
std::string take_error()
{
    const unsigned long error = ERR_peek_last_error();
    const char* const reason = ERR_reason_error_string(error);
    ERR_clear_error();
    if (error == 0) {
        return "";
    }
    return reason != nullptr ? reason : "error " + std::to_string(error);
}

[[noreturn]] void out_of_order(std::string_view what)
{
    throw Failure(cannot_tell,
                  "OpenSSL cannot " + std::string(what) + ": " + take_error());
}

[[noreturn]] void refuse_file(std::string_view parameter,
                              const std::string& path, std::string_view wanted)
{
    refuse("cannot use " + std::string(parameter) + "=" + path + ": " +
           take_error() + " (it must hold " + std::string(wanted) + " in PEM)");
}

void check_readable(std::string_view parameter, const std::string& path)
{
    if (!std::ifstream(path).is_open()) {
        refuse("cannot read " + std::string(parameter) + "=" + path + ": " +
               std::generic_category().message(errno));
    }
}

/// A key that is locked is refused: nobody may be there to be asked.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/,
                  void* /*data*/)
{
    return -1;
}

void trust(SSL_CTX* context, const std::string& ca)
{
    if (ca.empty()) {
        if (SSL_CTX_set_default_verify_paths(context) != 1) {
            out_of_order("read the system's certificates");
        }
        return;
    }
    check_readable("ca", ca);
    if (SSL_CTX_load_verify_locations(context, ca.c_str(), nullptr) != 1) {
        refuse_file("ca", ca, "certificates of CAs");
    }
}

void identify(SSL_CTX* context, const std::string& cert, const std::string& key)
{
    check_readable("cert", cert);
    check_readable("key", key);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    if (SSL_CTX_use_certificate_chain_file(context, cert.c_str()) != 1) {
        refuse_file("cert", cert, "a certificate");
    }
    if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) !=
        1) {
        refuse_file("key", key, "the key of cert=, without a passphrase,");
    }
}

Context make_context(const RedisAddress& address)
{
    ERR_clear_error();
    Context context(SSL_CTX_new(TLS_client_method()));
    if (context == nullptr ||
        SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1) {
        out_of_order("begin TLS");
    }
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    trust(context.get(), address.ca);
    if (!address.cert.empty()) {
        identify(context.get(), address.cert, address.key);
    }
    return context;
}

/// The name or address that the certificate must be for.
std::string expected_name(const RedisAddress& address)
{
    std::string name =
        address.tls_name.empty() ? address.host : address.tls_name;
    if (name.ends_with('.')) {
        name.pop_back();
    }
    return name.substr(0, name.find('%')); // the zone of an IPv6 address
}

void expect(SSL* ssl, std::string name)
{
    X509_VERIFY_PARAM* const rules = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(rules,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_ip_asc(rules, name.c_str()) == 1) {
        return; // an address has no place in SNI
    }
    ERR_clear_error();
    // What SSL_set_tlsext_host_name() is, without its cast of old style.
    if (name.empty() ||
        X509_VERIFY_PARAM_set1_host(rules, name.c_str(), name.size()) != 1 ||
        SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                 name.data()) != 1) {
        out_of_order("check for the name \"" + name + "\"");
    }
}

/// Why a certificate was not taken, and what to do.
std::string describe_verification(long result, const std::string& name,
                                  const std::string& ca)
{
    switch (result) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "its certificate is not for \"" + name +
               "\" (if it is the right server, give the name in its "
               "certificate by name=)";
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "its certificate, or that of its CA, has expired (renew it)";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "its certificate is not valid yet (look at the clocks)";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        return "its certificate is not signed by a CA of " +
               (ca.empty() ? "this system" : ca) +
               " (give the file of its CA by ca=)";
    default:
        return std::string("its certificate is not good: ") +
               X509_verify_cert_error_string(result);
    }
}

/// The same for what else OpenSSL stumbled over.
std::string describe_error(int reason)
{
    switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_UNEXPECTED_MESSAGE:
        return "does not speak TLS there (give the TLS port of Redis, or "
               "leave TLS away)";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
        return "refused the TLS handshake: it asks for a client certificate "
               "(give cert= and key=)";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
        return "does not take the client certificate (give one of its CA by "
               "cert= and key=): " +
               take_error();
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_UNSUPPORTED_PROTOCOL:
        return "offers no TLS 1.2 or later";
    default:
        return "TLS failed: " + take_error();
    }
}

} // namespace

struct RedisTls::State {
    Context context;
    std::unique_ptr<SSL, Free> ssl;
    BIO* received = nullptr; // both belong to ssl
    BIO* to_send = nullptr;
    std::string name;
    std::string ca;
};

RedisTls::RedisTls(const RedisAddress& address)
    : state_(std::make_unique<State>())
{
    state_->name = expected_name(address);
    state_->ca = address.ca;
    state_->context = make_context(address);
    state_->ssl.reset(SSL_new(state_->context.get()));
    state_->received = BIO_new(BIO_s_mem());
    state_->to_send = BIO_new(BIO_s_mem());
    if (state_->ssl == nullptr || state_->received == nullptr ||
        state_->to_send == nullptr) {
        out_of_order("begin TLS");
    }
    SSL_set_bio(state_->ssl.get(), state_->received, state_->to_send);
    SSL_set_connect_state(state_->ssl.get());
    expect(state_->ssl.get(), state_->name);
}

RedisTls::~RedisTls() = default;

bool RedisTls::handshake()
{
    ERR_clear_error();
    const int result = SSL_do_handshake(state_->ssl.get());
    collect();
    if (result == 1) {
        return true;
    }
    if (SSL_get_error(state_->ssl.get(), result) != SSL_ERROR_WANT_READ) {
        fail();
    }
    return false;
}

void RedisTls::write(std::string_view plain)
{
    ERR_clear_error();
    std::size_t written = 0;
    const int result =
        SSL_write_ex(state_->ssl.get(), plain.data(), plain.size(), &written);
    collect();
    if (result != 1) {
        fail();
    }
}

std::size_t RedisTls::read(std::span<char> buffer)
{
    ERR_clear_error();
    std::size_t count = 0;
    const int result =
        SSL_read_ex(state_->ssl.get(), buffer.data(), buffer.size(), &count);
    collect();
    if (result == 1) {
        return count;
    }
    const int error = SSL_get_error(state_->ssl.get(), result);
    if (error == SSL_ERROR_ZERO_RETURN) {
        throw ConnectionError("closed the connection");
    }
    if (error != SSL_ERROR_WANT_READ) {
        fail();
    }
    return 0;
}

void RedisTls::feed(std::string_view received)
{
    std::size_t written = 0;
    if (!received.empty() && BIO_write_ex(state_->received, received.data(),
                                          received.size(), &written) != 1) {
        out_of_order("take what was received");
    }
}

std::string_view RedisTls::output() const noexcept
{
    return output_;
}

void RedisTls::sent(std::size_t count)
{
    output_.erase(0, count);
}

/// Moves what OpenSSL wrote to output_.
void RedisTls::collect()
{
    std::array<char, std::size_t{16} * 1024> buffer{};
    std::size_t count = 0;
    while (BIO_read_ex(state_->to_send, buffer.data(), buffer.size(), &count) ==
           1) {
        output_.append(buffer.data(), count);
    }
}

void RedisTls::fail()
{
    const long verified = SSL_get_verify_result(state_->ssl.get());
    throw ConnectionError(
        verified != X509_V_OK
            ? describe_verification(verified, state_->name, state_->ca)
            : describe_error(ERR_GET_REASON(ERR_peek_last_error())));
}

} // namespace psm::cli
