import VMBusDevices
import VMBusWire

/// A ring packet's bytes as descriptor, type-specific header and payload.
func fuzzPacket(_ bytes: [UInt8]) throws(Finding) {
    let (fields, descriptor, payload, problem) = FieldNode.packetHeader(bytes[...])
    try require(
        payload.lowerBound >= 0 && payload.lowerBound <= payload.upperBound && payload.upperBound <= bytes.count,
        "a payload at \(payload) of \(bytes.count) bytes")
    for field in fields {
        try require(
            field.offset >= 0 && field.size >= 0 && field.offset + field.size <= bytes.count,
            "\(field.name) lies outside the packet")
    }
    let packet: ChannelPacket
    do throws(WireError) {
        packet = try ChannelPacket.decode(bytes[...])
    } catch {
        return
    }
    // The headers of retired types are shown and not decoded.
    let isDecoded = packet.type == .dataUsingGPADirect || packet.type == .dataUsingTransferPages
    try require(descriptor != nil, "a packet is readable and its descriptor is not")
    try require(!isDecoded || problem == nil, "a packet is readable and its header is not: \(problem as Any)")
    guard let encoded = packet.encoded else { throw Finding("a packet of \(bytes.count) bytes became too long") }
    try require(encoded.count <= bytes.count, "a packet grew from \(bytes.count) to \(encoded.count) bytes")
    guard let again = try? ChannelPacket.decode(encoded[...]) else { throw Finding("a packet is not readable again") }
    try require(again == packet, "a packet is another one after it was written")
    if case .guestPages(let ranges) = packet.bulk {
        let pages = ranges.reduce(0) { $0 + $1.pages.count }
        try require(pages * 8 + ranges.count * 8 <= bytes.count, "\(pages) pages in \(bytes.count) bytes")
        try canary(
            ranges.count == 2 && ranges[1].byteOffset != 0, "the second of two ranges does not start with its page")
    }
}
