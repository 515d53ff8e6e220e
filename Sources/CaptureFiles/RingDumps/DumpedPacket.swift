public import VMBusRing
public import VMBusWire

/// A packet of a dumped ring with everything that its bytes tell.
public struct DumpedPacket: Hashable, Sendable {
    /// The checked descriptor and its place.
    public let packet: ReceivedPacket
    /// Where the payload starts in the data area.
    public let payloadOffset: UInt32
    /// Whether packet or trailer go on at the start of the data area.
    public let wraps: Bool
    /// The trailer's offset word: where the packet started, says who wrote it.
    public let trailer: UInt32
    /// The whole ranges of a GPA-direct or transfer-page header; those of transfer pages list no pages.
    public let ranges: [GPARange]
    /// What trailer and ranges have that they should not.
    public let damage: [RingDumpDamage]

    /// Reads a packet of an image.
    init(_ packet: ReceivedPacket, of image: RingCopy) {
        self.packet = packet
        payloadOffset = packet.payloadOffset(dataSize: image.dataSize)
        wraps = packet.wraps(dataSize: image.dataSize)
        trailer = UInt32(
            truncatingIfNeeded: image.loadData(at: packet.trailerOffset(dataSize: image.dataSize)) >> 32)
        var header: [UInt8] = []
        if packet.type == .dataUsingGPADirect || packet.type == .dataUsingTransferPages {
            packet.appendHeader(from: image, to: &header)
        }
        let read = RangeHeader(header, type: packet.type, packet: packet.offset)
        ranges = read.ranges
        var damage: [RingDumpDamage] = []
        if trailer != packet.offset {
            damage.append(
                RingDumpDamage(
                    offset: packet.offset, kind: .trailer,
                    message: "packet at offset \(packet.offset): its trailer names offset \(trailer)"))
        }
        if let problem = read.damage { damage.append(problem) }
        self.damage = damage
    }
}

/// The ranges in a packet's type-specific header, as far as they are whole (reference §4.4, §4.5).
private struct RangeHeader {
    var ranges: [GPARange] = []
    var damage: RingDumpDamage?

    /// Bytes before the first range.
    private static let prefixByteCount = 8
    /// Bytes of a range without its pages.
    private static let rangeByteCount = 8

    init(_ header: [UInt8], type: PacketType, packet: UInt32) {
        guard type == .dataUsingGPADirect || type == .dataUsingTransferPages else { return }
        func found(_ kind: RingDumpDamage.Kind, _ what: String) -> RingDumpDamage {
            RingDumpDamage(offset: packet, kind: kind, message: "packet at offset \(packet): \(what)")
        }
        guard header.count >= Self.prefixByteCount else {
            damage = found(.rangeCount, "its header has no room for a range count")
            return
        }
        let count = header[4..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        let room = (header.count - Self.prefixByteCount) / Self.rangeByteCount
        if count == 0, type == .dataUsingGPADirect {
            damage = found(.rangeCount, "its range count is 0")
            return
        }
        if count > room {
            damage = found(.rangeCount, "its range count is \(count), and its header has room for \(room)")
        }
        var rest = header[Self.prefixByteCount...]
        for index in 0..<min(count, room) {
            do throws(WireError) {
                if type == .dataUsingTransferPages {
                    let (range, taken) = try TransferPageRange.decodePrefix(rest)
                    ranges.append(GPARange(byteCount: range.byteCount, byteOffset: range.byteOffset, pages: []))
                    rest = rest.dropFirst(taken)
                } else {
                    let (range, taken) = try GPARange.decodePrefix(rest)
                    ranges.append(range)
                    rest = rest.dropFirst(taken)
                }
            } catch {
                if damage == nil { damage = found(.range, "range \(index): \(error)") }
                return
            }
        }
    }
}
