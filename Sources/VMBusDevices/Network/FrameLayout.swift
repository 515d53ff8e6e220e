/// Where the headers of an IP packet lie in an Ethernet frame: what checksums and segments are made by.
struct FrameLayout: Sendable, Hashable {
    /// What is above IP.
    enum Transport: UInt8, Sendable, Hashable {
        case tcp = 6
        case udp = 17

        /// Where its checksum is, from its start.
        var checksumOffset: Int { self == .tcp ? 16 : 6 }
        /// Bytes of its header without options.
        var headerSize: Int { self == .tcp ? 20 : 8 }
    }

    /// Where the IP header begins.
    let network: Int
    /// Whether it is IPv6.
    let isVersion6: Bool
    /// What is above it, when it is there as a whole header and the packet is no fragment.
    let transport: Transport?
    /// Where that begins.
    let transportOffset: Int
    /// Where the packet ends; short frames are padded.
    let end: Int

    /// Finds the headers. Nil when the frame is not IP, or is too short for what it says.
    init?(_ frame: [UInt8]) {
        guard frame.count >= EthernetFrame.headerSize else { return nil }
        var network = EthernetFrame.headerSize
        var type = frame.number16(12)
        if type == Self.tagType, frame.count >= network + 4 {
            type = frame.number16(16)
            network += 4
        }
        self.network = network
        switch type {
        case 0x0800:
            guard frame.count >= network + 20, frame[network] >> 4 == 4 else { return nil }
            let header = Int(frame[network] & 0xF) * 4
            guard header >= 20, frame.count >= network + header else { return nil }
            // A large segment may leave its length to whoever cuts it.
            let length = Int(frame.number16(network + 2))
            end = length == 0 ? frame.count : network + length
            guard end >= network + header, end <= frame.count else { return nil }
            isVersion6 = false
            transportOffset = network + header
            let isFragment = frame.number16(network + 6) & 0x3FFF != 0
            transport = isFragment ? nil : Self.transport(frame[network + 9], transportOffset, end)
        case 0x86DD:
            guard frame.count >= network + 40, frame[network] >> 4 == 6 else { return nil }
            let length = Int(frame.number16(network + 4))
            end = length == 0 ? frame.count : network + 40 + length
            guard end <= frame.count else { return nil }
            isVersion6 = true
            var next = frame[network + 6]
            var offset = network + 40
            // Hop-by-hop options, routing, destination options; others end the search.
            while [0, 43, 60].contains(next), offset + 8 <= end {
                next = frame[offset]
                offset += (Int(frame[offset + 1]) + 1) * 8
            }
            transportOffset = offset
            transport = Self.transport(next, offset, end)
        default: return nil
        }
    }

    /// The Ethernet type of an 802.1Q tag.
    static let tagType: UInt16 = 0x8100

    private static func transport(_ number: UInt8, _ offset: Int, _ end: Int) -> Transport? {
        guard let transport = Transport(rawValue: number), offset + transport.headerSize <= end else { return nil }
        return transport
    }
}

extension InternetSum {
    /// Over what an IP packet carries, behind the addresses, protocol and length that TCP and UDP add in front.
    init(_ frame: [UInt8], _ layout: FrameLayout, _ transport: FrameLayout.Transport) {
        let addresses =
            layout.isVersion6 ? layout.network + 8..<layout.network + 40 : layout.network + 12..<layout.network + 20
        self.init(
            addresses: frame[addresses.clamped(to: frame.indices)], carries: transport.rawValue,
            count: layout.end - layout.transportOffset)
        add(frame[(layout.transportOffset..<layout.end).clamped(to: frame.indices)])
    }
}

extension [UInt8] {
    /// A number in network order; the caller has looked that it is there.
    func number16(_ offset: Int) -> UInt16 { UInt16(self[offset]) << 8 | UInt16(self[offset + 1]) }

    /// A number in network order; the caller has looked that it is there.
    func number32(_ offset: Int) -> UInt32 { UInt32(number16(offset)) << 16 | UInt32(number16(offset + 2)) }

    /// Writes a number in network order; the caller has looked that there is room.
    mutating func put16(_ value: UInt16, at offset: Int) {
        self[offset] = UInt8(truncatingIfNeeded: value >> 8)
        self[offset + 1] = UInt8(truncatingIfNeeded: value)
    }

    /// Writes a number in network order; the caller has looked that there is room.
    mutating func put32(_ value: UInt32, at offset: Int) {
        put16(UInt16(truncatingIfNeeded: value >> 16), at: offset)
        put16(UInt16(truncatingIfNeeded: value), at: offset + 2)
    }
}
