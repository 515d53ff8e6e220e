import Testing

@testable import VMBusWire

/// What is worked out of declarations, held against what they say.
@Suite struct ExploredLayoutTests {
    private static let layouts: [String: WireLayout] = {
        var explorer = LayoutExplorer()
        explorer.exploreBus()
        return explorer.layouts
    }()

    /// All steps that a layout can lead to, in the order in which they are met.
    private static func steps(_ layout: WireLayout) -> [LayoutStep] {
        layout.steps + (layout.decision?.ways.flatMap { steps($0.layout) } ?? [])
    }

    private static func way(_ layout: WireLayout?, _ value: UInt64) -> WireLayout? {
        layout?.decision?.ways.last { $0.from <= value }?.layout
    }

    @Test func `every message leads to its own fields`() throws {
        let layout = try #require(Self.layouts["message"])
        for (type, field) in [(UInt64(1), "interface_instance"), (5, "ring_gpadl"), (10, "gpadl"), (22, "target_vp")] {
            let names = try Self.steps(#require(Self.way(layout, type))).map(\.name)
            #expect(names.contains(field), "message \(type)")
        }
        #expect(Self.steps(try #require(Self.way(layout, 3))).map(\.name) == ["padding"])
        #expect(Self.steps(try #require(Self.way(layout, 4711))).map(\.name) == ["padding"])
    }

    @Test func `a version gate is found at its version`() throws {
        let contact = try #require(Self.way(Self.layouts["message"], 14))
        let decision = try #require(contact.decision)
        #expect(decision.ways.map(\.from) == [0, 0x5_0000, 0x6_0000])
        #expect(Self.steps(decision.ways[0].layout).contains { $0.name == "interrupt_page" })
        #expect(Self.steps(decision.ways[1].layout).contains { $0.name == "target_sint" })
        #expect(Self.steps(decision.ways[2].layout).contains { $0.name == "client_id" && $0.kind == .optional })
    }

    @Test func `a count and the pages that two values need are found as they are made`() throws {
        let header = try #require(Self.layouts["gpa_direct"])
        let ranges = try #require(header.steps.last)
        #expect(ranges.kind == .repeated)
        #expect(ranges.numbers == [.sum(0, [LayoutTerm(input: 0, factor: 1)])])
        let range = try #require(Self.layouts[ranges.type])
        #expect(range.steps.last?.numbers == [.pages(0, 1)])
    }

    @Test func `a list that goes on to the message's end does so`() throws {
        let body = try #require(Self.way(Self.layouts["message"], 9))
        #expect(body.steps.map(\.name) == ["padding", "message_number", "gpadl", "pfn"])
        #expect(body.steps.last?.kind == .fieldsToEnd)
    }

    @Test func `numbers have the names that their types give them, bits one by one`() {
        let explorer = LayoutExplorer()
        let types = explorer.learn(MessageType.self)
        #expect(types.names.map(\.value) == Array(1...29))
        let flags = explorer.learn(PacketFlags.self)
        #expect(!flags.names.isEmpty)
        #expect(explorer.learn(UInt32.self).names.isEmpty)
    }

    @Test func `all fields of all messages are there`() throws {
        let layout = try #require(Self.layouts["message"])
        let found = Set(Self.steps(layout).map(\.name))
        let declared =
            OfferChannel.schema + OpenChannel.schema + OpenChannelResult.schema + GPADLHeader.schema + GPADLBody.schema
            + GPADLCreated.schema + GPADLTeardown.schema + GPADLTorndown.schema + InitiateContact.schema
            + VersionResponse.schema + OpenReservedChannel.schema + CloseReservedChannel.schema
            + TLConnectRequest.schema + TLConnectResult.schema + ModifyChannel.schema + ModifyChannelResponse.schema
            + ModifyConnection.schema + ModifyConnectionResponse.schema + ChannelReference.schema
        for field in declared {
            let name = field.path.split(separator: ".").last.map(String.init) ?? ""
            #expect(found.contains(name), "\(field.path)")
        }
    }
}
