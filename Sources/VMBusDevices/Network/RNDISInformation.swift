public import VMBusWire

extension RNDIS {
    /// The value of an object, as a query answers it or a set gives it: what it looks like follows from the object.
    public enum Information: Sendable, Hashable {
        case number(UInt32)
        case packetFilter(PacketFilter)
        case mediaState(MediaState)
        case linkSpeed(LinkSpeed)
        case address([UInt8])
        case text([UInt8])
        case receiveScaleCapabilities(ReceiveScaleCapabilities)
        case receiveScaleParameters(ReceiveScaleParameters)
        case offloadParameters(OffloadParameters)
        case offloadCapabilities(OffloadCapabilities)
        case offloadEncapsulation(OffloadEncapsulation)
        case configurationParameter(ConfigurationParameter)
        case linkSpeeds(LinkSpeeds)
        case linkState(LinkState)
        case addresses([HardwareAddress])
        /// One byte for each letter.
        case label([UInt8])
        case objects([SupportedObject])
        case bytes([UInt8])

        /// One entry of the list of supported objects.
        public struct SupportedObject: WireStructure {
            public static let structureName: StaticString = "SUPPORTED_OBJECT"
            /// Which object.
            public var object = ObjectIdentifier(rawValue: 0)
            public init() {}
            /// Names an object.
            public init(_ object: ObjectIdentifier) { self.object = object }
            public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
                try visitor.field("oid", &object, .hexadecimal, "an object that can be asked for")
            }
        }

        /// In words, for one line.
        public var summary: String {
            switch self {
            case .number(let number): "\(number)"
            case .packetFilter(let filter): filter.meaning ?? ""
            case .mediaState(let state): state.meaning ?? "\(state.rawValue)"
            case .linkSpeed(let speed): speed.meaning ?? ""
            case .address(let bytes): EthernetFrame.address(bytes[...])
            case .text(let bytes): "\"\(UTF16Text.text(bytes))\""
            case .receiveScaleCapabilities(let value): "\(value.queueCount) queues, \(value.tableEntries) entries"
            case .receiveScaleParameters(let value):
                value.flags.contains(.disable) ? "disabled" : "\(value.table.count) entries"
            case .offloadParameters(let value): value.summary
            case .offloadCapabilities(let value): value.summary
            case .offloadEncapsulation(let value): value.encapsulations.first?.meaning ?? ""
            case .linkSpeeds(let value): value.transmit.meaning ?? ""
            case .linkState(let value): "\(value.media.meaning ?? ""), \(value.speeds.transmit.meaning ?? "")"
            case .addresses(let list): "\(list.count) addresses"
            case .label(let bytes): "\"\(PlainText.text(bytes))\""
            case .configurationParameter(let value):
                "\(UTF16Text.text(value.name)) = \"\(UTF16Text.text(value.value))\""
            case .objects(let list): "\(list.count) objects"
            case .bytes(let bytes): bytes.isEmpty ? "no data" : "\(bytes.count) bytes"
            }
        }
    }

    /// Which shape the value of an object has.
    private enum InformationShape {
        case number, packetFilter, mediaState, linkSpeed, address, text, receiveScaleCapabilities,
            receiveScaleParameters, offloadParameters, offloadCapabilities, offloadEncapsulation,
            configurationParameter,
            linkSpeeds, linkState, addresses, label, objects, bytes

        /// The shape of an object's value; bytes where fewer are there than it needs.
        init(_ object: ObjectIdentifier, byteCount: Int?) {
            let available = byteCount ?? .max
            let (shape, needed): (InformationShape, Int) =
                switch object {
                case .packetFilter: (.packetFilter, 4)
                case .mediaConnectStatus: (.mediaState, 4)
                case .linkSpeed: (.linkSpeed, 4)
                case .permanentAddress, .currentAddress: (.address, 6)
                case .friendlyName: (.text, 0)
                case .receiveScaleCapabilities: (.receiveScaleCapabilities, 18)
                case .receiveScaleParameters: (.receiveScaleParameters, 40)
                case .offloadParameters: (.offloadParameters, 20)
                case .offloadHardwareCapabilities, .offloadCurrentConfiguration: (.offloadCapabilities, 112)
                case .offloadEncapsulation: (.offloadEncapsulation, 28)
                case .maximumLinkSpeed: (.linkSpeeds, 16)
                case .linkState: (.linkState, 40)
                case .multicastList: (.addresses, 0)
                case .vendorDescription: (.label, 0)
                case .configurationParameter: (.configurationParameter, 20)
                case .supportedList: (.objects, 4)
                default: object.isNumber ? (.number, 4) : (.bytes, 0)
                }
            self = available >= needed ? shape : .bytes
        }
    }

    /// The value of an object as a structure: a schema walks all its shapes.
    struct InformationBuffer: WireStructure {
        static let structureName: StaticString = "INFORMATION"
        /// What the value belongs to; told by the message around it.
        var object = ObjectIdentifier(rawValue: 0)
        /// The value.
        var value = Information.bytes([])

        init() {}
        init(_ object: ObjectIdentifier, _ value: Information) {
            self.object = object
            self.value = value
        }

        mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            // When writing, the value itself has the say, so that a failed request's bytes can be written back.
            let shape: InformationShape
            if visitor.remaining == nil, case .bytes = value {
                shape = .bytes
            } else {
                shape = InformationShape(object, byteCount: visitor.remaining)
            }
            try visitScalars(shape, &visitor)
            try visitStructures(shape, &visitor)
        }

        private mutating func visitScalars<Visitor: FieldVisitor>(
            _ shape: InformationShape, _ visitor: inout Visitor
        ) throws(WireError) {
            try visitor.choice("an object that is a number", when: shape == .number) { visitor throws(WireError) in
                var number: UInt32 = 0
                if case .number(let current) = value { number = current }
                try visitor.field("value", &number, "the object's value")
                value = .number(number)
            }
            try visitor.choice("GEN_CURRENT_PACKET_FILTER", when: shape == .packetFilter) {
                visitor throws(WireError) in
                var filter = PacketFilter()
                if case .packetFilter(let current) = value { filter = current }
                try visitor.field("packet_filter", &filter, .hexadecimal, "which frames the guest wants")
                value = .packetFilter(filter)
            }
            try visitor.choice("GEN_MEDIA_CONNECT_STATUS", when: shape == .mediaState) { visitor throws(WireError) in
                var state = MediaState(rawValue: 0)
                if case .mediaState(let current) = value { state = current }
                try visitor.field("media_connect_status", &state, "0 connected, 1 disconnected")
                value = .mediaState(state)
            }
            try visitor.choice("GEN_LINK_SPEED", when: shape == .linkSpeed) { visitor throws(WireError) in
                var speed = LinkSpeed(rawValue: 0)
                if case .linkSpeed(let current) = value { speed = current }
                try visitor.field("link_speed", &speed, "in units of 100 bit/s")
                value = .linkSpeed(speed)
            }
            try visitor.choice("an address", when: shape == .address) { visitor throws(WireError) in
                var address: [UInt8] = []
                if case .address(let current) = value { address = current }
                try visitor.bytes(
                    "address", &address, count: 6, "Ethernet address",
                    meaning: { EthernetFrame.address($0[...]) })
                value = .address(address)
            }
            try visitor.choice("a text", when: shape == .text) { visitor throws(WireError) in
                var text: [UInt8] = []
                if case .text(let current) = value { text = current }
                try visitor.bytes("name", &text, count: nil, "UTF-16", meaning: { UTF16Text.text($0) })
                value = .text(text)
            }
            try visitor.choice("GEN_VENDOR_DESCRIPTION", when: shape == .label) { visitor throws(WireError) in
                var text: [UInt8] = []
                if case .label(let current) = value { text = current }
                try visitor.bytes("description", &text, count: nil, "ASCII", meaning: { PlainText.text($0) })
                value = .label(text)
            }
            try visitor.choice("802_3_MULTICAST_LIST", when: shape == .addresses) { visitor throws(WireError) in
                var list: [HardwareAddress] = []
                if case .addresses(let current) = value { list = current }
                try visitor.repeated(
                    "multicast", &list, count: visitor.remaining.map { $0 / 6 }, "groups that the guest joined")
                value = .addresses(list)
            }
            try visitor.choice("GEN_SUPPORTED_LIST", when: shape == .objects) { visitor throws(WireError) in
                var objects: [Information.SupportedObject] = []
                if case .objects(let current) = value { objects = current }
                try visitor.repeated(
                    "supported", &objects, count: visitor.remaining.map { $0 / 4 }, "objects that can be asked for")
                value = .objects(objects)
            }
        }

        private mutating func visitStructures<Visitor: FieldVisitor>(
            _ shape: InformationShape, _ visitor: inout Visitor
        ) throws(WireError) {
            func part<Part: WireStructure>(
                _ label: StaticString, _ name: StaticString, _ condition: Bool, _ visitor: inout Visitor,
                _ current: (Information) -> Part?, _ wrap: (Part) -> Information
            ) throws(WireError) {
                try visitor.choice(label, when: condition) { visitor throws(WireError) in
                    var part = current(value) ?? Part()
                    try visitor.structure(name, &part, "the object's value")
                    value = wrap(part)
                }
            }
            try part(
                "GEN_RECEIVE_SCALE_CAPABILITIES", "rss_capabilities", shape == .receiveScaleCapabilities, &visitor,
                { if case .receiveScaleCapabilities(let part) = $0 { part } else { nil } },
                { .receiveScaleCapabilities($0) })
            try part(
                "GEN_RECEIVE_SCALE_PARAMETERS", "rss_parameters", shape == .receiveScaleParameters, &visitor,
                { if case .receiveScaleParameters(let part) = $0 { part } else { nil } },
                { .receiveScaleParameters($0) })
            try part(
                "TCP_OFFLOAD_PARAMETERS", "offload_parameters", shape == .offloadParameters, &visitor,
                { if case .offloadParameters(let part) = $0 { part } else { nil } }, { .offloadParameters($0) })
            try part(
                "TCP_OFFLOAD_HARDWARE_CAPABILITIES", "offload", shape == .offloadCapabilities, &visitor,
                { if case .offloadCapabilities(let part) = $0 { part } else { nil } }, { .offloadCapabilities($0) })
            try part(
                "OFFLOAD_ENCAPSULATION", "offload_encapsulation", shape == .offloadEncapsulation, &visitor,
                { if case .offloadEncapsulation(let part) = $0 { part } else { nil } }, { .offloadEncapsulation($0) })
            try part(
                "GEN_MAX_LINK_SPEED", "max_link_speed", shape == .linkSpeeds, &visitor,
                { if case .linkSpeeds(let part) = $0 { part } else { nil } }, { .linkSpeeds($0) })
            try part(
                "GEN_LINK_STATE", "link_state", shape == .linkState, &visitor,
                { if case .linkState(let part) = $0 { part } else { nil } }, { .linkState($0) })
            try part(
                "GEN_RNDIS_CONFIG_PARAMETER", "config_parameter", shape == .configurationParameter, &visitor,
                { if case .configurationParameter(let part) = $0 { part } else { nil } },
                { .configurationParameter($0) })
            try visitor.choice("any other object", when: shape == .bytes) { visitor throws(WireError) in
                var bytes: [UInt8] = []
                if case .bytes(let current) = value { bytes = current }
                try visitor.bytes("information", &bytes, count: nil, "the object's value")
                value = .bytes(bytes)
            }
        }
    }
}
