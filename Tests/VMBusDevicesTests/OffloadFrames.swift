/// Frames whose checksums are checked against a second, simple way to make them.
enum OffloadFrames {
    /// What is above IP.
    enum Kind: UInt8, CaseIterable {
        case tcp = 6
        case udp = 17
    }

    /// A TCP or UDP frame with right checksums, over IPv4 or IPv6.
    static func frame(
        _ kind: Kind, isVersion6: Bool, payload: Int, options: Int = 0, flags: UInt8 = 0x18, sequence: UInt32 = 1000,
        id: UInt16 = 7, to target: [UInt8] = Frames.guest, from source: [UInt8] = Frames.other
    ) -> [UInt8] {
        let header = kind == .tcp ? 20 + options : 8
        let length = header + payload
        var frame = target + source + (isVersion6 ? [0x86, 0xDD] : [0x08, 0x00])
        if isVersion6 {
            frame += [0x60, 0, 0, 0, UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), kind.rawValue, 64]
            frame += [0xFE, 0x80] + [UInt8](repeating: 0, count: 13) + [1]
            frame += [0xFE, 0x80] + [UInt8](repeating: 0, count: 13) + [2]
        } else {
            let total = length + 20
            frame += [
                0x45, 0, UInt8(total >> 8 & 0xFF), UInt8(total & 0xFF), UInt8(id >> 8), UInt8(id & 0xFF), 0x40, 0,
            ]
            frame += [64, kind.rawValue, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]
        }
        frame += [0x30, 0x39, 0, 80]
        if kind == .tcp {
            frame += (0..<4).map { UInt8(truncatingIfNeeded: sequence >> UInt32(24 - $0 * 8)) }
            frame += [0, 0, 0, 9, UInt8((20 + options) / 4) << 4, flags, 1, 0, 0, 0, 0, 0]
            frame += [UInt8](repeating: 1, count: options)
        } else {
            frame += [UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), 0, 0]
        }
        frame += (0..<payload).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 3) }
        return complete(frame)
    }

    /// The frame with its checksums made the slow way: one 16-bit word after the other, each carry at once.
    static func complete(_ frame: [UInt8]) -> [UInt8] {
        var frame = frame
        let isVersion6 = frame[12] == 0x86
        let start = isVersion6 ? 54 : 34
        let protocolNumber = isVersion6 ? frame[20] : frame[23]
        if !isVersion6 {
            put(0, &frame, 24)
            put(~sum(Array(frame[14..<34])), &frame, 24)
        }
        let place = start + (protocolNumber == 6 ? 16 : 6)
        put(0, &frame, place)
        let length = frame.count - start
        let pseudo =
            Array(isVersion6 ? frame[22..<54] : frame[26..<34])
            + [0, 0, UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), 0, 0, 0, protocolNumber]
        let value = ~sum(pseudo + frame[start...])
        put(value == 0 && protocolNumber == 17 ? 0xFFFF : value, &frame, place)
        return frame
    }

    static func sum(_ bytes: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0
        for index in stride(from: 0, to: bytes.count, by: 2) {
            sum += UInt32(bytes[index]) << 8 | (index + 1 < bytes.count ? UInt32(bytes[index + 1]) : 0)
            if sum > 0xFFFF { sum -= 0xFFFF }
        }
        return UInt16(sum)
    }

    static func put(_ value: UInt16, _ frame: inout [UInt8], _ offset: Int) {
        frame[offset] = UInt8(value >> 8)
        frame[offset + 1] = UInt8(value & 0xFF)
    }

    /// The same frame with what a stack leaves to its adapter wiped out.
    static func unfinished(_ frame: [UInt8]) -> [UInt8] {
        var frame = frame
        let isVersion6 = frame[12] == 0x86
        let place = (isVersion6 ? 54 : 34) + ((isVersion6 ? frame[20] : frame[23]) == 6 ? 16 : 6)
        put(0xABCD, &frame, place)
        return frame
    }
}
