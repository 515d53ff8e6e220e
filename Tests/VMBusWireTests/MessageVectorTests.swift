import Testing

@testable import VMBusWire

/// The worked examples of the reference's appendix A, decoded, encoded and shown.
@Suite struct MessageVectorTests {
    struct Vector: Sendable, CustomTestStringConvertible {
        let name: String
        let message: ChannelMessage
        let context: WireContext
        let bytes: [UInt8]
        var testDescription: String { name }
    }

    static let heartbeatOffer: OfferChannel = {
        var offer = OfferChannel()
        offer.interfaceType = GUID(0x5716_4F39, 0x9115, 0x4E78, 0xAB55_382F_3BD5_422D)
        offer.interfaceInstance = GUID(0xFD14_9E91, 0x82E0, 0x4A7D, 0xAFA6_2A41_66CB_D7C0)
        offer.flags = [.enumerateDeviceInterface, .namedPipeMode]
        offer.pipeType = .message
        offer.userData = [UInt8](repeating: 0, count: 116)
        offer.relid = 5
        offer.isDedicatedInterrupt = 1
        offer.connectionID = 0x2005
        return offer
    }()

    static let open: OpenChannel = {
        var open = OpenChannel(relid: 5, openID: 5, ringGPADL: 0xE1E10, targetVP: 0, downstreamPageOffset: 4)
        open.userData = [UInt8](repeating: 0, count: 120)
        return open
    }()

    static let iron = WireContext(version: .iron)

    static let vectors: [Vector] = [
        Vector(
            name: "A.1 INITIATE_CONTACT 5.3",
            message: .initiateContact(
                InitiateContact(
                    version: .iron, parentToChildMonitorPage: 0x12000, childToParentMonitorPage: 0x13000)),
            context: iron,
            bytes: bytes(
                """
                0e 00 00 00 00 00 00 00 03 00 05 00 00 00 00 00
                02 00 00 00 00 00 00 00 00 20 01 00 00 00 00 00
                00 30 01 00 00 00 00 00
                """)),
        Vector(
            name: "A.2 INITIATE_CONTACT 6.0 with a client id",
            message: .initiateContact(
                InitiateContact(
                    version: .copper, features: FeatureFlags(rawValue: 0x0F), parentToChildMonitorPage: 0x12000,
                    childToParentMonitorPage: 0x13000,
                    clientID: GUID(0x0123_4567, 0x89AB, 0xCDEF, 0x0123_4567_89AB_CDEF))),
            context: .newest,
            bytes: bytes(
                """
                0e 00 00 00 00 00 00 00 00 00 06 00 00 00 00 00
                02 00 00 00 0f 00 00 00 00 20 01 00 00 00 00 00
                00 30 01 00 00 00 00 00 67 45 23 01 ab 89 ef cd
                01 23 45 67 89 ab cd ef
                """)),
        Vector(
            name: "A.3 VERSION_RESPONSE",
            message: .versionResponse(VersionResponse(supported: true, versionOrConnectionID: 4)), context: iron,
            bytes: bytes("0f 00 00 00 00 00 00 00 01 00 00 00 04 00 00 00")),
        Vector(
            name: "A.4 VERSION_RESPONSE with features",
            message: .versionResponse(
                VersionResponse(supported: true, versionOrConnectionID: 4, features: FeatureFlags(rawValue: 0x6F))),
            context: .newest, bytes: bytes("0f 00 00 00 00 00 00 00 01 00 00 00 04 00 00 00 6f 00 00 00")),
        Vector(
            name: "A.5 OFFER_CHANNEL", message: .offerChannel(heartbeatOffer), context: iron,
            bytes: bytes(
                """
                01 00 00 00 00 00 00 00 39 4f 16 57 15 91 78 4e
                ab 55 38 2f 3b d5 42 2d 91 9e 14 fd e0 82 7d 4a
                af a6 2a 41 66 cb d7 c0 00 00 00 00 00 00 00 00
                00 00 00 00 00 00 00 00 11 00 00 00 04 00 00 00
                """) + [UInt8](repeating: 0, count: 0x78)
                + bytes("05 00 00 00 00 00 01 00 05 20 00 00")),
        Vector(
            name: "A.6 GPADL_HEADER",
            message: .gpadlHeader(
                GPADLHeader(
                    relid: 5, gpadl: 0xE1E10, rangeBufferLength: 0x48, rangeCount: 1,
                    words: [0x8000] + (0x100...0x107))), context: iron,
            bytes: bytes(
                """
                08 00 00 00 00 00 00 00 05 00 00 00 10 1e 0e 00
                48 00 01 00 00 80 00 00 00 00 00 00 00 01 00 00
                00 00 00 00 01 01 00 00 00 00 00 00 02 01 00 00
                00 00 00 00 03 01 00 00 00 00 00 00 04 01 00 00
                00 00 00 00 05 01 00 00 00 00 00 00 06 01 00 00
                00 00 00 00 07 01 00 00 00 00 00 00
                """)),
        Vector(
            name: "A.7 GPADL_CREATED",
            message: .gpadlCreated(GPADLCreated(relid: 5, gpadl: 0xE1E10, status: .success)), context: iron,
            bytes: bytes("0a 00 00 00 00 00 00 00 05 00 00 00 10 1e 0e 00 00 00 00 00")),
        Vector(
            name: "A.8 OPEN_CHANNEL", message: .openChannel(open), context: iron,
            bytes: bytes(
                """
                05 00 00 00 00 00 00 00 05 00 00 00 05 00 00 00
                10 1e 0e 00 00 00 00 00 04 00 00 00 00 00 00 00
                """) + [UInt8](repeating: 0, count: 116)),
        Vector(
            name: "A.9 OPEN_CHANNEL_RESULT",
            message: .openChannelResult(OpenChannelResult(relid: 5, openID: 5, status: .success)), context: iron,
            bytes: bytes("06 00 00 00 00 00 00 00 05 00 00 00 05 00 00 00 00 00 00 00")),
    ]

    @Test(arguments: vectors)
    func `a worked example decodes to its values`(_ vector: Vector) throws {
        #expect(try ChannelMessage.decode(vector.bytes, context: vector.context) == vector.message)
    }

    @Test(arguments: vectors)
    func `a worked example is written byte for byte`(_ vector: Vector) {
        #expect(vector.message.encoded(context: vector.context) == vector.bytes)
    }

    @Test(arguments: vectors)
    func `a tree's leaves cover every byte once`(_ vector: Vector) {
        let tree = ChannelMessage.tree(vector.bytes[...], context: vector.context)
        #expect(tree.problem == nil)
        var next = 0
        for leaf in tree.leaves {
            #expect(leaf.offset == next, "\(leaf.name)")
            next = leaf.offset + leaf.size
        }
        #expect(next == vector.bytes.count)
    }

    @Test(arguments: vectors)
    func `a message that is too short is an error that names the field`(_ vector: Vector) {
        let minimum = vector.message.type.facts?.minimumSize ?? 0
        for length in 0..<min(minimum, vector.bytes.count) {
            #expect(throws: WireError.self) {
                try ChannelMessage.decode(Array(vector.bytes.prefix(length)), context: vector.context)
            }
            let tree = ChannelMessage.tree(vector.bytes[..<length], context: vector.context)
            #expect(tree.problem != nil)
            #expect(tree.leaves.reduce(0) { $0 + $1.size } == length)
        }
    }

    @Test(arguments: vectors)
    func `padding up to the longest message is legal and shown`(_ vector: Vector) throws {
        // A size that means another layout is not padding (VERSION_RESPONSE, §2.6).
        if case .versionResponse = vector.message { return }
        if case .openChannel = vector.message { return }
        let padded = vector.bytes + [UInt8](repeating: 0, count: ChannelMessage.maximumSize - vector.bytes.count)
        #expect(try ChannelMessage.decode(padded, context: vector.context) == vector.message)
    }
}

@Suite struct MessageTests {
    @Test func `every one of the 29 types is written, read and named`() throws {
        let all: [ChannelMessage] = [
            .offerChannel(OfferChannel()), .rescindChannelOffer(ChannelReference()), .requestOffers,
            .allOffersDelivered,
            .openChannel(OpenChannel()), .openChannelResult(OpenChannelResult()), .closeChannel(ChannelReference()),
            .gpadlHeader(GPADLHeader()), .gpadlBody(GPADLBody()), .gpadlCreated(GPADLCreated()),
            .gpadlTeardown(GPADLTeardown()), .gpadlTorndown(GPADLTorndown()), .relidReleased(ChannelReference()),
            .initiateContact(InitiateContact(version: .iron)), .versionResponse(VersionResponse()), .unload,
            .unloadComplete, .openReservedChannel(OpenReservedChannel()), .closeReservedChannel(CloseReservedChannel()),
            .closeReservedResponse(ChannelReference()), .tlConnectRequest(TLConnectRequest()),
            .modifyChannel(ModifyChannel()), .tlConnectResult(TLConnectResult()),
            .modifyChannelResponse(ModifyChannelResponse()), .modifyConnection(ModifyConnection()),
            .modifyConnectionResponse(ModifyConnectionResponse()), .pause, .pauseResponse, .resume,
        ]
        #expect(all.map(\.type.rawValue) == Array(1...29))
        let context = WireContext(version: .iron)
        for message in all {
            let bytes = message.encoded(context: context)
            let facts = try #require(message.type.facts)
            #expect(bytes.count >= facts.minimumSize, "\(facts.name)")
            #expect(bytes.count <= ChannelMessage.maximumSize, "\(facts.name)")
            #expect(try ChannelMessage.decode(bytes, context: context).type == message.type)
            #expect(ChannelMessage.tree(bytes[...], context: context).name == "VMBUS.\(facts.name)")
        }
    }

    @Test(arguments: [0, 30, 0xFFFF_FFFF] as [UInt32])
    func `a type that does not exist is an error and a named record`(_ type: UInt32) {
        let bytes = (0..<4).map { UInt8(truncatingIfNeeded: type >> ($0 * 8)) } + [0, 0, 0, 0, 1, 2]
        #expect(throws: WireError.self) { try ChannelMessage.decode(bytes) }
        #expect(ChannelMessage.tree(bytes[...]).name == "VMBUS.UNKNOWN_\(type)")
    }

    @Test func `size decides which form of TL_CONNECT_REQUEST it is`() throws {
        let short = ChannelMessage.tlConnectRequest(TLConnectRequest(endpointID: .zero, serviceID: .zero))
        let silo = GUID(1, 2, 3, 4)
        let long = ChannelMessage.tlConnectRequest(
            TLConnectRequest(endpointID: .zero, serviceID: .zero, siloID: silo))
        #expect(short.encoded().count == 40)
        #expect(long.encoded().count == 56)
        #expect(try ChannelMessage.decode(short.encoded()) == short)
        #expect(try ChannelMessage.decode(long.encoded()) == long)
        // Below 5.2 the longer form does not exist, and what is there is padding.
        #expect(try ChannelMessage.decode(long.encoded(), context: WireContext(version: .redstone4)) == short)
    }

    @Test func `an offer before 1.1 ends after 190 bytes`() throws {
        let old = WireContext(version: .windows2008)
        var offer = MessageVectorTests.heartbeatOffer
        (offer.isDedicatedInterrupt, offer.connectionID) = (0, 0)
        let bytes = ChannelMessage.offerChannel(offer).encoded(context: old)
        #expect(bytes.count == 190)
        #expect(try ChannelMessage.decode(bytes, context: old) == .offerChannel(offer))
    }

    @Test func `the long form of OPEN_CHANNEL needs an agreed feature`() throws {
        var open = MessageVectorTests.open
        (open.connectionID, open.eventFlag, open.flags) = (0x2005, 7, .redirectInterrupt)
        let features = WireContext(version: .copper, features: .guestSpecifiedSignalParameters)
        #expect(ChannelMessage.openChannel(open).encoded(context: features).count == 156)
        #expect(ChannelMessage.openChannel(open).encoded(context: WireContext(version: .copper)).count == 148)
        #expect(
            try ChannelMessage.decode(ChannelMessage.openChannel(open).encoded(context: features)) == .openChannel(open)
        )
    }

    @Test func `every field of every message has help and every branch is walked`() {
        let schemas: [[SchemaField]] = [
            OfferChannel.schema, OpenChannel.schema, InitiateContact.schema, VersionResponse.schema, GPADLHeader.schema,
            GPADLBody.schema, TLConnectRequest.schema, MonitorPage.schema, MessageSlot.schema, PacketDescriptor.schema,
            GPADirectHeader.schema, TransferPageHeader.schema,
        ]
        for field in schemas.joined() { #expect(!field.help.isEmpty, "\(field.path)") }
        #expect(GPADLHeader.schema.map(\.path).suffix(3) == ["byte_count", "byte_offset", "pfn"])
        let contact = InitiateContact.schema
        #expect(contact.contains { $0.path == "interrupt_page" && $0.conditions == ["below 5.0"] })
        #expect(contact.contains { $0.path == "feature_flags" && $0.conditions == ["from 5.0"] })
    }
}
