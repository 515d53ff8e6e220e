import BusModel
import Testing
import VMBusWire

@testable import Inspector

/// A guest with processors on nodes, and channels with rates.
struct ProcessorLog {
    var log = CounterLog()

    /// - Parameter channels: for each device the processors of its channels with their interrupts per second.
    init(
        channels: [[(cpu: UInt64, rate: UInt64)]], processors: Int? = 8, evidence: [AttributeReading] = [],
        node: UInt64? = nil
    ) {
        var partition = evidence
        if let processors { partition.append(AttributeReading(.virtualProcessors, UInt64(processors))) }
        let appeared = StateCode.appeared.rawValue
        log.tell(partition, at: 1, kind: .state, code: appeared, device: .zero, relid: 0)
        for (number, own) in channels.enumerated() {
            var device = [AttributeReading(.classID, guid: GuestLog.network)]
            if let node { device.append(AttributeReading(.numaNode, node)) }
            log.tell(device, at: 1, kind: .state, code: appeared, device: Self.device(number), relid: 0)
            for tick in UInt64(1)...2 {
                for (place, channel) in own.enumerated() {
                    log.tell(
                        [
                            AttributeReading(.channelPhase, ChannelPhase.open.rawValue),
                            AttributeReading(.cpu, channel.cpu), AttributeReading(.interrupts, tick * channel.rate),
                        ], at: tick * CounterLog.second, device: Self.device(number),
                        relid: UInt32(100 * number + place + 1), subchannel: UInt16(place))
                }
            }
        }
    }

    static func device(_ number: Int) -> GUID { GUID(0x2000_0000, 0, 0x4000, UInt64(number)) }
    static func key(_ number: Int, _ subchannel: UInt16) -> ChannelKey {
        ChannelKey(partition: 1, device: device(number), subchannel: subchannel)
    }

    var state: InspectorState { log.state }
    var map: ProcessorMap { log.state.processorMap }
}

@Suite struct ProcessorTests {
    @Test(
        arguments: [
            ("0-3,8", [0, 1, 2, 3, 8], "0-3,8"), ("8,0-3,4", [0, 1, 2, 3, 4, 8], "0-4,8"), ("", [], ""), ("\n", [], ""),
            ("5", [5], "5"), ("3-1,2", [2], "2"), ("x,1,-,2-", [1, 2], "1-2"), ("0-2,1-5", [0, 1, 2, 3, 4, 5], "0-5"),
            ("99999999999,7", [7], "7"),
        ] as [(String, [Int], String)])
    func `lists of processors are read as the kernel writes them`(text: String, numbers: [Int], written: String) {
        let set = ProcessorSet(parsing: text)
        #expect(set.numbers == numbers)
        #expect(set.text == written)
        #expect(set.count == numbers.count)
        #expect(numbers.allSatisfy { set.contains($0) })
    }

    @Test func `a list that promises the world is not believed`() {
        #expect(ProcessorSet(parsing: "0-8191,9000-4294967295").count == 8192)
        #expect(ProcessorSet(parsing: "0-18446744073709551615").isEmpty)
    }

    @Test func `without evidence the processors are those that channels name`() {
        let map = ProcessorLog(channels: [[(0, 10), (5, 10)], [(2, 10)]], processors: nil).map
        #expect(map.processors.map(\.number) == [0, 2, 5])
        #expect(map.processors.allSatisfy { $0.isOnline && $0.node == nil })
        #expect(map.partitions[0].topology.online == nil)
    }

    @Test func `nodes, offline and isolated processors are those of the evidence`() throws {
        let evidence = [
            AttributeReading(.onlineProcessors, text: "0-6"), AttributeReading(.possibleProcessors, text: "0-7"),
            AttributeReading(.isolatedProcessors, text: "6"),
            AttributeReading(.processorNodes, text: "1:4-7 0:0-3 x:9"),
            AttributeReading(.processorInterrupts, text: "cpu0=12 cpu4=7 nonsense"),
        ]
        let log = ProcessorLog(channels: [[(0, 10), (4, 10), (7, 10)]], evidence: evidence, node: 0)
        let map = log.map
        #expect(map.processors.map(\.number) == [0, 1, 2, 3, 4, 5, 6, 7])
        #expect(map.processors.map(\.node) == [0, 0, 0, 0, 1, 1, 1, 1])
        #expect(map.processors.filter { !$0.isOnline }.map(\.number) == [7])
        #expect(map.processors.filter(\.isIsolated).map(\.number) == [6])
        #expect(map.processors[0].kernelCount == 12 && map.processors[1].kernelCount == nil)
        #expect(map.channels.map { map.isOffNode($0) } == [false, true, true])
        let rows = log.state.processorsTable().rows
        #expect(rows.count == 8)
        #expect(rows[7].cells[2].text == "offline" && rows[6].cells[2].text == "isolated")
    }

    @Test
    func `what the kernel counts for each processor has a rate at the second look, over the end of 32 bits as well`() {
        let first = AttributeReading(.processorInterrupts, text: "cpu0=100 cpu1=4294967290 cpu2=50")
        var log = ProcessorLog(channels: [[(0, 10), (1, 10), (2, 10)]], processors: 3, evidence: [first])
        #expect(log.map.processors.map(\.kernelRate) == [nil, nil, nil])
        let second = AttributeReading(.processorInterrupts, text: "cpu0=300 cpu1=4 cpu2=20")
        log.log.tell([second], at: 4 * CounterLog.second + 1, device: .zero, relid: 0)
        #expect(log.map.processors.map(\.kernelRate) == [50, 2.5, nil])
        #expect(log.state.processorsTable().rows[0].cells[6].text == "50")
    }

    @Test(
        arguments: [
            ("interrupt_rate", true, [2, 0, 3, 1]), ("interrupt_rate", false, [1, 3, 0, 2]),
            ("cpu", true, [3, 2, 1, 0]),
            ("channels", true, [3, 0, 2, 1]), ("interrupts", false, [3, 0, 1, 2]), ("nothing", true, [0, 1, 2, 3]),
        ] as [(String, Bool, [Int])])
    func `processors can be put in order, and the map of channels goes with them`(
        column: String, isDescending: Bool, order: [Int]
    ) throws {
        let evidence = [AttributeReading(.processorInterrupts, text: "cpu0=12 cpu3=7")]
        let log = ProcessorLog(channels: [[(2, 90), (0, 40), (3, 5), (3, 6)]], processors: 4, evidence: evidence)
        var state = log.state
        state.processorSort = SortOrder(column: column, isDescending: isDescending)
        let map = state.processorMap
        #expect(map.processors.map(\.number) == order)
        #expect(state.processorsTable().rows.map(\.cells[0].text) == order.map(String.init))
        for channel in map.channels {
            let place = try #require(map.place(of: channel))
            #expect(map.processors[place].number == channel.processor)
        }
        // What is tried does not make rows jump.
        let moved = map.moving(ProcessorLog.key(0, 0), to: 1)
        #expect(moved.processors.map(\.number) == order)
    }

    @Test func `a table of interrupts alone tells processors, and a device without channels has none`() {
        var log = CounterLog()
        let appeared = StateCode.appeared.rawValue
        log.tell(
            [AttributeReading(.processorInterrupts, text: "cpu0=12 cpu6=7")], at: 1, kind: .state, code: appeared,
            device: .zero, relid: 0)
        #expect(log.state.processorMap.processors.map(\.number) == [0, 6])
        #expect(log.state.processorMap.processors.map(\.kernelCount) == [12, 7])
        log.tell(
            [AttributeReading(.name, text: "vmbus_5")], at: 1, kind: .state, code: appeared,
            device: ProcessorLog.device(0), relid: 0)
        let cells = log.state.channelsTable().rows.first?.cells
        #expect(cells?.first?.text == "Unknown vmbus_5")
        let cpu = InspectorState.channelColumns.firstIndex { $0.id == "cpu" } ?? 0
        #expect(cells?[cpu].text == Cell.unknown.text)
    }

    @Test func `possible processors by the hundred are not shown`() {
        let evidence = [
            AttributeReading(.onlineProcessors, text: "0-1"), AttributeReading(.possibleProcessors, text: "0-239"),
        ]
        #expect(ProcessorLog(channels: [[(0, 1)]], evidence: evidence).map.processors.count == 2)
    }

    // MARK: Imbalance

    @Test(
        arguments: [
            ([10, 10, 10, 10], 4, 1, 0), ([40], 4, 4, 0.75), ([10, 30], 2, 1.5, 0.25), ([10, 10], 4, 2, 0.5),
            ([1, 2, 3, 4], 4, 1.6, 0.25), ([7], 1, 1, 0), ([10, 10, 10], 2, 1, 0),
        ] as [([Double], Int, Double, Double)])
    func `imbalance is the busiest over the mean, and Gini's coefficient`(
        loads: [Double], population: Int, ratio: Double, gini: Double
    ) throws {
        let imbalance = try #require(Imbalance(loads: loads, over: population))
        #expect(abs(imbalance.peakToMean - ratio) < 1e-9)
        #expect(abs(imbalance.gini - gini) < 1e-9)
        let reversed = try #require(Imbalance(loads: loads.reversed(), over: population))
        #expect(reversed == imbalance)
    }

    @Test func `without interrupts there is nothing to be uneven`() {
        #expect(Imbalance(loads: [], over: 4) == nil)
        #expect(Imbalance(loads: [0, 0, -1, .nan, .infinity], over: 4) == nil)
    }

    @Test func `a device is measured over the processors that it could use`() throws {
        // Four channels on four of eight processors are even; the guest as a whole has five channels.
        let map = ProcessorLog(channels: [[(0, 100), (1, 100), (2, 100), (3, 100)], [(0, 100)]]).map
        #expect(map.devices[0].imbalance?.peakToMean == 1)
        #expect(map.devices[0].imbalance?.population == 4)
        #expect(map.devices[1].imbalance?.population == 1)
        let whole = try #require(map.partitions[0].imbalance)
        #expect(whole.population == 5 && whole.total == 500 && whole.peakToMean == 2)
        #expect(map.processors.map(\.rate) == [200, 100, 100, 100, 0, 0, 0, 0])
        #expect(map.processors[0].share == 0.4)
    }

    // MARK: What if

    @Test func `a move takes the channel's rate along and nothing else changes`() throws {
        let log = ProcessorLog(channels: [[(0, 300), (0, 100)], [(1, 50)]], processors: 4)
        let map = log.map
        let after = map.moving(ProcessorLog.key(0, 1), to: 2)
        #expect(after.processors.map(\.rate) == [300, 50, 100, 0])
        #expect(after.processors.map(\.channelCount) == [1, 1, 1, 0])
        let sumBefore = map.processors.reduce(0) { $0 + $1.rate }
        let sumAfter = after.processors.reduce(0) { $0 + $1.rate }
        #expect(sumBefore == sumAfter)
        #expect(after.moving(ProcessorLog.key(0, 1), to: 0) == map)
        let move = try #require(log.state.moveProposal(ProcessorLog.key(0, 1), to: 2, on: map))
        #expect(move.from == 0 && move.target == 2)
        #expect(move.device.before?.peakToMean == 2 && move.device.after?.peakToMean == 1.5)
        #expect(move.command == "echo 2 | sudo tee")
        #expect(move.path == "/sys/bus/vmbus/devices/\(ProcessorLog.device(0))/channels/2/cpu")
        #expect(move.obstacles.isEmpty)
        #expect(move.notes == ["which protocol was negotiated is not known here; it must be 4.1 or newer"])
    }

    @Test func `what the kernel would refuse is said before`() throws {
        let evidence = [
            AttributeReading(.onlineProcessors, text: "0-2"), AttributeReading(.isolatedProcessors, text: "2"),
            AttributeReading(.possibleProcessors, text: "0-3"), AttributeReading(.protocolVersion, 0x0004_0000),
        ]
        let log = ProcessorLog(channels: [[(0, 300), (1, 100)]], evidence: evidence)
        func obstacles(_ target: Int) throws -> [String] {
            try #require(log.state.moveProposal(ProcessorLog.key(0, 0), to: target, on: log.map)).obstacles
        }
        #expect(try obstacles(0) == ["it is there already", "protocol 4.0 is below 4.1 (EIO)"])
        #expect(try obstacles(2) == ["protocol 4.0 is below 4.1 (EIO)", "CPU 2 is isolated (EINVAL)"])
        #expect(try obstacles(3) == ["protocol 4.0 is below 4.1 (EIO)", "CPU 3 is offline (EINVAL)"])
        #expect(log.state.moveProposal(ProcessorLog.key(9, 0), to: 1, on: log.map) == nil)
    }

    @Test func `a target beside a channel of the same device or off its node is noted`() throws {
        let evidence = [
            AttributeReading(.onlineProcessors, text: "0-3"), AttributeReading(.processorNodes, text: "0:0-1 1:2-3"),
            AttributeReading(.protocolVersion, 0x0005_0003),
        ]
        let log = ProcessorLog(channels: [[(0, 300), (2, 100)]], evidence: evidence, node: 0)
        let move = try #require(log.state.moveProposal(ProcessorLog.key(0, 0), to: 2, on: log.map))
        #expect(
            move.notes == [
                "CPU 2 is on node 1, the device on node 0", "network-1:1 of the same device is there already",
            ]
                || move.notes == [
                    "CPU 2 is on node 1, the device on node 0", "network:1 of the same device is there already",
                ])
    }

    @Test func `the largest guest that can be has a map and a table`() {
        var channels: [[(cpu: UInt64, rate: UInt64)]] = []
        for device in UInt64(0)..<32 { channels.append((0..<63).map { ((device * 63 + $0) % 416, $0) }) }
        let log = ProcessorLog(channels: channels, processors: 416)
        #expect(log.map.channels.count == 2016)
        #expect(log.map.processors.count == 416)
        #expect(log.state.processorsTable().rows.count == 416)
    }

    @Test func `the view can be printed`() throws {
        let evidence = [
            AttributeReading(.onlineProcessors, text: "0-1"), AttributeReading(.processorNodes, text: "0:0-1"),
        ]
        let state = ProcessorLog(channels: [[(0, 300), (1, 100)]], processors: 2, evidence: evidence).state
        #expect(
            try HeadlessShow.render(.cpus, state, format: .csv) == """
                cpu,node,state,channels,interrupt_rate,share,kernel_rate,interrupts,partition,devices
                0,0,online,1,300.0,0.75,,,guest 1,network 300
                1,0,online,1,100.0,0.25,,,guest 1,network:1 100

                """)
        let json = try HeadlessShow.render(.cpus, state, format: .json)
        #expect(json.hasPrefix("{\"schema\":\"vmbusscope.cpus/1\",\"source\":\"live\""))
        #expect(
            json.contains(
                "\"imbalance\":{\"peak_to_mean\":1.5,\"gini\":0.25,\"cpus\":2,\"interrupts_per_second\":400.0}"))
        #expect(json.contains("\"cpu\":1,\"node\":0,\"online\":true,\"isolated\":false,\"channels\":1,"))
        #expect(try HeadlessShow.render(.cpus, state, format: .text).contains("network 300"))
        #expect(
            try HeadlessShow.render(.cpus, state, format: .text, filter: "subchannel == 1").contains("network 300")
                == false)
    }
}
