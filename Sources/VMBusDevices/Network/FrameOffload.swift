import VMBusWire

/// What an adapter does to frames in the guest's place: checksums, large segments, tags.
enum FrameOffload {
    /// The most segments that one frame is cut into.
    static let maximumSegments = 2048

    /// Makes the checksums that are asked for. Nil when the frame does not have what is asked for at the place that is named.
    static func completed(_ given: consuming [UInt8], _ wish: RNDIS.TransmitChecksum) -> [UInt8]? {
        var frame = given
        guard let layout = FrameLayout(frame) else { return nil }
        let asked: FrameLayout.Transport? =
            wish.has(RNDIS.TransmitChecksum.tcp) ? .tcp : wish.has(RNDIS.TransmitChecksum.udp) ? .udp : nil
        guard !wish.has(RNDIS.TransmitChecksum.internet4) || !layout.isVersion6,
            !wish.has(RNDIS.TransmitChecksum.internet6) || layout.isVersion6,
            asked == nil || asked == layout.transport,
            asked == nil || wish.headerOffset == 0 || Int(wish.headerOffset) == layout.transportOffset
        else { return nil }
        if wish.has(RNDIS.TransmitChecksum.header), !layout.isVersion6 { completeHeader(&frame, layout) }
        if let asked { completeTransport(&frame, layout, asked) }
        return frame
    }

    private static func completeHeader(_ frame: inout [UInt8], _ layout: FrameLayout) {
        frame.put16(0, at: layout.network + 10)
        frame.put16(~headerSum(frame, layout).folded, at: layout.network + 10)
    }

    /// Over the header of an IPv4 packet.
    private static func headerSum(_ frame: [UInt8], _ layout: FrameLayout) -> InternetSum {
        let header = layout.network..<layout.network + Int(frame[layout.network] & 0xF) * 4
        return InternetSum(frame[header.clamped(to: frame.indices)])
    }

    private static func completeTransport(
        _ frame: inout [UInt8], _ layout: FrameLayout, _ transport: FrameLayout.Transport
    ) {
        let place = layout.transportOffset + transport.checksumOffset
        frame.put16(0, at: place)
        let value = ~InternetSum(frame, layout, transport).folded
        // UDP says by 0 that it has none.
        frame.put16(transport == .udp && value == 0 ? 0xFFFF : value, at: place)
    }

    /// Cuts a large segment into frames of at most so many bytes of TCP payload. Nil when the frame is not what is said of it.
    static func cut(_ frame: [UInt8], _ wish: RNDIS.LargeSend) -> [[UInt8]]? {
        guard let layout = FrameLayout(frame), layout.transport == .tcp, wish.isVersion6 == layout.isVersion6,
            wish.headerOffset == 0 || Int(wish.headerOffset) == layout.transportOffset
        else { return nil }
        let header = layout.transportOffset + Int(frame[layout.transportOffset + 12] >> 4) * 4
        let size = Int(wish.segmentSize)
        let payload = layout.end - header
        // The info has ten bits for the place of the header, so that what is repeated stays short.
        guard layout.transportOffset < 1024, header >= layout.transportOffset + 20, payload >= 0, size > 0,
            (payload + size - 1) / size <= maximumSegments
        else { return nil }
        var segments: [[UInt8]] = []
        var start = header
        repeat {
            let end = min(start + size, layout.end)
            var segment = Array(frame[0..<header])
            segment.reserveCapacity(header + end - start)
            segment += frame[start..<end]
            number(&segment, layout, index: segments.count, sent: start - header, isLast: end == layout.end)
            segments.append(segment)
            start = end
        } while start < layout.end
        return segments
    }

    /// Gives a segment the lengths, numbers, flags and checksums of its own.
    private static func number(
        _ segment: inout [UInt8], _ layout: FrameLayout, index: Int, sent: Int, isLast: Bool
    ) {
        let tcp = layout.transportOffset
        if layout.isVersion6 {
            segment.put16(UInt16(truncatingIfNeeded: segment.count - layout.network - 40), at: layout.network + 4)
        } else {
            segment.put16(UInt16(truncatingIfNeeded: segment.count - layout.network), at: layout.network + 2)
            let id = segment.number16(layout.network + 4) &+ UInt16(truncatingIfNeeded: index)
            segment.put16(id, at: layout.network + 4)
        }
        segment.put32(segment.number32(tcp + 4) &+ UInt32(truncatingIfNeeded: sent), at: tcp + 4)
        // FIN and PSH belong to the end, CWR to the beginning.
        if !isLast { segment[tcp + 13] &= ~0x09 }
        if index > 0 { segment[tcp + 13] &= ~0x80 }
        guard let own = FrameLayout(segment) else { return }
        if !own.isVersion6 { completeHeader(&segment, own) }
        completeTransport(&segment, own, .tcp)
    }

    /// What checksums say that are looked at: nil when there is none of those wanted.
    static func checked(_ frame: [UInt8], _ switches: OffloadSwitches) -> RNDIS.ReceiveChecksum? {
        guard let layout = FrameLayout(frame) else { return nil }
        var bits: UInt32 = 0
        func note(_ isRight: Bool, _ bit: UInt32) {
            bits |= (isRight ? RNDIS.ReceiveChecksum.tcpSucceeded : RNDIS.ReceiveChecksum.tcpFailed) << bit
        }
        if !layout.isVersion6, switches.receivesHeader {
            note(headerSum(frame, layout).isRight, 2)
        }
        if let transport = layout.transport, switches.receives(transport, isVersion6: layout.isVersion6) {
            // UDP over IPv4 may have none.
            let hasNone =
                transport == .udp && !layout.isVersion6 && frame.number16(layout.transportOffset + 6) == 0
            if !hasNone { note(InternetSum(frame, layout, transport).isRight, transport == .tcp ? 0 : 1) }
        }
        return bits == 0 ? nil : RNDIS.ReceiveChecksum(rawValue: bits)
    }

    /// The frame with an 802.1Q tag.
    static func tagged(_ frame: [UInt8], _ tag: RNDIS.VLANTag) -> [UInt8] {
        guard frame.count >= 12 else { return frame }
        var result: [UInt8] = []
        result.reserveCapacity(frame.count + 4)
        result += frame[0..<12]
        result += [0x81, 0x00, UInt8(tag.control >> 8), UInt8(tag.control & 0xFF)]
        result += frame[12...]
        return result
    }

    /// The frame without its 802.1Q tag, and the tag; nil when it has none.
    static func untagged(_ frame: [UInt8]) -> (frame: [UInt8], tag: RNDIS.VLANTag)? {
        guard frame.count >= 18, frame.number16(12) == FrameLayout.tagType else { return nil }
        return (Array(frame[0..<12]) + frame[16...], RNDIS.VLANTag(control: frame.number16(14)))
    }
}

/// Which offloads a guest has switched on for the frames that it receives.
struct OffloadSwitches: Sendable, Hashable {
    /// The checksum of the IPv4 header.
    private(set) var receivesHeader = false
    private var tcp4 = false
    private var udp4 = false
    private var tcp6 = false
    private var udp6 = false

    /// Nothing is on.
    init() {}

    /// Takes what a guest sets; what it leaves unchanged stays.
    mutating func set(_ parameters: RNDIS.OffloadParameters) {
        receivesHeader = parameters.internet4.receives ?? receivesHeader
        tcp4 = parameters.tcp4.receives ?? tcp4
        udp4 = parameters.udp4.receives ?? udp4
        tcp6 = parameters.tcp6.receives ?? tcp6
        udp6 = parameters.udp6.receives ?? udp6
    }

    /// Whether the checksum is looked at.
    func receives(_ transport: FrameLayout.Transport, isVersion6: Bool) -> Bool {
        switch (transport, isVersion6) {
        case (.tcp, false): tcp4
        case (.udp, false): udp4
        case (.tcp, true): tcp6
        case (.udp, true): udp6
        }
    }
}
