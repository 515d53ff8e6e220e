/// What a frame says at first sight: addresses, protocol and the numbers that people look for.
public enum EthernetFrame {
    /// Bytes of the header in front of the payload.
    public static let headerSize = 14

    /// An Ethernet address as people write it.
    public static func address(_ bytes: ArraySlice<UInt8>) -> String {
        bytes.prefix(6).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined(separator: ":")
    }

    /// One line on the frame; never empty.
    public static func summary(_ frame: ArraySlice<UInt8>) -> String {
        guard frame.count >= headerSize else { return "frame of \(frame.count) bytes, too short for Ethernet" }
        var type = number(frame, 12, 2)
        var payload = frame.dropFirst(headerSize)
        var tag = ""
        if type == 0x8100, payload.count >= 4 {
            tag = "VLAN \(number(payload, 0, 2) & 0xFFF) "
            type = number(payload, 2, 2)
            payload = payload.dropFirst(4)
        }
        let text: String? =
            switch type {
            case 0x0806: arp(payload)
            case 0x0800: internet4(payload)
            case 0x86DD: internet6(payload)
            default: nil
            }
        if let text { return "\(tag)\(text), \(frame.count) bytes" }
        let digits = String(type, radix: 16)
        let padded = String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        return
            "\(tag)Ethernet type 0x\(padded) \(address(frame.dropFirst(6))) > \(address(frame)), \(frame.count) bytes"
    }

    /// `address` for all of an array.
    static func text(_ bytes: [UInt8]) -> String? { address(bytes[...]) }

    /// An IPv6 address.
    static func groupText(_ bytes: [UInt8]) -> String? { bytes.count == 16 ? groups(bytes[...], 0) : nil }

    private static func number(_ bytes: ArraySlice<UInt8>, _ offset: Int, _ count: Int) -> UInt32 {
        guard offset >= 0, bytes.count >= offset + count else { return 0 }
        return bytes[(bytes.startIndex + offset)..<(bytes.startIndex + offset + count)]
            .reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func dotted(_ bytes: ArraySlice<UInt8>, _ offset: Int) -> String {
        bytes.dropFirst(offset).prefix(4).map { String($0) }.joined(separator: ".")
    }

    private static func arp(_ payload: ArraySlice<UInt8>) -> String? {
        guard payload.count >= 28, number(payload, 2, 2) == 0x0800, number(payload, 4, 2) == 0x0604 else {
            return nil
        }
        let target = dotted(payload, 24)
        let sender = dotted(payload, 14)
        return switch number(payload, 6, 2) {
        case 1: "ARP who-has \(target) tell \(sender)"
        case 2: "ARP \(sender) is-at \(address(payload.dropFirst(8)))"
        default: "ARP operation \(number(payload, 6, 2))"
        }
    }

    private static func internet4(_ packet: ArraySlice<UInt8>) -> String? {
        guard packet.count >= 20, packet[packet.startIndex] >> 4 == 4 else { return nil }
        let header = Int(packet[packet.startIndex] & 0xF) * 4
        guard header >= 20, packet.count >= header else { return nil }
        let place = "IPv4 \(dotted(packet, 12)) > \(dotted(packet, 16))"
        let fragment = number(packet, 6, 2) & 0x1FFF
        if fragment != 0 { return "\(place) fragment at \(fragment * 8)" }
        return "\(place) \(transport(number(packet, 9, 1), packet.dropFirst(header)))"
    }

    private static func internet6(_ packet: ArraySlice<UInt8>) -> String? {
        guard packet.count >= 40, packet[packet.startIndex] >> 4 == 6 else { return nil }
        let place = "IPv6 \(groups(packet, 8)) > \(groups(packet, 24))"
        return "\(place) \(transport(number(packet, 6, 1), packet.dropFirst(40)))"
    }

    /// An IPv6 address with its longest run of zero groups shortened (RFC 5952).
    private static func groups(_ bytes: ArraySlice<UInt8>, _ offset: Int) -> String {
        let groups = (0..<8).map { number(bytes, offset + $0 * 2, 2) }
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > max(1, best.count) { best = start..<end }
            start = max(end, start + 1)
        }
        func text(_ range: Range<Int>) -> String {
            groups[range].map { String($0, radix: 16) }.joined(separator: ":")
        }
        return best.isEmpty ? text(0..<8) : "\(text(0..<best.lowerBound))::\(text(best.upperBound..<8))"
    }

    private static func transport(_ number: UInt32, _ segment: ArraySlice<UInt8>) -> String {
        switch number {
        case 1 where segment.count >= 8: echo(segment, request: 8, reply: 0, "ICMP")
        case 58 where segment.count >= 8: echo(segment, request: 128, reply: 129, "ICMPv6")
        case 6 where segment.count >= 20: "TCP \(ports(segment))\(flags(segment))"
        case 17 where segment.count >= 8: "UDP \(ports(segment))"
        default: "protocol \(number)"
        }
    }

    private static func echo(
        _ segment: ArraySlice<UInt8>, request: UInt32, reply: UInt32, _ name: String
    ) -> String {
        let type = number(segment, 0, 1)
        if type == request { return "\(name) echo request seq \(number(segment, 6, 2))" }
        if type == reply { return "\(name) echo reply seq \(number(segment, 6, 2))" }
        return "\(name) type \(type)"
    }

    private static func ports(_ segment: ArraySlice<UInt8>) -> String {
        "\(number(segment, 0, 2)) > \(number(segment, 2, 2))"
    }

    private static func flags(_ segment: ArraySlice<UInt8>) -> String {
        let bits = number(segment, 13, 1)
        let names = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"]
        let set = names.indices.filter { bits & (1 << UInt32($0)) != 0 }.map { names[$0] }
        return set.isEmpty ? "" : " " + set.joined(separator: "|")
    }
}
