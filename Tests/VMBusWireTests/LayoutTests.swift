import Testing

@testable import VMBusWire

/// The sizes of reference §3.1, written down a second time so that the declarations are held against something.
private struct SmallestSize: Sendable, CustomTestStringConvertible {
    let type: MessageType
    let version: ProtocolVersion
    let features: FeatureFlags
    let size: Int

    var testDescription: String { "\(type.rawValue) at \(version) with \(features.rawValue): \(size) bytes" }

    static let all: [SmallestSize] = ProtocolVersion.all.flatMap { version in
        let sets: [FeatureFlags] = version >= .copper ? [[], .all] : [[]]
        return sets.flatMap { features in
            (1...29).map { number in
                SmallestSize(
                    type: MessageType(rawValue: number), version: version, features: features,
                    size: size(number, version, features))
            }
        }
    }

    private static func size(_ number: UInt32, _ version: ProtocolVersion, _ features: FeatureFlags) -> Int {
        switch number {
        case 1: version >= .windows7 ? 196 : 190
        case 2, 7, 12, 13, 20: 12
        // The longer form is chosen by its size, so that the shorter one stays legal where it was agreed on.
        case 5: 148
        case 6, 8, 10, 19: 20
        case 9, 11, 22, 24, 15: 16
        case 14: 40
        case 18: 28
        case 21: 40
        case 23: 44
        case 25: 24
        case 26: 9
        default: 8
        }
    }
}

@Suite struct LayoutTests {
    @Test(arguments: SmallestSize.all)
    fileprivate func `a message of the smallest size is read, and one byte less is not`(
        _ smallest: SmallestSize
    ) throws {
        let context = WireContext(version: smallest.version, features: smallest.features)
        var bytes = [UInt8](repeating: 0, count: smallest.size)
        bytes[0] = UInt8(smallest.type.rawValue)
        if smallest.type.rawValue == 14 {
            // A contact tells its own version; features of a client that has an id make it longer.
            let version = smallest.version.rawValue
            for position in 0..<4 { bytes[8 + position] = UInt8(truncatingIfNeeded: version >> UInt32(position * 8)) }
        }
        #expect(try ChannelMessage.decode(bytes, context: context).type == smallest.type)
        #expect(throws: WireError.self) { try ChannelMessage.decode(bytes.dropLast(), context: context) }
    }

    @Test func `a contact that asks for client_id is not read without the id`() throws {
        var contact = InitiateContact(version: .copper, targetVP: 0)
        contact.features = .clientID
        contact.clientID = GUID(1, 2, 3, 4)
        let bytes = ChannelMessage.initiateContact(contact).encoded()
        #expect(bytes.count == 56)
        #expect(try ChannelMessage.decode(bytes) == .initiateContact(contact))
    }

    @Test func `a failure's reason has words, and a number that nobody names has none`() {
        #expect(ConnectionState.lowResources.meaning == "low resources")
        #expect(ConnectionState.unknownFailure.meaning == "unknown failure")
        #expect(ConnectionState(rawValue: 9).meaning == nil)
        #expect(PipeType.byteStream.meaning == "byte stream")
        #expect(PipeType(rawValue: 3).meaning == nil)
        #expect(MessageStatus.unexpected.meaning == "unexpected failure")
        #expect(MessageStatus.connectionRefused.meaning == "connection refused")
        #expect(OpenFlags.redirectInterrupt.meaning == "redirect interrupt")
    }

    @Test func `the channel of a reserved open and close is found`() {
        var (open, close) = (OpenReservedChannel(), CloseReservedChannel())
        (open.relid, close.relid) = (7, 8)
        #expect(ChannelMessage.openReservedChannel(open).relid == 7)
        #expect(ChannelMessage.closeReservedChannel(close).relid == 8)
    }

    @Test func `the input of HvPostMessage is 256 bytes and never claims more payload than it has`() throws {
        var input = PostMessageInput()
        input.connectionID = ConnectionID.multiClientMessage
        input.payload = [UInt8](repeating: 7, count: 240)
        input.payloadSize = 240
        var bytes = input.encoded()
        #expect(bytes.count == 256)
        #expect(try PostMessageInput.decode(bytes) == input)
        bytes[12] = 241
        #expect(throws: WireError.self) { try PostMessageInput.decode(bytes) }
    }

    @Test func `a register of the hypervisor is named as the reference spells it`() {
        let named: [(UInt32, String)] = [
            (0x4000_0000, "GUEST_OS_ID"), (0x4000_0001, "HYPERCALL"), (0x4000_0073, "VP_ASSIST_PAGE"),
            (0x4000_0080, "SCONTROL"), (0x4000_0082, "SIEFP"), (0x4000_0083, "SIMP"), (0x4000_0084, "EOM"),
            (0x4000_0090, "SINT0"), (0x4000_009F, "SINT15"), (0x4000_0100, "CRASH_P0"), (0x4000_0104, "CRASH_P4"),
            (0x4000_0105, "CRASH_CTL"),
        ]
        for (number, name) in named { #expect(HypervisorRegister(rawValue: number).meaning == name) }
        #expect(HypervisorRegister(rawValue: 0x4000_00A0).meaning == nil)
        #expect(HypervisorRegister(rawValue: 0x4000_009F).source == 15)
    }

    @Test func `a guest's system tells its name and version`() {
        // What Linux 6.12.107 writes (BRIDGE-PROTOCOL's measured session).
        #expect(GuestOSID(rawValue: 0x8100_0006_0C6B_0000).name == "Linux 6.12.107")
        #expect(GuestOSID(rawValue: 0x8200_0015_0000_0000).name == "FreeBSD 1376256")
        #expect(GuestOSID(rawValue: 0x8500_0000_0000_0000).name == nil)
        #expect(GuestOSID(rawValue: 0x0001_0406_0003_2580).name == nil, "a closed system has no such form")
    }

    @Test func `a signed number is shown with its sign`() {
        #expect(Int32(-5).fieldValue(.decimal) == .signed(-5))
        #expect(Int32(-5).fieldValue(.hexadecimal) == .identifier(0xFFFF_FFFB))
    }

    @Test func `places outside a page are none`() {
        #expect(ChannelBit.sendHalf(16384) == nil)
        #expect(Hexadecimal.digits(0xAB, count: 18) == "0000000000000000ab")
    }

    @Test func `a GUID needs its dashes in their places`() {
        #expect(GUID("f8615163+df3e-46c5-913f-f2d2f965ed0e") == nil)
    }
}

/// A declaration whose elements take no byte: a count that a peer claims must not become a loop without end.
private struct Nothing: WireStructure {
    static let structureName: StaticString = "NOTHING"
    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {}
}

private struct ManyNothings: WireStructure {
    static let structureName: StaticString = "MANY_NOTHINGS"
    var elements: [Nothing] = []
    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.repeated("element", &elements, count: 1_000_000_000, "takes no byte")
    }
}

@Suite struct EndlessRunTests {
    @Test func `a run of elements without bytes ends at once`() {
        #expect(throws: WireError.self) { try ManyNothings.decode([1, 2, 3]) }
    }
}
