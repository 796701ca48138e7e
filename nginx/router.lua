-- The router: which app answers for a host, read by every worker from one table in shared memory.
--
-- The table is the text of apps.map.conf. Each worker parses it when its version has changed, which it asks at every
-- request: so a switch holds for all hosts and all workers at once, and costs no reload.

require "resty.core"
local balancer = require "ngx.balancer"

local shared = ngx.shared.routes
local totals, shown = ngx.shared.totals, ngx.shared.requests
local var = ngx.var
local find, sub, gsub, gmatch, match, lower = string.find, string.sub, string.gsub, string.gmatch, string.match, string.lower
local set_current_peer = balancer.set_current_peer

local REST = 10 -- seconds for which a target that failed is asked last
local CONNECT = 1 -- seconds to connect while there is another target to ask; a container that is gone refuses only after 3
local EVERY = 0.2 -- seconds between a worker's reports of the requests it has served
local LINES = 20 -- of one host that a worker shows between two reports; the others it only counts
local WAITING = 4000 -- lines that wait for the control plane; older ones go
local PROBE = "minpaas-probe" -- as minpaas/server/proof.py has it
local CONTENT_SECURITY = "default-src 'none'; style-src 'unsafe-inline'"

local _M = {}
local pages = {}
local version, exact, wild = 0, {}, nil
local served = {} -- host -> what this worker has served of it since its last report

-- ---- the table ----

local function parse_target(address)
    local ip, port = match(address, "^(%d+%.%d+%.%d+%.%d+):(%d+)$")
    if not ip then
        ip, port = match(address, "^(%[[%x:.]+%]):(%d+)$")
    end
    port = tonumber(port)
    if ip and port and port > 0 and port < 65536 then
        return { ip = ip, port = port, address = address, down_until = 0 }
    end
end

local function parse_value(value)
    local state = match(value, "^!(%l+)$")
    if state then
        return { state = state }
    end
    local targets = {}
    for address in gmatch(value .. ",", "([^,]*),") do
        local target = parse_target(address)
        if not target then
            return nil
        end
        targets[#targets + 1] = target
    end
    return { targets = targets, only = #targets == 1 and targets[1] or nil, turn = 0 }
end

-- Hosts and wildcards of a map's text, or nil and what is wrong with it.
local function parse(text)
    local hosts, wildcards, open, closed, number = {}, nil, false, false, 0
    for line in gmatch(text .. "\n", "([^\n]*)\n") do
        number = number + 1
        line = match(line, "^%s*(.-)%s*$")
        local host, value = match(line, '^([%w.*_-]+)%s+"?([^%s";]+)"?;$')
        local entry = host and parse_value(value)
        if line == "" or sub(line, 1, 1) == "#" then -- a comment
        elseif not open and find(line, "^map%s+%$host%s+%$upstream%s*{$") then
            open = true
        elseif open and not closed and line == "}" then
            closed = true
        elseif open and not closed and line == "hostnames;" then -- as nginx wants it for wildcards
        elseif open and not closed and entry and sub(host, 1, 2) == "*." then
            wildcards = wildcards or {}
            wildcards[lower(sub(host, 2))] = entry
        elseif open and not closed and entry and not find(host, "*", 1, true) then
            hosts[lower(host)] = entry
        else
            return nil, "line " .. number .. " is not a route"
        end
    end
    if not closed then
        return nil, "not a whole map"
    end
    return hosts, wildcards
end

-- Puts a text that has been parsed in force, whole: a reader finds the old table or the new one.
local function put(text)
    local new = shared:incr("serial", 1, 0)
    local ok, trouble = shared:safe_set("text:" .. new, text)
    if not ok then
        return nil, trouble
    end
    local old = shared:get("version")
    shared:set("version", new)
    if old then
        shared:delete("text:" .. old)
    end
    return new
end

local function text_in_force()
    for _ = 1, 100 do -- a text is gone only when a newer one is there
        local now = shared:get("version")
        local text = now and shared:get("text:" .. now)
        if text then
            return text, now
        end
    end
    return "", 0
end

local function take_over()
    local text, now = text_in_force()
    local hosts, wildcards = parse(text)
    if hosts then
        exact, wild, version = hosts, wildcards, now
        local before = served
        served = {}
        for host, entry in pairs(hosts) do
            entry.served = before[host] or { all = 0, bad = 0, lines = {}, count = 0 }
            served[host] = entry.served
        end
        for suffix, entry in pairs(wildcards or {}) do
            local host = "*" .. suffix
            entry.served = before[host] or { all = 0, bad = 0, lines = {}, count = 0 }
            served[host] = entry.served
        end
    end
end

-- The entry of a host in lower case without port: exact first, then the longest wildcard.
local function lookup(host)
    if shared:get("version") ~= version then
        take_over()
    end
    local entry = exact[host]
    if entry or not wild then
        return entry
    end
    local dot = find(host, ".", 2, true)
    while dot do
        entry = wild[sub(host, dot)]
        if entry then
            return entry
        end
        dot = find(host, ".", dot + 1, true)
    end
end

-- ---- a request ----

-- The next target in turn; one that failed a moment ago only when all did.
local function in_turn(entry)
    local targets, now = entry.targets, ngx.now()
    for _ = 1, #targets do
        entry.turn = entry.turn % #targets + 1
        local target = targets[entry.turn]
        if target.down_until <= now then
            return target
        end
    end
    return targets[entry.turn]
end

local function rest_the_one_that_failed(entry)
    local address = match(var.upstream_addr or "", "([%[%]%x:.]+:%d+)[^%d]*$")
    for _, target in ipairs(entry.targets) do
        if target.address == address then
            target.down_until = ngx.now() + REST
        end
    end
end

local function one_of_many(entry)
    if balancer.get_last_failure() then
        rest_the_one_that_failed(entry)
    else
        balancer.set_more_tries(#entry.targets - 1)
        balancer.set_timeouts(CONNECT)
    end
    return in_turn(entry)
end

-- balancer_by_lua: names the peer; without one it fails and page() says why.
function _M.balance()
    local entry = lookup(var.host)
    if not entry or entry.state then
        return ngx.exit(ngx.ERROR)
    end
    local target = entry.only or one_of_many(entry)
    local ok, trouble = set_current_peer(target.ip, target.port)
    if not ok then
        ngx.log(ngx.ERR, "cannot ask ", target.address, ": ", trouble)
        return ngx.exit(ngx.ERROR)
    end
end

-- "1" for a request that no app will answer, else "".
function _M.refused()
    local entry = lookup(var.host)
    return (not entry or entry.state) and "1" or ""
end

local function which_page(host, status)
    if status == 400 and var.http_host ~= "" then
        return 400, "bad"
    end
    local entry = lookup(host)
    if not entry then
        return 404, "unknown"
    end
    if entry.state then
        return 503, pages[entry.state] and entry.state or "stopped"
    end
    return status == 504 and 504 or 502, "unreachable"
end

-- The page for what no app has answered.
function _M.page()
    local status, name = which_page(var.host or "", ngx.status)
    ngx.status = status
    ngx.header["Content-Type"] = "text/html; charset=utf-8"
    ngx.header["Cache-Control"] = "no-store"
    ngx.header["Content-Security-Policy"] = CONTENT_SECURITY
    ngx.header["Content-Length"] = #pages[name]
    if status == 503 then
        ngx.header["Retry-After"] = "10"
    end
    ngx.req.discard_body()
    ngx.print(pages[name])
end

-- ---- what is said of requests ----

local function described(status, id)
    local uri = var.request_uri or ""
    if #uri > 2000 then
        uri = sub(uri, 1, 2000) .. "..."
    end
    return table.concat({
        var.msec, var.request_method or "", (gsub(uri, "[%c ]", "?")), var.host, id, status, var.request_time or 0,
        var.bytes_sent or 0, find(var.upstream_header_time or "", "%d") and "app" or "router",
    }, " ")
end

-- log_by_lua: counts each request of a host that we know, and describes as many as someone could read. A failed answer
-- counts only where an app should have given it.
function _M.log()
    local entry = exact[var.host] or wild and lookup(var.host)
    if not entry then
        return
    end
    local one, status = entry.served, ngx.status
    if one.count < LINES then
        local id = var.id or ""
        if sub(id, 1, #PROBE) == PROBE then
            return -- the control plane's own request; among many it does no harm to the count
        end
        one.count = one.count + 1
        one.lines[one.count] = described(status, id)
    end
    one.all = one.all + 1
    if status >= 500 and not entry.state then
        one.bad = one.bad + 1
    end
end

local function report()
    for host, one in pairs(served) do
        if one.all > 0 then
            totals:incr("all " .. host, one.all, 0)
            totals:incr("bad " .. host, one.bad, 0)
            for number = 1, one.count do
                shown:rpush("lines", host .. " " .. one.lines[number])
            end
            if one.all > one.count then
                shown:rpush("lines", host .. " " .. ngx.now() .. " +" .. one.all - one.count)
            end
            one.all, one.bad, one.count, one.lines = 0, 0, 0, {}
        end
    end
    for _ = WAITING, (shown:llen("lines") or 0) - 1 do
        shown:lpop("lines")
    end
end

-- init_worker_by_lua
function _M.begin()
    assert(ngx.timer.every(EVERY, report))
end

-- POST /lines: what waits, one request a line, and nobody else is given it.
function _M.lines()
    local found = {}
    for number = 1, WAITING do
        found[number] = shown:lpop("lines")
        if not found[number] then
            break
        end
    end
    ngx.print(table.concat(found, "\n"))
end

-- GET /totals: "HOST ALL BAD" a line, since nginx was started.
function _M.totals()
    if shared:get("version") ~= version then
        take_over()
    end
    for host in pairs(served) do
        local all = totals:get("all " .. host)
        if all then
            ngx.say(host, " ", all, " ", totals:get("bad " .. host) or 0)
        end
    end
end

-- ---- the control socket, and the start ----

-- GET /routes answers the table's text; PUT /routes replaces it, and answers its version.
function _M.control()
    local method = ngx.req.get_method()
    if method == "GET" then
        return ngx.print((text_in_force()))
    elseif method ~= "PUT" then
        return ngx.exit(405)
    end
    ngx.req.read_body()
    local text = ngx.req.get_body_data() or ""
    local hosts, trouble = parse(text)
    local new
    if hosts then
        new, trouble = put(text)
    end
    ngx.status = new and 200 or hosts and 507 or 400
    ngx.say(new or trouble)
end

local function read(path)
    local file = io.open(path, "rb")
    local text = file and file:read("*a")
    if file then
        file:close()
    end
    return text
end

-- init_by_lua, in the master: workers need to read none of our files. At a reload the table in force stays when the file
-- is not to be read.
function _M.start(path)
    for _, name in ipairs { "bad", "unknown", "created", "stopped", "crashed", "maintenance", "unreachable" } do
        pages[name] = assert(read(ngx.config.prefix() .. "pages/" .. name .. ".html"), "no page " .. name)
    end
    local text = read(path)
    local hosts, trouble = parse(text or "")
    if hosts then
        assert(put(text))
    elseif text then
        ngx.log(ngx.ERR, path, " is not loaded: ", trouble)
    end
    take_over()
end

return _M
