-- SPDX-License-Identifier: BSD-2-Clause
--
-- wrk asks for the lines of a file, at random or in turn:
--   wrk ... -s requests.lua URL -- LINES HEADERS random|cycle SEED
-- A line of HEADERS is `Name: value`. At the end one line of JSON tells what
-- was done.

local requests = {}
local ordered, position = false, 0

function init(args)
    for line in io.lines(args[2]) do
        local name, value = line:match("^([^:]+): (.*)$")
        wrk.headers[name] = value
    end
    for line in io.lines(args[1]) do
        requests[#requests + 1] = wrk.format("GET", line)
    end
    ordered = args[3] == "cycle"
    math.randomseed(tonumber(args[4]))
    if ordered then
        position = math.random(#requests)
    end
end

function request()
    if ordered then
        position = position % #requests + 1
    else
        position = math.random(#requests)
    end
    return requests[position]
end

function done(summary)
    local errors = summary.errors
    io.write(string.format(
        '\n{"requests": %d, "seconds": %.6f, "status": %d, "socket": %d}\n',
        summary.requests, summary.duration / 1e6, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout))
end
