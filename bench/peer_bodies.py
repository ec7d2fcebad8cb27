# SPDX-License-Identifier: BSD-2-Clause
#
# The peers: the ways to gate a channel by tokens that nginx has without our
# module. They differ from the gate in nothing but that. Each takes the token
# out of /t/<TOKEN>/, serves the same files without it, reads the same records
# by the token's SHA-256, and judges expiry and the grant on the channel:
#
#   auth        auth_request to a separate service (service.cpp), which asks
#               Redis for each request, over one connection, pipelined
#   auth_cache  the same with its answers in a proxy_cache, by token and
#               channel: for 60 s, those that refuse for 5 s
#   lua         access_by_lua, which asks Redis for each request, over
#               connections that are kept
#   lua_cache   the leanest of the kind: parsed grants in an lrucache of each
#               worker, over a shared dict, for 60 s, refusals for 5 s
#
#   lua_alike   the same with what else a hit of the gate does and Lua can do:
#               the checksum, no second token in a header, Cache-Control, Vary;
#               only its instructions are counted
#
# What they leave out, and what therefore costs only the gate: the token stays
# in $request_uri, in logs and in Referer, and (auth_cache) in the names of cached
# files; tokens in headers; the checksum, so that a misspelt token costs a
# look-up; scope tokens, subchannels, privacy, methods, paths that mislead;
# `Cache-Control` and `Vary` on what was granted, a body that says why on what
# was not; deadlines, retries and one look-up for many requests when Redis is
# slow; and any news of a revocation before the time is over.

LUA_MODULES = ("ndk_http_module.so", "ngx_http_lua_module.so")

# Two servers that do the same; one also tells which worker it was.
_SERVERS = """
    server {{
        listen 127.0.0.1:{main}{reuse};
        root {root};
        INSIDE
    }}
    server {{
        listen 127.0.0.1:{probe}{reuse};
        root {root};
        add_header X-Worker $pid always;
        INSIDE
    }}
"""

# Named captures and an alias: the leanest that nginx has for taking a part out
# of a path. auth_request knows 401 and 403; any other refusal is its 500.
_AUTH = """
    upstream service {{
        server unix:{service};
        keepalive 64;
    }}
""" + _SERVERS.replace("INSIDE", """\
location ~ ^/t/(?<token>[^/]+)(?<rest>/(?<channel>[^/]+)/.*)$ {{
            auth_request /auth;
            error_page 500 =503 /away;
            alias {root}$rest;
        }}
        location = /away {{
            internal;
            return 503;
        }}
        location / {{
            return 401;
        }}
        location = /auth {{
            internal;
            proxy_pass http://service;
            proxy_http_version 1.1;
            proxy_pass_request_headers off;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_set_header Connection "";
            proxy_set_header X-Token $token;
            proxy_set_header X-Channel $channel;
            CACHE
        }}""")

_ANSWERS = """\
proxy_cache answers;
            proxy_cache_key $token/$channel;
            proxy_cache_valid 200 60s;
            proxy_cache_valid 401 403 5s;"""

_LUA = """
    lua_package_path "{here}/?.lua;;";
    lua_shared_dict psm_grants 64m;
    init_by_lua_block {{
        gate = require("gate").open("{redis}")
    }}
""" + _SERVERS.replace("INSIDE", """\
access_by_lua_block {{
            return gate.FUNCTION()
        }}""")

PEERS = {
    "auth": _AUTH.replace("CACHE", ""),
    "auth_cache": "    proxy_cache_path {folder}/answers levels=1:2 "
                  "keys_zone=answers:64m inactive=5m use_temp_path=off;\n"
                  + _AUTH.replace("CACHE", _ANSWERS),
    "lua": _LUA.replace("FUNCTION", "ask"),
    "lua_cache": _LUA.replace("FUNCTION", "remember"),
    "lua_alike": _LUA.replace("FUNCTION", "alike").replace(
        "root {root};", """root {root};
        add_header Cache-Control private;
        add_header Vary "Authorization, X-Auth, X-API-Key";"""),
}
