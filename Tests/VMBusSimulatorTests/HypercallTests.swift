import BusModel
import Testing
import VMBusEngine
import VMBusPartitions
import VMBusRing
import VMBusWire

@testable import VMBusSimulator

@Suite struct HypercallTests {
    /// The two guests with all their channels open: the first one's network is monitored.
    static func running() throws -> Simulation {
        var simulation = Simulation(try ChoiceTests.scenario(), seed: 5)
        while simulation.time < 60_000_000 { _ = simulation.step() }
        _ = simulation.takeRecords()
        return simulation
    }

    /// The notes that an effect of a guest leaves.
    static func notes(_ simulation: inout Simulation, _ effects: [PartitionEffect]) -> [String] {
        simulation.carry(effects, of: .guest, guest: 0)
        let batch = simulation.takeRecords()
        return batch.headers.filter { $0.kind == .note }
            .map { String(decoding: batch.payload(of: $0), as: UTF8.self) }
    }

    static let message: [UInt8] = [3] + [UInt8](repeating: 0, count: 7)

    @Test(arguments: [
        (message, UInt32(9), "HV_STATUS_INVALID_CONNECTION_ID (0x12)"),
        ([UInt8](repeating: 3, count: 241), ConnectionID.multiClientMessage, "HV_STATUS_INVALID_PARAMETER (0x05)"),
    ])
    func `a post that cannot be is refused with its status`(
        _ bytes: [UInt8], _ connection: UInt32, _ status: String
    ) throws {
        var simulation = try Self.running()
        let notes = Self.notes(&simulation, [.post(bytes: bytes, connectionID: connection)])
        #expect(notes.first == "HvPostMessage to connection \(connection) fails: \(status)")
        #expect(simulation.guests[0].hypervisor.refused == nil)
    }

    @Test func `the reserved bits of a connection id do not count`() throws {
        var simulation = try Self.running()
        let notes = Self.notes(&simulation, [.post(bytes: Self.message, connectionID: 0xAB00_0004)])
        #expect(notes.isEmpty)
        #expect(simulation.guests[0].hypervisor.postsUnderway == 1)
    }

    @Test func `posts beyond what the host's port holds come back, and are all posted later in their order`() throws {
        var simulation = try Self.running()
        // Page lists that nobody knows: the host reads them and complains, one after the other.
        let posts = (0..<100).map { number -> PartitionEffect in
            let body = GPADLTeardown(relid: 1, gpadl: 0xAA00 + UInt32(number))
            return .post(
                bytes: ChannelMessage.gpadlTeardown(body).encoded(context: simulation.guests[0].host.agreement),
                connectionID: ConnectionID.multiClientMessage)
        }
        let notes = Self.notes(&simulation, posts)
        #expect(notes == ["HvPostMessage to connection 4 fails: HV_STATUS_INSUFFICIENT_BUFFERS (0x13)"])
        #expect(simulation.guests[0].hypervisor.postsUnderway == SimulatedLimit.messagesUnderway)
        var handles: [UInt32] = []
        for _ in 0..<2000 {
            let batch = simulation.step() ?? FlowBatch()
            for header in batch.headers where header.kind == .message && header.direction == .guestToHost {
                guard case .gpadlTeardown(let body)? = try? ChannelMessage.decode(Array(batch.payload(of: header)))
                else { continue }
                handles.append(body.gpadl)
            }
        }
        #expect(handles == (64..<100).map { 0xAA00 + UInt32($0) })
    }

    @Test func `a signal to a connection that leads nowhere fails, one to a channel arrives once`() throws {
        var simulation = try Self.running()
        let channel = try #require(
            simulation.guests[0].host.connection.channels.first { $0.isOpen && !$0.offer.isMonitored })
        let place = try #require(simulation.guests[0].host.channel(relid: channel.relid))
        let lost = Self.notes(&simulation, [.signal(place, connectionID: 0x7777)])
        #expect(lost == ["HvSignalEvent of connection 30583 fails: HV_STATUS_INVALID_CONNECTION_ID (0x12)"])
        let signal = PartitionEffect.signal(place, connectionID: channel.offer.connectionID)
        let waiting = simulation.queue.count
        let none = Self.notes(&simulation, [signal, signal])
        #expect(none.isEmpty)
        #expect(simulation.queue.count == waiting + 1)
        #expect(simulation.guests[0].hypervisor.signalled == [channel.relid])
    }
}

@Suite struct MonitorPollTests {
    /// A running guest whose network is monitored, with no bit set; the channel and its page.
    private func quiet() throws -> (simulation: Simulation, relid: UInt32, monitorID: UInt8, page: UInt64) {
        var simulation = try HypercallTests.running()
        while simulation.guests[0].hypervisor.isMonitorPending { _ = simulation.step() }
        let channel = try #require(simulation.guests[0].host.monitoredChannels.first)
        return (simulation, channel.relid, channel.monitorID, simulation.guests[0].host.monitorPage)
    }

    @Test func `the host says in the page which groups are polled, how often, and what is signalled`() throws {
        let (simulation, relid, monitorID, page) = try quiet()
        let bytes = try simulation.guests[0].memory.bytes(page, count: 4096)
        let content = try MonitorPage.decode(bytes)
        #expect(content.triggerState == 1)
        #expect(content.latency[Int(monitorID)].hundredNanoseconds == 1000)
        #expect(content.triggerGroups[0].armed & 1 << UInt32(monitorID) != 0)
        let connection = content.parameters[Int(monitorID)].connectionID
        #expect(simulation.guests[0].host.channel(connectionID: connection)?.relid == relid)
    }

    @Test func `a bit that is set is found within the latency, taken, and signals its channel`() throws {
        var (simulation, _, monitorID, page) = try quiet()
        let start = simulation.time
        simulation.guests[0].memory.setBit(UInt32(monitorID), at: page + 8)
        // The guest's next act of any kind is over: the hypervisor sees what is in the page.
        simulation.carry([], of: .guest, guest: 0)
        #expect(simulation.guests[0].hypervisor.isMonitorPending)
        while simulation.guests[0].hypervisor.isMonitorPending { _ = simulation.step() }
        let word = try simulation.guests[0].memory.load32(page + 8)
        #expect(word & 1 << UInt32(monitorID) == 0)
        #expect(simulation.time - start <= 100_000)
    }

    @Test func `a group that is not enabled is not polled`() throws {
        var (simulation, _, monitorID, page) = try quiet()
        try simulation.guests[0].memory.store32(0, at: page)
        simulation.guests[0].memory.setBit(UInt32(monitorID), at: page + 8)
        simulation.carry([], of: .guest, guest: 0)
        #expect(!simulation.guests[0].hypervisor.isMonitorPending)
    }
}
