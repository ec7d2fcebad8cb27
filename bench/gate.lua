-- SPDX-License-Identifier: BSD-2-Clause
--
-- The Lua gates that ours is measured beside; peer_bodies.py tells what they
-- leave out. Both serve /t/<TOKEN>/<channel>/... as /<channel>/... to whom the
-- record of the token's SHA-256 lets read the channel: `ask` asks Redis for
-- each request, `remember` keeps parsed grants in each worker, and `alike` also
-- does what else a hit of ours does and Lua can do.

local ffi = require "ffi"
local lrucache = require "resty.lrucache"
local cjson = require "cjson.safe"

ffi.cdef [[
int SHA256_Init(void *context);
int SHA256_Update(void *context, const void *data, size_t length);
int SHA256_Final(unsigned char *out, void *context);
unsigned char *ngx_hex_dump(unsigned char *dst, const unsigned char *src,
                            size_t length);
]]

local C, ffi_string = ffi.C, ffi.string
local find, sub, byte = string.find, string.sub, string.byte
local ngx, time, exit, var = ngx, ngx.time, ngx.exit, ngx.var
local crc32 = ngx.crc32_short
local set_uri, tcp = ngx.req.set_uri, ngx.socket.tcp

local KEPT, REFUSED = 60, 5 -- seconds in the cache
local TOKENS = 100000       -- in it, as many as ours has by default
local POOL, IDLE = 64, 60000
local LEVELS = { read = true, write = true, manage = true }
local NOBODY = { 0 }
local FOREVER = 253402300799
local DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

local redis
local context = ffi.new("uint64_t[16]") -- a SHA256_CTX has 112 bytes
local digest = ffi.new("unsigned char[32]")
local hex = ffi.new("unsigned char[64]")
local records, shared

-- Token, channel, and the path without the token; nothing for another path.
local function split(uri)
    if sub(uri, 1, 3) ~= "/t/" then
        return nil
    end
    local cut = find(uri, "/", 4, true)
    local stop = cut and find(uri, "/", cut + 1, true)
    if not stop then
        return nil
    end
    return sub(uri, 4, cut - 1), sub(uri, cut + 1, stop - 1), sub(uri, cut)
end

-- The digest is left in `digest`, its bytes come back as a key.
local function hash(token)
    C.SHA256_Init(context)
    C.SHA256_Update(context, token, #token)
    C.SHA256_Final(digest, context)
    return ffi_string(digest, 32)
end

-- One GET of the digest's record: its text; false when there is none; nil when
-- Redis did not say.
local function get(key)
    C.ngx_hex_dump(hex, key, 32)
    local socket = tcp()
    if not socket:connect(redis) then
        return nil
    end
    if not socket:send("*2\r\n$3\r\nGET\r\n$70\r\npsm:t:"
                       .. ffi_string(hex, 64) .. "\r\n") then
        return nil
    end
    local line = socket:receive()
    if not line or byte(line) ~= 36 then -- $
        socket:close()
        return nil
    end
    local length, text = tonumber(sub(line, 2)), false
    if length >= 0 then
        text = socket:receive(length + 2)
        if not text then
            return nil
        end
        text = sub(text, 1, length)
    end
    socket:setkeepalive(IDLE, POOL)
    return text
end

-- What is needed of a record: channels and levels, and as [1], which is no
-- channel, when it expires. NOBODY is without a right.
local function parse(text)
    local record = text and cjson.decode(text)
    if type(record) ~= "table" or record.v ~= 1 or record.type ~= "resource"
       or record.disabled or record.deleted
       or type(record.resources) ~= "table" then
        return NOBODY
    end
    local grants = record.resources
    grants[1] = record.expires or FOREVER
    return grants
end

-- 401 or 403, or the path without the token is served.
local function judge(grants, channel, rest)
    if grants[1] <= time() then
        return exit(401)
    end
    if not LEVELS[grants[channel]] then
        return exit(403)
    end
    set_uri(rest)
end

local gate = {}

function gate.open(uri)
    redis = uri
    records = lrucache.new(TOKENS)
    shared = ngx.shared.psm_grants
    return gate
end

function gate.ask()
    local token, channel, rest = split(var.uri)
    if not token then
        return exit(401)
    end
    local text = get(hash(token))
    if text == nil then
        return exit(503)
    end
    return judge(parse(text), channel, rest)
end

-- Not in this worker: another may have put it into the dict, as the record's
-- text behind the second at which the minute is over.
local function recall(key)
    local kept = shared:get(key)
    local until_ = kept and tonumber(sub(kept, 1, 10))
    if until_ and until_ > time() then
        local grants = parse(sub(kept, 11))
        records:set(key, grants, until_ - time())
        return grants
    end
    local text = get(key)
    if text == nil then
        return nil
    end
    local grants = parse(text)
    local seconds = grants == NOBODY and REFUSED or KEPT
    shared:set(key, (time() + seconds) .. (text or ""), seconds)
    records:set(key, grants, seconds)
    return grants
end

function gate.remember()
    local token, channel, rest = split(var.uri)
    if not token then
        return exit(401)
    end
    local key = hash(token)
    local grants = records:get(key) or recall(key)
    if not grants then
        return exit(503)
    end
    return judge(grants, channel, rest)
end

-- Form and checksum, as design.md has them.
local function is_own(token)
    if #token ~= 46 or sub(token, 1, 4) ~= "psm-" then
        return false
    end
    local number = crc32(sub(token, 1, 40))
    for place = 46, 41, -1 do
        local digit = number % 62
        if byte(DIGITS, digit + 1) ~= byte(token, place) then
            return false
        end
        number = (number - digit) / 62
    end
    return true
end

-- A token of another carrier would make it ambiguous; here none may be there.
function gate.alike()
    if var.http_authorization or var.http_x_auth or var.http_x_api_key then
        return exit(401)
    end
    local token = split(var.uri)
    if not token or not is_own(token) then
        return exit(401)
    end
    return gate.remember()
end

return gate
