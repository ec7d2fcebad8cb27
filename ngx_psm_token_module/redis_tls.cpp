// SPDX-License-Identifier: BSD-2-Clause

#include "redis_tls.hpp"

namespace psm::edge {

#if (NGX_SSL)

namespace {

constexpr ngx_uint_t versions = NGX_SSL_TLSv1_2 | NGX_SSL_TLSv1_3;
constexpr ngx_int_t longest_chain = 4;

/// nginx writes to file names, and looks for a terminator behind them.
ngx_str_t own(ngx_conf_t* cf, const std::string& text)
{
    ngx_str_t s{};
    auto* p = static_cast<u_char*>(ngx_pnalloc(cf->pool, text.size() + 1));

    if (p != nullptr) {
        ngx_memcpy(p, text.c_str(), text.size() + 1);
        s = {text.size(), p};
    }
    return s;
}

bool trust(ngx_conf_t* cf, ngx_ssl_t* tls, const RedisAddress& address)
{
    if (address.ca.empty()) {
        return SSL_CTX_set_default_verify_paths(tls->ctx) == 1;
    }
    ngx_str_t ca = own(cf, address.ca);
    return ca.data != nullptr &&
           ngx_ssl_trusted_certificate(cf, tls, &ca, longest_chain) == NGX_OK;
}

bool present(ngx_conf_t* cf, ngx_ssl_t* tls, const RedisAddress& address)
{
    if (address.cert.empty()) {
        return true;
    }
    ngx_str_t cert = own(cf, address.cert);
    ngx_str_t key = own(cf, address.key);
    return cert.data != nullptr && key.data != nullptr &&
           ngx_ssl_certificate(cf, tls, &cert, &key, nullptr) == NGX_OK;
}

/// nginx has told what is wrong, but not whose file it is.
ngx_ssl_t* complain(ngx_conf_t* cf, const ngx_str_t& directive,
                    const char* parameters, const std::string& file)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, R"("%V" cannot use %s "%s")",
                       &directive, parameters, file.c_str());
    return nullptr;
}

bool is_address(const std::string& name)
{
    auto* text = reinterpret_cast<u_char*>(const_cast<char*>(name.data()));
    u_char v6[16];

    return ngx_inet_addr(text, name.size()) != INADDR_NONE ||
           ngx_inet6_addr(text, name.size(), v6) == NGX_OK;
}

/// OpenSSL itself compares the name while it verifies.
bool expect(ngx_ssl_conn_t* ssl, const std::string& name)
{
    SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);

    if (is_address(name)) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl),
                                             name.c_str()) == 1;
    }
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name.c_str()) == 1 &&
           SSL_set_tlsext_host_name(ssl, name.c_str()) == 1;
}

} // namespace

ngx_ssl_t* make_tls(ngx_conf_t* cf, const ngx_str_t& directive,
                    const RedisAddress& address)
{
    auto* tls =
        static_cast<ngx_ssl_t*>(ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t)));
    if (tls == nullptr) {
        return nullptr;
    }
    tls->log = cf->log;
    if (ngx_ssl_create(tls, versions, nullptr) != NGX_OK) {
        return nullptr;
    }

    ngx_pool_cleanup_t* cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == nullptr) {
        ngx_ssl_cleanup_ctx(tls);
        return nullptr;
    }
    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = tls;

    if (!trust(cf, tls, address)) {
        return complain(cf, directive, "ca=", address.ca);
    }
    if (!present(cf, tls, address)) {
        return complain(cf, directive, "cert= and key=", address.cert);
    }
    return tls;
}

ngx_int_t start_tls(ngx_connection_t* c, ngx_ssl_t* tls,
                    const std::string& name, ngx_connection_handler_pt done)
{
    if (c->pool == nullptr) {
        c->pool = ngx_create_pool(512, c->log);
    }
    if (c->pool == nullptr ||
        ngx_ssl_create_connection(tls, c, NGX_SSL_CLIENT) != NGX_OK ||
        !expect(c->ssl->connection, name)) {
        return NGX_ERROR;
    }

    const ngx_int_t rc = ngx_ssl_handshake(c);
    if (rc == NGX_AGAIN) {
        c->ssl->handler = done;
    }
    return rc;
}

const char* tls_problem(const ngx_connection_t* c)
{
    if (c->ssl == nullptr) {
        return "out of memory";
    }
    const long rc = SSL_get_verify_result(c->ssl->connection);
    if (rc != X509_V_OK) {
        return X509_verify_cert_error_string(rc);
    }
    return c->ssl->handshaked ? nullptr : "no TLS answer, or one we refuse";
}

void end_tls(ngx_connection_t* c)
{
    if (c->ssl != nullptr) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;
        (void)ngx_ssl_shutdown(c);
    }
    if (c->pool != nullptr) {
        ngx_destroy_pool(c->pool);
        c->pool = nullptr;
    }
}

#else

ngx_ssl_t* make_tls(ngx_conf_t* cf, const ngx_str_t& directive,
                    const RedisAddress& /*address*/)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" asks for TLS, which this nginx was built "
                       "without",
                       &directive);
    return nullptr;
}

ngx_int_t start_tls(ngx_connection_t* /*c*/, ngx_ssl_t* /*tls*/,
                    const std::string& /*name*/,
                    ngx_connection_handler_pt /*done*/)
{
    return NGX_ERROR;
}

const char* tls_problem(const ngx_connection_t* /*c*/)
{
    return "this nginx was built without TLS";
}

void end_tls(ngx_connection_t* /*c*/) {}

#endif

} // namespace psm::edge
