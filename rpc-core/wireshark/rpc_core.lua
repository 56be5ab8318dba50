-- A Wireshark dissector for the protocol of rpc-core (PROTOCOL.md): calls by name, statuses in words.
--
--   tshark -X lua_script:rpc_core.lua -i lo -f 'tcp port 5000' -Y rpc_core
--   wireshark -X lua_script:rpc_core.lua
--
-- It finds connections by their preface, on any port. A connection whose beginning was not captured is decoded with
-- `-d tcp.port==5000,rpc_core`; replies to calls that were not seen have no name then.

local rpc = Proto("rpc_core", "rpc-core")

local MESSAGES = { [0] = "Call", "Reply", "Items", "End", "Credit", "Cancel", "Ping", "Pong", "Goodbye" }
local OUTCOMES = { [0] = "Returned", "Failed", "Status" }
local CODES = {
    "Cancelled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists", "PermissionDenied",
    "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable",
    "DataLoss", "Unauthenticated",
}
local ENCODINGS = { [0] = "bincode", "JSON" }

local field = {
    version = ProtoField.string("rpc_core.versions", "Versions"),
    features = ProtoField.uint32("rpc_core.features", "Features", base.HEX),
    frame = ProtoField.uint32("rpc_core.frame", "Largest frame"),
    calls = ProtoField.uint32("rpc_core.calls", "Calls at a time"),
    credit = ProtoField.uint32("rpc_core.credit", "Credit of a stream"),
    length = ProtoField.uint32("rpc_core.length", "Length"),
    message = ProtoField.uint8("rpc_core.message", "Message", base.DEC, MESSAGES),
    id = ProtoField.uint64("rpc_core.id", "Call"),
    procedure = ProtoField.string("rpc_core.procedure", "Procedure"),
    remaining = ProtoField.uint64("rpc_core.remaining_ms", "Time left, in ms"),
    encoding = ProtoField.uint8("rpc_core.encoding", "Encoding", base.DEC, ENCODINGS),
    key = ProtoField.string("rpc_core.metadata.key", "Metadata"),
    value = ProtoField.bytes("rpc_core.metadata.value", "Value"),
    outcome = ProtoField.uint8("rpc_core.outcome", "Outcome", base.DEC, OUTCOMES),
    code = ProtoField.uint8("rpc_core.code", "Code", base.DEC, CODES),
    ran = ProtoField.bool("rpc_core.may_have_run", "May have run"),
    words = ProtoField.string("rpc_core.status", "Status"),
    details = ProtoField.bytes("rpc_core.details", "Details"),
    count = ProtoField.uint64("rpc_core.items", "Items"),
    nonce = ProtoField.uint64("rpc_core.nonce", "Nonce"),
    last = ProtoField.uint64("rpc_core.last_accepted", "Last accepted"),
    payload = ProtoField.bytes("rpc_core.payload", "Payload"),
    json = ProtoField.string("rpc_core.json", "Payload"),
}
rpc.fields = field

local broken = ProtoExpert.new("rpc_core.broken", "The header does not decode", expert.group.MALFORMED, expert.severity.ERROR)
rpc.experts = { broken }

local tcp_stream = Field.new("tcp.stream")
-- What is known of each call that was seen, by its connection and id.
local calls = {}

function rpc.init()
    calls = {}
end

-- What is taken off the front of a message. A cursor that ran over the end raises an error, which `dissect` catches.
local Cursor = {}
Cursor.__index = Cursor

function Cursor:take(length)
    if length > self.left:len() then error("short") end
    local taken = self.left(0, length)
    if length == self.left:len() then
        self.left = self.empty
    else
        self.left = self.left(length):tvb()
    end
    return taken
end

-- A varint, as the range of its bytes and its value.
function Cursor:number(widest)
    local tag = self.left(0, 1):uint()
    if tag <= 250 then
        return self:take(1), UInt64(tag)
    end
    local width = ({ [251] = 2, [252] = 4, [253] = 8 })[tag]
    if not width or width > widest then error("tag") end
    local range = self:take(1 + width)
    local number = range(1, width)
    return range, width == 8 and number:le_uint64() or UInt64(number:le_uint())
end

function Cursor:block()
    local _, length = self:number(8)
    if length > UInt64(self.left:len()) then error("short") end
    return length:tonumber()
end

local function add_number(tree, cursor, of)
    local range, number = cursor:number(8)
    tree:add(of, range, number)
    return tostring(number)
end

local function add_block(tree, cursor, of)
    local length = cursor:block()
    if length == 0 then return "" end
    local range = cursor:take(length)
    tree:add(of, range)
    return of == field.value and range:bytes():tohex() or range:string(ENC_UTF_8)
end

local function add_status(tree, cursor)
    local code = cursor:take(1)
    tree:add(field.code, code)
    local ran = cursor:take(1)
    tree:add(field.ran, ran)
    local words = add_block(tree, cursor, field.words)
    local length = cursor:block()
    if length > 0 then tree:add(field.details, cursor:take(length)) end
    local name = CODES[code:uint()] or "Unknown"
    return name .. (ran:uint() == 0 and ", did not run" or "") .. (words ~= "" and ": " .. words or "")
end

-- The fields of each message; each says what is shown of it in the list of packets.
local read = {}

function read.Call(tree, cursor, remember)
    local id = add_number(tree, cursor, field.id)
    local procedure = add_block(tree, cursor, field.procedure)
    local left = ""
    if cursor:take(1):uint() == 1 then
        left = ", " .. add_number(tree, cursor, field.remaining) .. " ms left"
    end
    local encoding = cursor:take(1)
    tree:add(field.encoding, encoding)
    remember(id, { procedure = procedure, json = encoding:uint() == 1 })
    local _, pairs = cursor:number(8)
    for _ = 1, math.min(pairs:tonumber(), 65) do
        add_block(tree, cursor, field.key)
        add_block(tree, cursor, field.value)
    end
    return id .. " " .. procedure .. left
end

function read.Reply(tree, cursor, _, name)
    local id = name(add_number(tree, cursor, field.id))
    local outcome = cursor:take(1)
    tree:add(field.outcome, outcome)
    if outcome:uint() == 2 then return id .. ": " .. add_status(tree, cursor) end
    return id .. ": " .. (OUTCOMES[outcome:uint()] or "?")
end

function read.Items(tree, cursor, _, name)
    local id = name(add_number(tree, cursor, field.id))
    return id .. ": " .. add_number(tree, cursor, field.count)
end
read.Credit = read.Items

function read.End(tree, cursor, _, name)
    local id = name(add_number(tree, cursor, field.id))
    return cursor:take(1):uint() == 1 and id .. ": " .. add_status(tree, cursor) or id
end

function read.Cancel(tree, cursor, _, name)
    return name(add_number(tree, cursor, field.id))
end

function read.Ping(tree, cursor)
    return add_number(tree, cursor, field.nonce)
end
read.Pong = read.Ping

function read.Goodbye(tree, cursor)
    return "after " .. add_number(tree, cursor, field.last) .. ": " .. add_status(tree, cursor)
end

local function show(pinfo, words)
    local before = tostring(pinfo.cols.protocol) == "rpc-core" and tostring(pinfo.cols.info) .. " | " or ""
    pinfo.cols.protocol = "rpc-core"
    pinfo.cols.info = before .. words
end

local function dissect_preface(buffer, pinfo, tree)
    local branch = tree:add(rpc, buffer(), "rpc-core, preface")
    branch:add(field.version, buffer(6, 2), buffer(7, 1):uint() .. " to " .. buffer(6, 1):uint())
    branch:add_le(field.features, buffer(8, 4))
    branch:add_le(field.frame, buffer(12, 4))
    branch:add_le(field.calls, buffer(16, 4))
    branch:add_le(field.credit, buffer(20, 4))
    show(pinfo, "Preface, frames to " .. buffer(12, 4):le_uint())
end

local function dissect_message(buffer, pinfo, tree)
    local connection = tostring(tcp_stream()) .. ":"
    local current
    local function remember(id, call)
        current, calls[connection .. id] = call, call
    end
    local function name(id)
        current = calls[connection .. id]
        return current and id .. " " .. current.procedure or id
    end
    local branch = tree:add(rpc, buffer())
    branch:add_le(field.length, buffer(0, 4))
    local cursor = setmetatable({ left = buffer(4):tvb(), empty = ByteArray.new():tvb("nothing") }, Cursor)
    local ok, words = pcall(function()
        local number = cursor:take(1)
        branch:add(field.message, number)
        local kind = MESSAGES[number:uint()] or error("kind")
        return kind .. " " .. read[kind](branch, cursor, remember, name)
    end)
    if not ok then
        branch:add_proto_expert_info(broken)
        words = "[a message that does not decode]"
    elseif cursor.left:len() > 0 and current and current.json then
        branch:add(field.json, cursor.left(), cursor.left():string(ENC_UTF_8))
        words = words .. ", " .. cursor.left(0, math.min(cursor.left:len(), 80)):string(ENC_UTF_8):gsub("\n", " ")
    elseif cursor.left:len() > 0 then
        branch:add(field.payload, cursor.left())
        words = words .. ", " .. cursor.left:len() .. " bytes"
    end
    branch:set_text("rpc-core, " .. words)
    show(pinfo, words)
end

-- A frame's length is never as large as the preface's magic, read as a number, so the two cannot be confused.
local MAGIC = 0x435052f1

local function length_of(buffer, _, offset)
    local length = buffer(offset, 4):le_uint()
    if length ~= MAGIC then return length + 4 end
    return buffer:len() - offset >= 6 and math.max(buffer(offset + 4, 2):le_uint(), 24) or 24
end

local function dissect_one(buffer, pinfo, tree)
    local dissect = buffer(0, 4):le_uint() == MAGIC and dissect_preface or dissect_message
    dissect(buffer, pinfo, tree)
    return buffer:len()
end

function rpc.dissector(buffer, pinfo, tree)
    dissect_tcp_pdus(buffer, tree, 4, length_of, dissect_one)
    return buffer:len()
end

local function looks_like_ours(buffer, pinfo, tree)
    if buffer:len() < 8 or buffer(0, 4):le_uint() ~= MAGIC then return false end
    pinfo.conversation = rpc
    if buffer:len() < 24 then
        pinfo.desegment_offset, pinfo.desegment_len = 0, DESEGMENT_ONE_MORE_SEGMENT
    else
        rpc.dissector(buffer, pinfo, tree)
    end
    return true
end

rpc:register_heuristic("tcp", looks_like_ours)
DissectorTable.get("tcp.port"):add_for_decode_as(rpc)
