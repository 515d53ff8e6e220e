public import VMBusWire

extension RNDIS {
    /// A switch for a checksum, in both directions.
    public struct ChecksumSwitch: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt8
        /// Any number.
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// As it is.
        public static let unchanged = ChecksumSwitch(rawValue: 0)
        /// Off.
        public static let off = ChecksumSwitch(rawValue: 1)
        /// On in both directions.
        public static let both = ChecksumSwitch(rawValue: 4)

        /// Whether the host makes the checksum of frames from the guest; nil for as it is.
        public var transmits: Bool? { (1...4).contains(rawValue) ? rawValue == 2 || rawValue == 4 : nil }
        /// Whether the host looks at the checksum of frames for the guest; nil for as it is.
        public var receives: Bool? { (1...4).contains(rawValue) ? rawValue >= 3 : nil }

        public var meaning: String? {
            switch rawValue {
            case 0: "unchanged"
            case 1: "off"
            case 2: "transmit"
            case 3: "receive"
            case 4: "both"
            default: nil
            }
        }
    }

    /// A switch for another offload.
    public struct FeatureSwitch: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt8
        /// Any number.
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// As it is.
        public static let unchanged = FeatureSwitch(rawValue: 0)
        /// Off.
        public static let off = FeatureSwitch(rawValue: 1)
        /// On.
        public static let on = FeatureSwitch(rawValue: 2)

        /// Whether it is on; nil for as it is.
        public var isOn: Bool? { (1...2).contains(rawValue) ? rawValue == 2 : nil }

        public var meaning: String? {
            switch rawValue {
            case 0: "unchanged"
            case 1: "off"
            case 2: "on"
            default: nil
            }
        }
    }

    /// What TCP_OFFLOAD_PARAMETERS sets: one byte for each offload (reference §6.1.5). 28 bytes, 22 for NVSP 4 and older.
    public struct OffloadParameters: WireStructure {
        public static let structureName: StaticString = "OFFLOAD_PARAMETERS"
        /// What it is.
        public var header = ObjectHeader(type: .standard, revision: 3, size: 28)
        /// The checksum of the IPv4 header.
        public var internet4 = ChecksumSwitch.unchanged
        /// TCP over IPv4.
        public var tcp4 = ChecksumSwitch.unchanged
        /// UDP over IPv4.
        public var udp4 = ChecksumSwitch.unchanged
        /// TCP over IPv6.
        public var tcp6 = ChecksumSwitch.unchanged
        /// UDP over IPv6.
        public var udp6 = ChecksumSwitch.unchanged
        /// Large send, first form.
        public var largeSend = FeatureSwitch.unchanged
        /// Large send, second form, over IPv4.
        public var largeSend4 = FeatureSwitch.unchanged
        /// Large send, second form, over IPv6.
        public var largeSend6 = FeatureSwitch.unchanged
        /// What nobody offloads today: IPsec and TCP chimney, four bytes.
        public var retired = [UInt8](repeating: 0, count: 4)
        /// Flags.
        public var flags: UInt32 = 0
        /// Coalescing of received segments over IPv4; from revision 3.
        public var coalescing4: FeatureSwitch?
        /// The same over IPv6.
        public var coalescing6: FeatureSwitch?
        /// Bytes of revisions 2 and 3 that nobody uses: IPsec, encapsulation, padding.
        public var rest: [UInt8] = []

        public init() {}

        /// All offloads as they are, in the form of an NVSP version.
        public init(for version: NVSP.Version) {
            guard version >= .version5 else {
                header = ObjectHeader(type: .standard, revision: 2, size: 22)
                return
            }
            coalescing4 = .unchanged
            coalescing6 = .unchanged
            rest = [0, 0, 0, 0]
        }

        /// In words, for one line.
        var summary: String {
            let sums = [(tcp4, "TCP4"), (udp4, "UDP4"), (tcp6, "TCP6"), (udp6, "UDP6"), (internet4, "IPv4")]
            let cuts = [(largeSend, "LSO"), (largeSend4, "LSO4"), (largeSend6, "LSO6")]
            let names =
                sums.filter { $0.0.rawValue > 1 }.map { "\($0.1) \($0.0.meaning ?? "?")" }
                + cuts.filter { $0.0.isOn == true }.map { $0.1 }
            return names.isEmpty ? "nothing on" : names.joined(separator: "|")
        }

        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.structure("header", &header, "type 0x80, revision 3")
            try visitor.field("ip_v4_csum", &internet4, "checksum of the IPv4 header")
            try visitor.field("tcp_ip_v4_csum", &tcp4, "checksum of TCP over IPv4")
            try visitor.field("udp_ip_v4_csum", &udp4, "checksum of UDP over IPv4")
            try visitor.field("tcp_ip_v6_csum", &tcp6, "checksum of TCP over IPv6")
            try visitor.field("udp_ip_v6_csum", &udp6, "checksum of UDP over IPv6")
            try visitor.field("lso_v1", &largeSend, "large send, first form")
            try visitor.field("ip_sec_v1", &retired[0], "IPsec, first form")
            try visitor.field("lso_v2_ipv4", &largeSend4, "large send for IPv4")
            try visitor.field("lso_v2_ipv6", &largeSend6, "large send for IPv6")
            try visitor.field("tcp_connection_ipv4", &retired[1], "TCP chimney for IPv4")
            try visitor.field("tcp_connection_ipv6", &retired[2], "TCP chimney for IPv6")
            try visitor.field("padding", &retired[3], "0")
            try visitor.field("flags", &flags, .hexadecimal, "0")
            // Revision 1 ends here.
            let isLong = header.revision >= 2 && (visitor.remaining ?? .max) >= 2
            try visitor.choice("revision 2", when: isLong) { visitor throws(WireError) in
                try visitor.reserved(2, "ip_sec_v2")
            }
            try visitor.optional("rsc_ip_v4", &coalescing4, .decimal, "coalescing of received segments over IPv4")
            try visitor.optional("rsc_ip_v6", &coalescing6, .decimal, "coalescing of received segments over IPv6")
            try visitor.bytes("later_revisions", &rest, count: nil, "encapsulation and padding")
        }
    }

    /// Which checksums an adapter can make or check for a family, two bits each (reference §6.1.5).
    public struct ChecksumAbilities: OptionSet, NamedScalar {
        /// The bits on the wire.
        public let rawValue: UInt32
        /// Any bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// Also with IPv4 options, or with IPv6 extension headers.
        public static let headerOptions = ChecksumAbilities(rawValue: 0x001)
        /// Also with TCP options.
        public static let tcpOptions = ChecksumAbilities(rawValue: 0x004)
        /// TCP.
        public static let tcp = ChecksumAbilities(rawValue: 0x010)
        /// UDP.
        public static let udp = ChecksumAbilities(rawValue: 0x040)
        /// The IPv4 header's own.
        public static let header = ChecksumAbilities(rawValue: 0x100)
        public var meaning: String? {
            BitNames.text(
                rawValue, ["IP options", "", "TCP options", "", "TCP", "", "UDP", "", "IPv4 header"])
        }
    }

    /// Around which frames an offload works.
    public struct Encapsulation: NamedScalar {
        /// The bits on the wire.
        public let rawValue: UInt32
        /// Any bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// None at all: the offload is not there.
        public static let none = Encapsulation(rawValue: 0)
        /// Ethernet, also with a tag beside the frame.
        public static let ethernet = Encapsulation(rawValue: 0x0A)
        public var meaning: String? {
            BitNames.text(rawValue, ["null", "802.3", "802.3 with tag", "802.3 with tag beside it", "RFC 1483"])
        }
    }

    /// What TCP_OFFLOAD_HARDWARE_CAPABILITIES and TCP_OFFLOAD_CURRENT_CONFIG answer (reference §6.1.5): 112 bytes in revision 1,
    /// 144 in 2, 156 in 3.
    public struct OffloadCapabilities: WireStructure {
        public static let structureName: StaticString = "OFFLOAD"

        /// Checksums of one family in one direction.
        public struct Checksum: WireStructure {
            public static let structureName: StaticString = "CHECKSUM_OFFLOAD"
            /// Around which frames.
            public var encapsulation = Encapsulation.none
            /// Which checksums.
            public var abilities: ChecksumAbilities = []
            public init() {}
            public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
                try visitor.field("enc", &encapsulation, .hexadecimal, "around which frames")
                try visitor.field("csum", &abilities, .hexadecimal, "which checksums")
            }
        }

        /// Large send of one family.
        public struct LargeSend: WireStructure {
            public static let structureName: StaticString = "LARGE_SEND_OFFLOAD"
            /// Around which frames.
            public var encapsulation = Encapsulation.none
            /// Most bytes of TCP payload.
            public var maximumSize: UInt32 = 0
            /// Fewest segments that are worth it.
            public var minimumSegments: UInt32 = 0
            public init() {}
            public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
                try visitor.field("encap", &encapsulation, .hexadecimal, "around which frames")
                try visitor.field("maxsz", &maximumSize, "most bytes of TCP payload")
                try visitor.field("minsg", &minimumSegments, "fewest segments that are worth it")
            }
        }

        /// What it is.
        public var header = ObjectHeader(type: .offload, revision: 3, size: 156)
        /// Frames from the guest over IPv4, frames for it, and the same for IPv6.
        public var checksums = [Checksum](repeating: Checksum(), count: 4)
        /// Large send, first form.
        public var largeSend = LargeSend()
        /// What of TCP and IP options it allows, in the first form.
        public var largeSendOptions: UInt32 = 0
        /// IPsec, first form, which nobody offloads today.
        public var ipsec = [UInt8](repeating: 0, count: 28)
        /// Large send, second form, over IPv4 and IPv6.
        public var largeSends = [LargeSend](repeating: LargeSend(), count: 2)
        /// Extension headers and TCP options over IPv6.
        public var largeSend6Options: ChecksumAbilities = []
        /// Flags.
        public var flags: UInt32 = 0
        /// IPsec, second form, from revision 2; empty before.
        public var ipsec2: [UInt8] = []
        /// Coalescing of received segments over IPv4, from revision 3: 1 for yes.
        public var coalescing4: UInt8?
        /// The same over IPv6.
        public var coalescing6: UInt8?
        /// Encapsulation, from revision 3.
        public var rest: [UInt8] = []

        public init() {}

        /// The form of a revision, 1 to 3, without any offload.
        public init(revision: UInt8) {
            header.revision = min(max(revision, 1), 3)
            header.size = revision >= 3 ? 156 : revision == 2 ? 144 : 112
            if revision >= 2 { ipsec2 = [UInt8](repeating: 0, count: 32) }
            if revision >= 3 {
                coalescing4 = 0
                coalescing6 = 0
                rest = [UInt8](repeating: 0, count: 10)
            }
        }

        /// In words, for one line.
        var summary: String {
            let sums = zip(["IPv4", "IPv6"], [checksums[0], checksums[2]]).filter { !$0.1.abilities.isEmpty }
            let cuts = zip(["LSO4", "LSO6"], largeSends).filter { $0.1.encapsulation != .none }
            let names =
                sums.map { "\($0.0): \($0.1.abilities.meaning ?? "")" }
                + cuts.map { "\($0.0): \($0.1.maximumSize) bytes" }
            return "revision \(header.revision), \(names.isEmpty ? "none" : names.joined(separator: ", "))"
        }

        /// What our hosts offer: all checksums, and large segments of TCP over both families.
        static func all(revision: UInt8) -> OffloadCapabilities {
            var offload = OffloadCapabilities(revision: revision)
            for index in offload.checksums.indices {
                offload.checksums[index].encapsulation = .ethernet
                offload.checksums[index].abilities = [.headerOptions, .tcpOptions, .tcp, .udp]
                if index < 2 { offload.checksums[index].abilities.insert(.header) }
            }
            for index in offload.largeSends.indices {
                offload.largeSends[index].encapsulation = .ethernet
                offload.largeSends[index].maximumSize = maximumLargeSend
                offload.largeSends[index].minimumSegments = 2
            }
            offload.largeSend6Options = [.headerOptions, .tcpOptions]
            return offload
        }

        /// The most bytes of TCP payload that our hosts cut.
        static let maximumLargeSend: UInt32 = 62_000

        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.structure("header", &header, "type 0xa7; 112 bytes in revision 1, 144 in 2, 156 in 3")
            try visitor.structure("ip4_tx", &checksums[0], "IPv4, frames from the guest")
            try visitor.structure("ip4_rx", &checksums[1], "IPv4, frames for the guest")
            try visitor.structure("ip6_tx", &checksums[2], "IPv6, frames from the guest")
            try visitor.structure("ip6_rx", &checksums[3], "IPv6, frames for the guest")
            try visitor.structure("lsov1", &largeSend, "large send, first form")
            try visitor.field("lsov1_opts", &largeSendOptions, .hexadecimal, "TCP and IP options in the first form")
            try visitor.bytes("ipsecv1", &ipsec, count: 28, "IPsec, first form")
            try visitor.structure("lsov2_ip4", &largeSends[0], "large send for IPv4")
            try visitor.structure("lsov2_ip6", &largeSends[1], "large send for IPv6")
            try visitor.field("lsov2_ip6_opts", &largeSend6Options, .hexadecimal, "extension headers, TCP options")
            try visitor.field("flags", &flags, .hexadecimal, "0")
            let hasSecond = header.revision >= 2 && (visitor.remaining ?? .max) >= 32
            try visitor.choice("revision 2", when: hasSecond) { visitor throws(WireError) in
                try visitor.bytes("ipsecv2", &ipsec2, count: 32, "IPsec, second form")
            }
            try visitor.optional("rsc_ip4", &coalescing4, .decimal, "1: segments over IPv4 are coalesced")
            try visitor.optional("rsc_ip6", &coalescing6, .decimal, "1: segments over IPv6 are coalesced")
            try visitor.bytes("later_revisions", &rest, count: nil, "encapsulation")
        }
    }

    /// What OFFLOAD_ENCAPSULATION sets: whether offloads work, and around which frames. 28 bytes.
    public struct OffloadEncapsulation: WireStructure {
        public static let structureName: StaticString = "OFFLOAD_ENCAPSULATION"
        /// What it is.
        public var header = ObjectHeader(type: .offloadEncapsulation, revision: 1, size: 28)
        /// 1 on, 2 off, for IPv4 and IPv6.
        public var enabled: [UInt32] = [0, 0]
        /// Around which frames, for IPv4 and IPv6.
        public var encapsulations = [Encapsulation.none, .none]
        /// Bytes of the header in front, for IPv4 and IPv6.
        public var headerSizes: [UInt32] = [0, 0]
        public init() {}
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.structure("header", &header, "type 0xa8, revision 1, 28 bytes")
            try visitor.field("ip4_enabled", &enabled[0], "1 on, 2 off")
            try visitor.field("ip4_encap", &encapsulations[0], .hexadecimal, "around which frames")
            try visitor.field("ip4_header_size", &headerSizes[0], "bytes of the header in front")
            try visitor.field("ip6_enabled", &enabled[1], "1 on, 2 off")
            try visitor.field("ip6_encap", &encapsulations[1], .hexadecimal, "around which frames")
            try visitor.field("ip6_header_size", &headerSizes[1], "bytes of the header in front")
        }
    }
}
