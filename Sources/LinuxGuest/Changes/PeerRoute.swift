import Platform

/// The network interfaces that carry the connection of whoever sits at this machine through ssh.
struct PeerRoute {
    /// The interfaces, those below bonds and bridges among them; nil where there is a peer and no table tells its way.
    let interfaces: [String]?

    /// - Parameter connection: the variable `SSH_CONNECTION`, `peer port own port`; nil without one.
    init(_ files: any FileLayer, connection: String?) {
        guard let peer = connection?.split(separator: " ").first else {
            interfaces = []
            return
        }
        // A zone may follow, and an IPv4 address may be written as one of IPv6.
        var text = peer.split(separator: "%").first ?? peer
        if text.lowercased().hasPrefix("::ffff:"), text.contains(".") { text = text.dropFirst(7) }
        let name = text.contains(":") ? Self.route6(text, files) : Self.route4(text, files)
        interfaces = name.map { RouteDependencies.below($0, files) }
    }

    private static func rows(_ path: String, _ files: any FileLayer) -> [[Substring]] {
        (try? files.readTable(path, limit: RouteDependencies.limit)).map(RouteDependencies.rows) ?? []
    }

    /// `Iface Destination Gateway Flags RefCnt Use Metric Mask …`, addresses as the machine holds them: the first byte is the lowest.
    private static func route4(_ text: Substring, _ files: any FileLayer) -> String? {
        let bytes = text.split(separator: ".").compactMap { UInt8($0) }
        guard bytes.count == 4 else { return nil }
        let address = bytes.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        var best: (bits: Int, metric: Int, name: String)?
        for row in rows("/proc/net/route", files) where row.count >= 8 {
            guard let destination = UInt32(row[1], radix: 16), let mask = UInt32(row[7], radix: 16),
                let flags = UInt32(row[3], radix: 16), let metric = Int(row[6]), flags & 1 != 0,
                address & mask == destination
            else { continue }
            consider(&best, mask.nonzeroBitCount, metric, row[0])
        }
        return best?.name
    }

    /// `destination length source length gateway metric references uses flags interface`.
    private static func route6(_ text: Substring, _ files: any FileLayer) -> String? {
        guard let address = digits(text) else { return nil }
        var best: (bits: Int, metric: Int, name: String)?
        for row in rows("/proc/net/ipv6_route", files) where row.count == 10 && row[9] != "lo" {
            guard let bits = Int(row[1], radix: 16), (0...128).contains(bits), row[0].utf8.count == 32,
                let metric = Int(row[5], radix: 16), let other = nibbles(row[0])
            else { continue }
            let whole = bits / 4
            var isIn = address[..<whole] == other[..<whole]
            if bits % 4 > 0 {
                let shift = 4 - bits % 4
                isIn = isIn && address[whole] >> shift == other[whole] >> shift
            }
            if isIn { consider(&best, bits, metric, row[9]) }
        }
        return best?.name
    }

    private static func consider(
        _ best: inout (bits: Int, metric: Int, name: String)?, _ bits: Int, _ metric: Int, _ name: Substring
    ) {
        if let best, (best.bits, -best.metric) >= (bits, -metric) { return }
        best = (bits, metric, String(name))
    }

    private static func nibbles(_ text: Substring) -> [UInt8]? {
        let nibbles = text.compactMap { $0.hexDigitValue.map { UInt8($0) } }
        return nibbles.count == 32 ? nibbles : nil
    }

    /// The 32 digits of an IPv6 address, of which `::` leaves some out.
    private static func digits(_ text: Substring) -> [UInt8]? {
        guard let gap = text.firstRange(of: "::") else { return nibbles(Substring(groups(text).joined())) }
        let (front, back) = (groups(text[..<gap.lowerBound]).joined(), groups(text[gap.upperBound...]).joined())
        guard front.count + back.count <= 32 else { return nil }
        return nibbles(Substring(front + String(repeating: "0", count: 32 - front.count - back.count) + back))
    }

    private static func groups(_ text: Substring) -> [String] {
        text.split(separator: ":").map { String(repeating: "0", count: max(0, 4 - $0.count)) + $0 }
    }
}
