
-- The part that is the same for all layouts: L holds steps {what, field, …}, F the fields, V names of values, N layouts by name
-- and C names of records.

local Short, own = {}, nil

local function value_of(number, values)
  if number == nil or type(number) == "number" then return number end
  if number.pages then
    return math.floor(((values[number[1]] or 0) + (values[number[2]] or 0) + 4095) / 4096)
  end
  local sum = number[1]
  for i = 2, #number, 2 do sum = sum + (values[number[i]] or 0) * number[i + 1] end
  return sum
end

local function load(tvb, at, size)
  if size <= 4 then return tvb(at, size):le_uint() end
  if size == 8 then return tvb(at, 8):le_uint64():tonumber() end
  return 0
end

local function bits_of(value, names)
  local words = {}
  for _, bit in ipairs(names) do
    if math.floor(value / bit[1]) % 2 == 1 then words[#words + 1] = bit[2] end
  end
  return table.concat(words, ", ")
end

local function masked(value, mask)
  local result, bit = 0, 1
  while bit <= mask do
    if math.floor(mask / bit) % 2 == 1 and math.floor(value / bit) % 2 == 1 then result = result + bit end
    bit = bit * 2
  end
  return result
end

local function way(ways, value)
  local found
  for _, entry in ipairs(ways) do
    if entry[1] > value then break end
    found = entry[2]
  end
  return found
end

-- Reads a layout from s.at up to s.limit. What ends too early is shown as far as it goes.
local function read(layout, s)
  local values, stack, regions = {}, {}, {}
  local start = s.at
  local function need(size)
    if size < 0 or s.at + size > s.limit then error(Short, 0) end
  end
  local steps, i = layout, 1
  while steps and steps[i] do
    local step = steps[i]
    local what = step[1]
    i = i + 1
    if what == 1 or (what == 2 and s.limit - s.at >= step[3]) then
      local size = step[3]
      need(size)
      local item = s.tree:add_le(F[step[2]], s.tvb(s.at, size))
      if what == 1 then
        local value = load(s.tvb, s.at, size)
        values[step[4]] = value
        if s.got then s.got[step[2]] = value end
        if step[5] and value ~= 0 then
          local words = bits_of(value, step[5])
          if words ~= "" then item:append_text(" (" .. words .. ")") end
        end
      end
      s.at = s.at + size
    elseif what == 3 then
      local size = value_of(step[3], values) or s.limit - s.at
      need(size)
      if size > 0 then
        local range = s.tvb(s.at, size)
        local item
        if step[4] == 1 then item = s.tree:add(F[step[2]], range, range:le_ustring())
        else item = s.tree:add(F[step[2]], range) end
        if s.items then s.items[step[2]] = item end
      end
      s.at = s.at + size
    elseif what == 4 then
      local size = value_of(step[3], values) or s.limit - s.at
      need(size)
      if size > 0 then s.tree:add(F[step[2]], s.tvb(s.at, size)) end
      s.at = s.at + size
    elseif what == 5 then
      stack[#stack + 1] = { s.tree, start, s.at }
      if s.at < s.limit then s.tree = s.tree:add(F[step[2]], s.tvb(s.at, s.limit - s.at)) end
      start = s.at
    elseif what == 6 then
      local outer = table.remove(stack)
      if outer then
        if s.at > outer[3] then s.tree:set_len(s.at - outer[3]) end
        s.tree, start = outer[1], outer[2]
      end
    elseif what == 7 then
      local at, length = value_of(step[2], values), value_of(step[3], values)
      at = at and start + at or s.at
      if length == nil then length = s.limit - at end
      regions[#regions + 1] = { s.at, s.limit }
      if length <= 0 then
        -- A region of no bytes has no fields.
        local depth = 1
        while depth > 0 do
          if not steps[i] then
            s.at, s.limit = regions[#regions][1], regions[#regions][2]
            return s.at
          end
          local kind = steps[i][1]
          if kind == 7 then depth = depth + 1 elseif kind == 8 then depth = depth - 1 end
          if kind >= 20 then
            -- What follows a decision inside the region is the same on every way but for the region itself.
            local ways = steps[i][#steps[i]]
            steps, i = ways[1][2], 0
          end
          i = i + 1
        end
        table.remove(regions)
      else
        if at < start or at + length > s.limit then error(Short, 0) end
        if at > s.at then s.tree:add(own.data, s.tvb(s.at, at - s.at)) end
        s.at, s.limit = at, at + length
      end
    elseif what == 8 then
      local outer = table.remove(regions)
      local last = s.limit
      s.limit = outer[2]
      s.at = math.max(outer[1], last)
    elseif what == 9 then
      local count = value_of(step[4], values)
      while s.at < s.limit and (count == nil or count > 0) do
        local place, tree, got = s.at, s.tree, s.got
        s.tree = tree:add(F[step[2]], s.tvb(s.at, s.limit - s.at))
        if got then
          s.got = {}
          got.list = got.list or {}
          got.list[#got.list + 1] = s.got
        end
        local ok, problem = pcall(read, step[3], s)
        if ok and s.at > place then s.tree:set_len(s.at - place) end
        s.tree, s.got = tree, got
        if not ok then error(problem, 0) end
        if s.at == place then break end
        if count then count = count - 1 end
      end
      if count and count > 0 then error(Short, 0) end
    elseif what == 10 then
      while s.limit - s.at >= step[3] do
        s.tree:add_le(F[step[2]], s.tvb(s.at, step[3]))
        s.at = s.at + step[3]
      end
    elseif what == 11 then
      if s.limit - s.at < step[3] then return s.at end
      s.tree:add(F[step[2]], s.tvb(s.at, step[3]))
      s.at = s.at + step[3]
    elseif what == 20 then
      steps, i = way(step[3], values[step[2]] or 0), 1
    elseif what == 21 then
      steps, i = way(step[4], masked(values[step[2]] or 0, step[3])), 1
    elseif what == 22 then
      steps, i = way(step[2], s.limit - s.at), 1
    elseif what == 23 then
      steps, i = way(step[2], (s.sender == 2 and 2 or 1) * 4294967296 + (s.subject or 0)), 1
    end
  end
  return s.at
end

-- Reads a layout; what is left over or cannot be read is bytes.
local function show(name, tvb, at, limit, tree, context, got)
  local layout = N[name]
  if not layout then return at end
  local s = { tvb = tvb, at = at, limit = limit, tree = tree, sender = context.sender, subject = context.subject,
    got = got, items = context.items }
  local ok, problem = pcall(read, layout, s)
  if not ok and problem ~= Short then error(problem, 0) end
  return ok and s.at or nil
end

own = {
  name = ProtoField.string("vmbus.name", "Name", base.UNICODE, "what the record is called"),
  kind = ProtoField.string("vmbus.kind", "Kind", base.UNICODE, "what the record tells"),
  device = ProtoField.string("vmbus.device_kind", "Device", base.UNICODE, "what the channel belongs to"),
  text = ProtoField.string("vmbus.text", "Text", base.UNICODE, "what was written down"),
  data = ProtoField.bytes("vmbus.data", "Data", base.SPACE, "bytes that have no fields here"),
  carried = ProtoField.bytes("vmbus.carried", "On another interface", base.SPACE,
    "bytes that are a packet of another interface of this file"),
  cut = ProtoField.string("vmbus.cut", "Cut", base.UNICODE, "the bytes end before their structure does"),
  asked = ProtoField.framenum("vmbus.asked_in", "Answers", base.NONE, frametype.REQUEST, 0, "the request's packet"),
  answered = ProtoField.framenum("vmbus.answered_in", "Answered in", base.NONE, frametype.RESPONSE, 0, "the answer's packet"),
  took = ProtoField.double("vmbus.latency", "Latency", "seconds from the request to its answer"),
}
for _, field in pairs(own) do F[#F + 1] = field end
vmbus.fields = F

local description_of = Field.new("frame.interface_description")
local id_of = Field.new("frame.interface_id")

-- What later packets need of earlier ones; made anew for every file.
local interfaces, kinds, requests, subjects, frames, answers, objects, agreed, starts
function vmbus.init()
  interfaces, kinds, requests, subjects, frames, answers, objects, agreed, starts = {}, {}, {}, {}, {}, {}, {}, {}, {}
end

local function interface()
  local id = id_of()
  local number = id and id.value or 0
  if interfaces[number] ~= nil then return interfaces[number] end
  local description = description_of()
  description = description and tostring(description.value) or ""
  local found = false
  if description == "VMBus" or description:sub(1, 6) == "VMBus " then
    found = { device = description:match("device=(%S+)"), kind = description:match("kind=(%S+)") or "unknown" }
  end
  if description ~= "" then interfaces[number] = found end
  return found
end

-- Fields of the record's header by their name, and two that have fields inside.
local header_fields, cdb_field, sense_field = {}, nil, nil
for number, field in ipairs(F) do
  local name = tostring(field):match("vmbus%.([%w_.]+)")
  if name == "vstor.request.cdb" then cdb_field = number end
  if name == "vstor.request.sense" then sense_field = number end
  name = name and name:match("^record%.(.+)")
  if name then header_fields[name] = number end
end

-- A GUID as text; its first three parts are little-endian.
local function guid_text(tvb, at)
  local hex = ""
  for i, place in ipairs({ 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 }) do
    if i == 5 or i == 7 or i == 9 or i == 11 then hex = hex .. "-" end
    hex = hex .. string.format("%02x", tvb(at + place, 1):uint())
  end
  return hex
end

local function named(names, value) return names[value] or ("UNKNOWN_" .. value) end

-- The bytes of a range that no field holds.
local function rest(tvb, at, limit, tree)
  if limit > at then tree:add(own.data, tvb(at, limit - at)) end
end

local function block(title, name, tvb, at, limit, tree, context)
  local inner = tree:add(vmbus, tvb(at, limit - at), title)
  local stop = show(name, tvb, at, limit, inner, context)
  if stop == nil then inner:add(own.cut, tvb(at, limit - at), "the bytes end early") end
  return inner, stop
end

-- Data of the SCSI command of a subject: operation, first byte, second byte.
local function scsi_data(tvb, at, limit, tree, subject)
  if limit <= at then return end
  local opcode, option = math.floor(subject / 256) % 256, math.floor(subject / 65536) % 256
  local name = "answer." .. opcode .. "." .. option % 2
  if subject % 256 == 3 and N[name] then
    local stop = show(name, tvb, at, limit, tree:add(vmbus, tvb(at, limit - at), "Data"), {}) or at
    rest(tvb, stop, limit, tree)
  else
    rest(tvb, at, limit, tree)
  end
end

local function storage(tvb, p, tree, record)
  local answer = p.type == 11
  local subject = answer and (record.subject or 0) or 0
  local size = p.payload_end - p.payload
  local operation = size >= 4 and tvb(p.payload, 4):le_uint() or 0
  if not answer then
    subject = operation % 256
    if operation == 3 and size >= 12 + 18 then
      subject = subject + tvb(p.payload + 28, 1):uint() * 256 + tvb(p.payload + 29, 1):uint() * 65536
    end
    record.remember = subject
  end
  local items = {}
  if size > 0 then
    local _, stop = block("Storage (vstor)", "vstor", tvb, p.payload, p.payload_end, tree,
      { sender = record.direction, subject = answer and subject % 256 or 0, items = items })
    rest(tvb, stop or p.payload_end, p.payload_end, tree)
    -- The command block, or the sense data that an answer has.
    local place = p.payload + 28
    if items[cdb_field] then
      local opcode = tvb(place, 1):uint()
      if N["cdb." .. opcode] then
        rest(tvb, show("cdb." .. opcode, tvb, place, place + 20, items[cdb_field], {}), place + 20, items[cdb_field])
      end
    elseif items[sense_field] and math.floor(tvb(p.payload + 14, 1):uint() / 128) % 2 == 1 then
      local form = tvb(place, 1):uint() % 128 < 0x72 and "sense.fixed" or "sense.descriptors"
      rest(tvb, show(form, tvb, place, place + 20, items[sense_field], {}), place + 20, items[sense_field])
    end
  end
  if p.attachment < p.finish then scsi_data(tvb, p.attachment, p.finish, tree, subject) end
  if subject % 256 == 3 and C.scsi[math.floor(subject / 256) % 256] then
    return C.scsi[math.floor(subject / 256) % 256]
  end
  if size < 4 then return "VSTOR.MALFORMED" end
  if operation == 1 and C.vstor[subject % 256] then return "VSTOR." .. C.vstor[subject % 256] end
  return "VSTOR." .. named(C.vstor, operation)
end

local function rndis(tvb, p, tree, record)
  local name, count = nil, 0
  local agreement = agreed[record.channel] or 8
  -- One message in each range of the receive buffer; in a send section one behind the other.
  local parts, at = {}, p.attachment
  if #p.ranges == 0 then parts[1] = { at, p.finish } end
  for _, length in ipairs(p.ranges) do
    if at >= p.finish then break end
    local stop = math.min(at + length, p.finish)
    if stop > at then parts[#parts + 1] = { at, stop } end
    at = stop
  end
  if #p.ranges > 0 and at < p.finish then parts[#parts + 1] = { at, p.finish } end
  local shown = p.attachment
  for _, part in ipairs(parts) do
    local place = part[1]
    while place < part[2] do
      local left = part[2] - place
      local length = left >= 8 and tvb(place + 4, 4):le_uint() or 0
      local isWhole = length >= 8 and length <= left
      if not isWhole then length = left end
      rest(tvb, shown, place, tree)
      local kind = left >= 4 and tvb(place, 4):le_uint() or 0
      local subject = 0
      if left >= 16 then
        local request = tvb(place + 8, 4):le_uint()
        local key = record.channel .. "/" .. request
        if kind == 4 or kind == 5 or kind == 9 then
          if not record.visited then objects[key] = tvb(place + 12, 4):le_uint() end
        elseif kind >= 0x80000000 then
          subject = record.objects[place] or objects[key] or 0
          record.objects[place] = subject
        elseif kind == 0x80000002 then subject = 0 end
        if kind == 0x80000002 and left >= 44 and not record.visited then
          agreed[record.channel] = 2 ^ math.min(tvb(place + 40, 4):le_uint(), 15)
        end
      end
      block("Remote NDIS", "rndis", tvb, place, place + length, tree, { sender = record.direction, subject = subject })
      count = count + 1
      if not name then name = left >= 4 and "RNDIS." .. named(C.rndis, kind) or "RNDIS.MALFORMED" end
      shown = place + length
      if not isWhole then break end
      place = place + math.ceil(length / agreement) * agreement
      if part[2] - place < 8 then break end
    end
  end
  rest(tvb, shown, p.finish, tree)
  return name or "NVSP.SEND_RNDIS_PACKET", count
end

local function network(tvb, p, tree, record)
  local size = p.payload_end - p.payload
  if p.type == 11 and size == 0 then
    rest(tvb, p.attachment, p.finish, tree)
    local asked = record.subject
    return "NVSP." .. (asked and asked ~= 0 and named(C.nvsp, asked) or "COMPLETION")
  end
  local kind = size >= 4 and tvb(p.payload, 4):le_uint() or nil
  record.remember = kind
  if kind == 1 and size >= 12 and not record.visited then
    agreed["version" .. record.channel] = tvb(p.payload + 8, 4):le_uint()
  end
  local version = kind == 134 and agreed["version" .. record.channel] or 0
  local _, stop = block("Network service (nvsp)", "nvsp", tvb, p.payload, p.payload_end, tree,
    { sender = record.direction, subject = version })
  rest(tvb, stop or p.payload_end, p.payload_end, tree)
  if kind == nil then return "NVSP.MALFORMED" end
  if kind == 107 and p.attachment < p.finish then return rndis(tvb, p, tree, record) end
  rest(tvb, p.attachment, p.finish, tree)
  return "NVSP." .. named(C.nvsp, kind)
end

local function time_name(flags) return flags % 2 == 1 and "SYNC" or math.floor(flags / 2) % 2 == 1 and "SAMPLE" or "PROBE" end

local function integration(tvb, p, tree, record)
  local size = p.payload_end - p.payload
  local _, stop
  if size > 0 then
    _, stop = block("Integration component", "ic", tvb, p.payload, p.payload_end, tree, { sender = record.direction })
    rest(tvb, stop or p.payload_end, p.payload_end, tree)
  end
  rest(tvb, p.attachment, p.finish, tree)
  if size < 28 or not stop then return "IC.MALFORMED" end
  local at = p.payload
  local kind, body = tvb(at + 12, 2):le_uint(), at + 28
  local function byte(offset) return size > 28 + offset and tvb(body + offset, 1):uint() or 0 end
  if kind == 1 then return "HEARTBEAT.SEQUENCE" end
  if kind == 3 then return "SHUTDOWN.REQUEST" end
  if kind == 2 then return "KVP." .. (C.kvp[byte(0)] or "") end
  if kind == 4 then
    -- From 4.0 on the flags lie behind two times.
    return "TIMESYNC." .. time_name(byte(tvb(at + 14, 2):le_uint() >= 4 and 16 or 24))
  end
  if kind == 5 then return "VSS." .. (C.vss[byte(0)] or "") end
  if kind == 7 then return "FCOPY." .. (C.fcopy[size >= 32 and tvb(body, 4):le_uint() or 0] or "") end
  return "IC." .. named(C.ic, kind)
end

local function socket(tvb, p, tree, record)
  local size = p.payload_end - p.payload
  local stop
  if size > 0 then
    local _
    _, stop = block("hv_sock", "hvsock", tvb, p.payload, p.payload_end, tree, { sender = record.direction })
    rest(tvb, stop or p.payload_end, p.payload_end, tree)
  end
  rest(tvb, p.attachment, p.finish, tree)
  if size < 8 or not stop then return "HVSOCK.MALFORMED" end
  return tvb(p.payload + 4, 4):le_uint() == 0 and "HVSOCK.END" or "HVSOCK.DATA"
end

local function balloon(tvb, p, tree, record)
  local size = p.payload_end - p.payload
  local stop
  if size > 0 then
    local _
    _, stop = block("Dynamic memory", "dm", tvb, p.payload, p.payload_end, tree, { sender = record.direction })
    rest(tvb, stop or p.payload_end, p.payload_end, tree)
  end
  rest(tvb, p.attachment, p.finish, tree)
  if size < 8 or not stop then return "DM.MALFORMED" end
  return "DM." .. named(C.dm, tvb(p.payload, 2):le_uint())
end

local function pci(tvb, p, tree, record)
  local size = p.payload_end - p.payload
  local answer = p.type == 11
  local subject = answer and (record.subject or 4294967295) or 0
  local kind = answer and subject or size >= 4 and tvb(p.payload, 4):le_uint() or 0
  local stop
  if size > 0 then
    local _
    _, stop = block("Virtual PCI", "vpci", tvb, p.payload, p.payload_end, tree,
      { sender = record.direction, subject = subject })
    rest(tvb, stop or p.payload_end, p.payload_end, tree)
  end
  rest(tvb, p.attachment, p.finish, tree)
  if size < 4 or not stop then return "VPCI.MALFORMED" end
  if not answer then record.remember = kind end
  return kind == 4294967295 and "VPCI.ANSWER" or "VPCI." .. named(C.vpci, kind)
end

-- Devices whose packets are messages of one kind: a title, how far into the payload the type lies, and what types are called.
local devices = {
  keyboard = { "Keyboard", 0, C.keyboard }, mouse = { "Mouse", 8, C.mouse }, video = { "Video", 8, C.video },
}

local function message(tvb, p, tree, record)
  local size, title, at, types = p.payload_end - p.payload, table.unpack(devices[record.device])
  local stop
  if size > 0 then
    local _
    _, stop = block(title, record.device, tvb, p.payload, p.payload_end, tree, { sender = record.direction })
    rest(tvb, stop or p.payload_end, p.payload_end, tree)
  end
  rest(tvb, p.attachment, p.finish, tree)
  if size < at + 4 or not stop then return record.device:upper() .. ".MALFORMED" end
  local number = tvb(p.payload + at, 4):le_uint()
  return record.device:upper() .. "." .. (types[number] or "TYPE_" .. number)
end

local headers = {
  [2] = "transfer_page_set", [3] = "transfer_page_set", [4] = "establish_gpadl", [5] = "gpadl_reference",
  [7] = "transfer_pages", [8] = "gpadl_reference", [9] = "gpa_direct", [15] = "additional_data",
}
local services = { heartbeat = true, shutdown = true, timesync = true, kvp = true, vss = true, fcopy = true }

-- A packet from its descriptor, then what it points to.
local function packet(tvb, tree, record)
  local finish = tvb:len()
  local split = finish - math.min(finish, record.attachment)
  local p = { ranges = {}, attachment = split, finish = finish }
  local _, stop = block("Descriptor", "descriptor", tvb, 0, math.min(16, split), tree, {})
  if not stop then
    rest(tvb, 0, finish, tree)
    return "PACKET.MALFORMED"
  end
  p.type = tvb(0, 2):le_uint()
  local offset8, length8 = tvb(2, 2):le_uint(), tvb(4, 2):le_uint()
  if offset8 < 2 or length8 < offset8 then
    rest(tvb, 16, finish, tree)
    return "PACKET.MALFORMED"
  end
  p.payload = math.min(offset8 * 8, split)
  p.payload_end = math.min(split, math.max(length8 * 8, p.payload))
  record.wanted = tvb(6, 2):le_uint() % 2 == 1
  if p.payload > 16 then
    local name = headers[p.type]
    if name then
      local inner, done = block("Header", name, tvb, 16, p.payload, tree, {})
      rest(tvb, done or p.payload, p.payload, inner)
      if p.type == 7 and done then
        for i = 0, tvb(20, 4):le_uint() - 1 do p.ranges[#p.ranges + 1] = tvb(24 + 8 * i, 4):le_uint() end
      end
    else
      rest(tvb, 16, p.payload, tree)
    end
  end
  local name, more
  if record.device == "network" then name, more = network(tvb, p, tree, record)
  elseif record.device == "scsi" or record.device == "ide" or record.device == "fibre_channel" then
    name = storage(tvb, p, tree, record)
  elseif services[record.device] and p.type == 6 then name = integration(tvb, p, tree, record)
  elseif record.device == "hvsock" and p.type == 6 then name = socket(tvb, p, tree, record)
  elseif record.device == "pci" and (p.type == 6 or p.type == 11) then name = pci(tvb, p, tree, record)
  elseif record.device == "balloon" and p.type == 6 then name = balloon(tvb, p, tree, record)
  elseif devices[record.device] and p.type == 6 then name = message(tvb, p, tree, record)
  else
    rest(tvb, p.payload, p.payload_end, tree)
    rest(tvb, p.attachment, p.finish, tree)
    name = "PACKET." .. (C.packets[p.type] and C.packets[p.type]:upper():gsub("[ %-]", "_") or "TYPE_" .. p.type)
  end
  rest(tvb, p.payload_end, p.attachment, tree)
  return name, more and more > 1 and "(and " .. more - 1 .. " more)" or nil
end

local function texted(tvb, tree)
  if tvb:len() > 0 then tree:add(own.text, tvb(), tvb():string(ENC_UTF_8)) end
end

-- What a record of one of the other kinds is called; its fields are shown.
local function other(kind, tvb, tree, record)
  local function fields(name)
    if tvb:len() > 0 then
      local stop = show(name, tvb, 0, tvb:len(), tree, { sender = record.direction })
      if stop then rest(tvb, stop, tvb:len(), tree) else rest(tvb, 0, tvb:len(), tree) end
    end
  end
  local code = record.code
  if kind == 3 then
    fields(code == 0 and "signal" or "monitor")
    return "SYNIC." .. (C.signals[code] or "SIGNAL_" .. code)
  elseif kind == 4 then fields("interrupt") return "SYNIC.EVENT_FLAG"
  elseif kind == 5 then fields("attributes") return "STATE." .. (C.states[code] or "CODE_" .. code)
  elseif kind == 6 then fields("attributes") return record.relid == 0 and "SAMPLE.EVIDENCE" or "SAMPLE.COUNTERS"
  elseif kind == 7 then
    texted(tvb, tree)
    return code > 256 and "RULE.BROKEN" or code >= 1 and code <= 3 and "FAULT.INJECTED" or "FAULT.VIOLATION"
  elseif kind == 8 then texted(tvb, tree) return "GAP.RECORDS_MISSING"
  elseif kind == 9 then texted(tvb, tree) return "NOTE.TEXT"
  elseif kind == 10 then fields("keyframe") return "KEYFRAME.SNAPSHOT"
  elseif kind == 11 then
    fields("register")
    return "REGISTER." .. (C.registers[code] or string.format("0x%x", code))
  elseif kind == 12 then
    fields("trace")
    if code ~= 0 then return "TRACE." .. named(C.messages, code) end
    local from = 1 + tvb(0, 1):uint()
    return "TRACE." .. tvb(from + 1, tvb(from, 1):uint()):string()
  elseif kind == 13 then fields("kernel_log") return "LOG." .. (C.log[code % 65536] or "FACT_" .. code)
  elseif kind == C.manifest then texted(tvb, tree) return "FILE.MANIFEST" end
  rest(tvb, 0, tvb:len(), tree)
  return "RECORD.KIND_" .. kind
end

-- The record's bytes, with zeros where bytes are packets of another interface, and how many of those lie behind what was kept.
local function joined(tvb, at, places, tree)
  if #places == 0 then return at < tvb:len() and tvb(at):tvb() or nil, 0 end
  local bytes, from, behind = ByteArray.new(), at, 0
  for number, place in ipairs(places) do
    local gap = place.offset - bytes:len()
    if gap < 0 or from + gap > tvb:len() or place.length > 65536 then
      for later = number, #places do behind = behind + places[later].length end
      break
    end
    if gap > 0 then bytes:append(tvb(from, gap):bytes()) end
    from = from + gap
    local hole = ByteArray.new()
    hole:set_size(place.length)
    for i = 0, place.length - 1 do hole:set_index(i, 0) end
    bytes:append(hole)
  end
  if from < tvb:len() then bytes:append(tvb(from):bytes()) end
  return bytes:tvb("Record (zeros stand for packets of other interfaces)"), behind
end

function vmbus.dissector(tvb, pinfo, root)
  local from = interface()
  if not from then return 0 end
  local size = tvb:len()
  pinfo.cols.protocol = "VMBUS"
  if size < 24 or tvb(0, 1):uint() ~= C.version then
    pinfo.cols.info = "record of a version that is not known here"
    root:add(vmbus, tvb())
    return size
  end
  local tree = root:add(vmbus, tvb())
  local got = {}
  local head = tree:add(vmbus, tvb(0, math.min(size, tvb(4, 2):le_uint())), "Record header")
  show("record", tvb, 0, math.min(size, tvb(4, 2):le_uint()), head, {}, got)
  local function field(name) return got[header_fields[name]] end
  local kind, length = field("kind") or 0, field("header_length") or 24
  local record = {
    direction = field("direction") or 0, code = field("code") or 0, relid = field("relid") or 0,
    attachment = field("attachment_length") or 0, device = from.kind, visited = pinfo.visited, objects = {},
  }
  local sequence = tostring(tvb(16, 8):le_uint64())
  local partition = field("partition") or 0
  local device = from.device
  if not device and field("flags") and math.floor(field("flags") / 4) % 2 == 1 and length >= 44 then
    device = guid_text(tvb, length - 20)
  end
  local where = partition .. "/" .. (device or "")
  record.channel = where .. "/" .. record.relid
  if record.device == "unknown" and kinds[where] then record.device = kinds[where] end
  local places = {}
  for _, entry in ipairs(got.list or {}) do
    local place = {}
    for number, value in pairs(entry) do
      if number == header_fields["frame.offset"] then place.offset = value end
      if number == header_fields["frame.length"] then place.length = value end
    end
    if place.offset and place.length then places[#places + 1] = place end
  end
  local memo = frames[pinfo.number]
  if memo then record.subject, record.objects = memo.subject, memo.objects end
  local answered = field("request")
  if answered then
    answered = tostring(tvb(24, 8):le_uint64())
    if not memo then record.subject = subjects[answered] end
  end
  local body, behind = joined(tvb, math.min(length, size), places, tree)
  local inside = body or tvb(size):tvb()
  -- Bytes that were not kept are missing at the end, where those outside the ring are.
  local missing = math.max(0, tvb:reported_len() - tvb:len()) + behind
  record.attachment = math.max(0, record.attachment - missing)
  local name, more
  if kind == 1 then
    local stop = inside:len() > 0 and show("message", inside, 0, inside:len(), tree, { sender = record.direction })
    if stop then rest(inside, stop, inside:len(), tree) end
    name = "VMBUS." .. (inside:len() >= 4 and named(C.messages, inside(0, 4):le_uint()) or "MALFORMED")
    if record.code == 1 and inside:len() >= 40 and not pinfo.visited then
      -- Which class a device has that was met before it was offered.
      local class = guid_text(inside, 8)
      local socket = class:sub(9) == "-facb-11e6-bd58-64006a7986d3"
      kinds[partition .. "/" .. guid_text(inside, 24)] = C.classes[class] or socket and "hvsock" or nil
    end
  elseif kind == 2 then name, more = packet(inside, tree, record)
  else name = other(kind, inside, tree, record) end
  for _, place in ipairs(places) do
    if body and place.offset + place.length <= body:len() and place.length > 0 then
      tree:add(own.carried, body(place.offset, place.length))
    end
  end
  if not memo then
    frames[pinfo.number] = { subject = record.subject, objects = record.objects }
    if kind == 2 and record.wanted then
      requests[sequence] = pinfo.number
      subjects[sequence] = record.remember
      starts[sequence] = pinfo.abs_ts
    end
    if answered and requests[answered] then answers[requests[answered]] = pinfo.number end
  end
  head:add(own.name, tvb(0, 0), name):set_generated()
  head:add(own.kind, tvb(1, 1), C.kinds[kind] or (kind == C.manifest and "manifest") or "kind_" .. kind):set_generated()
  if from.device then head:add(own.device, tvb(0, 0), record.device):set_generated() end
  if answered and requests[answered] then
    head:add(own.asked, tvb(24, 8), requests[answered]):set_generated()
    if starts[answered] then
      head:add(own.took, tvb(24, 8), (pinfo.abs_ts - starts[answered])):set_generated()
    end
  end
  if answers[pinfo.number] then head:add(own.answered, tvb(0, 0), answers[pinfo.number]):set_generated() end
  local guest = partition == 0 and "root" or "guest " .. partition
  if record.direction == 1 then pinfo.cols.src, pinfo.cols.dst = guest, "root"
  elseif record.direction == 2 then pinfo.cols.src, pinfo.cols.dst = "root", guest
  else pinfo.cols.src = guest end
  local info = name
  if from.device then info = record.device .. " " .. info end
  if more then info = info .. " " .. more end
  if record.relid ~= 0 then info = info .. " relid=" .. record.relid end
  pinfo.cols.info = info
  tree:append_text(": " .. name)
  return size
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, vmbus)
