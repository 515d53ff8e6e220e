import BusModel
import Glibc
import Platform
import Testing
import VMBusWire

@testable import LinuxGuest

@Suite struct `Evidence of the network interfaces` {
    private static let net = "/sys/class/net/"
    private static let function = "f2d53aea-2f81-4315-9baf-613b49641633"
    private static let pci = "44c4f61d-4444-4400-9d52-802e27ede19f"

    /// A guest whose network device is eth0, without a virtual function.
    private static func files() -> InjectedFiles {
        let files = SampleGuest.files()
        addInterface("eth0", device: SampleGuest.instance, to: files)
        return files
    }

    private static func addInterface(_ name: String, device: String, to files: InjectedFiles) {
        let home = "/sys/devices/VMBUS:01/\(device)/net/\(name)"
        files.put(net + name, .link("../../devices/VMBUS:01/\(device)/net/\(name)"))
        files.put(home + "/operstate", "up")
        files.put(home + "/carrier", "1")
        files.put(home + "/carrier_changes", "3")
        files.put(home + "/address", "00:15:5d:00:00:01")
        for counter in ["rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_dropped", "tx_dropped"] {
            files.put(home + "/statistics/" + counter, "10")
        }
    }

    /// The same with a virtual function below it, as netvsc shows it.
    private static func filesWithFunction(isLower: Bool = true) -> InjectedFiles {
        let files = files()
        SampleGuest.addDevice(to: files, name: function, classID: pci, relids: [30])
        addInterface("enP12161s3", device: function, to: files)
        if isLower { files.put("/sys/devices/VMBUS:01/\(SampleGuest.instance)/net/eth0/lower_enP12161s3/x", "") }
        return files
    }

    @Test func `link and counters are told`() throws {
        let machine = InjectedMachine()
        machine.put(
            "eth0",
            [
                InterfaceCounter("tx_send_full", 7), InterfaceCounter("vf_rx_packets", 0),
                InterfaceCounter("tx_queue_0_packets", 12), InterfaceCounter("rx_queue_0_xdp_drop", 0),
                InterfaceCounter("cpu0_rx_packets", 99), InterfaceCounter("odd name", 1),
            ])
        var watch = EvidenceWatch(Self.files(), machine: machine)
        try watch.look()
        let device = watch.device()
        #expect(device.text(.linkState) == "up")
        #expect(device.number(.linkCarrier) == 1)
        #expect(device.number(.carrierChanges) == 3)
        #expect(device.text(.virtualFunction) == "")
        #expect(device.number(.virtualFunctionActive) == 0)
        let counters = device.counters(.interfaceCounters)
        #expect(counters.contains(NamedCount("tx_send_full", 7)))
        #expect(counters.contains(NamedCount("rx_packets", 10)))
        #expect(counters.contains(NamedCount("odd_name", 1)))
        #expect(!counters.contains { $0.name.hasPrefix("cpu") })
        #expect(device.text(.queueCounters) == "tx_queue_0_packets=12")
    }

    @Test func `a copied tree has its files' counters only`() throws {
        var watch = EvidenceWatch(Self.files())
        try watch.look()
        #expect(watch.device().counters(.interfaceCounters).count == 6)
        #expect(watch.device()[.queueCounters]?.reading.form == .unavailable)
    }

    @Test func `a kernel that does not answer is told, and its carrier is not waited for`() throws {
        let files = Self.files()
        let machine = InjectedMachine()
        machine.refuse("eth0", ETIMEDOUT)
        var watch = EvidenceWatch(files, machine: machine)
        try watch.look()
        #expect(watch.device()[.queueCounters]?.reading.string == "ETIMEDOUT")
        #expect(watch.device()[.linkCarrier]?.reading.string == "ETIMEDOUT")
        #expect(watch.device().text(.linkState) == "up")
        #expect(watch.device().counters(.interfaceCounters).contains(NamedCount("tx_packets", 10)))
        #expect(!files.reads.contains { $0.hasSuffix("/carrier") })
    }

    @Test func `an interface that is down has no carrier to tell of`() throws {
        let files = Self.files()
        files.put("/sys/devices/VMBUS:01/\(SampleGuest.instance)/net/eth0/carrier", .failure(EINVAL))
        files.put("/sys/devices/VMBUS:01/\(SampleGuest.instance)/net/eth0/operstate", "down")
        var watch = EvidenceWatch(files)
        try watch.look()
        #expect(watch.device()[.linkCarrier]?.reading.form == .unavailable)
        #expect(watch.device().text(.linkState) == "down")
    }

    @Test(arguments: [true, false])
    func `a virtual function is found below the interface or by its address`(isLower: Bool) throws {
        var watch = EvidenceWatch(Self.filesWithFunction(isLower: isLower))
        try watch.look()
        #expect(watch.device().text(.virtualFunction) == "enP12161s3")
        #expect(watch.device().number(.virtualFunctionActive) == 1)
        #expect(watch.device(Self.function)[.virtualFunction] == nil)
        #expect(watch.device(Self.function).text(.linkState) == "up")
    }

    @Test func `who carries the packets is told by the counters that move`() throws {
        let files = Self.filesWithFunction()
        let synthetic = "/sys/devices/VMBUS:01/\(SampleGuest.instance)/net/eth0/"
        let virtual = "/sys/devices/VMBUS:01/\(Self.function)/net/enP12161s3/"
        var watch = EvidenceWatch(files)
        try watch.look()
        // The sum of both moves and that of the function does not: packets take the synthetic path.
        files.put(synthetic + "statistics/tx_packets", "500")
        try watch.look()
        #expect(watch.device().number(.virtualFunctionActive) == 0)
        try watch.look()
        #expect(watch.device().number(.virtualFunctionActive) == 0)
        files.put(synthetic + "statistics/tx_packets", "600")
        files.put(virtual + "statistics/tx_packets", "110")
        try watch.look()
        #expect(watch.device().number(.virtualFunctionActive) == 1)
        files.put(virtual + "operstate", "down")
        try watch.look()
        #expect(watch.device().number(.virtualFunctionActive) == 0)
    }

    @Test func `however many counters a driver has, few are kept`() throws {
        let machine = InjectedMachine()
        machine.put(
            "eth0",
            (0..<20_000).map { InterfaceCounter("global_\($0)", 1) }
                + (0..<20_000).map { InterfaceCounter("tx_queue_\($0)_packets", .max) })
        var watch = EvidenceWatch(Self.files(), machine: machine)
        try watch.look()
        #expect(watch.device().counters(.interfaceCounters).count == 102)
        let queues = watch.device().counters(.queueCounters)
        #expect(queues.count == 512)
        #expect(queues.last == NamedCount("tx_queue_511_packets", .max))
    }

    @Test func `a name that could steer the terminal is made harmless`() throws {
        let machine = InjectedMachine()
        machine.put("eth0", [InterfaceCounter("\u{1B}[2J=\n", 5)])
        var watch = EvidenceWatch(Self.files(), machine: machine)
        try watch.look()
        #expect(watch.device().counters(.interfaceCounters).last == NamedCount("\u{FFFD}[2J=\u{FFFD}", 5))
    }

    @Test(
        .enabled(if: SharedFixtures.directory != nil, "\(SharedFixtures.absence)"),
        arguments: [
            ("ethtool-S-netvsc-azure-vf", NamedCount("vf_rx_packets", 6_623_621), 16, 8),
            ("ethtool-S-netvsc-wsl2-8q-12cpu", NamedCount("tx_send_full", 0), 16, 6),
        ])
    func `counters of real drivers are sorted out`(name: String, sample: NamedCount, globals: Int, queues: Int) throws {
        let text = String(decoding: try SharedFixtures.contents("realworld/counters/\(name).txt"), as: UTF8.self)
        let counters = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
            let parts = line.split(separator: ":").map { $0.drop { $0 == " " } }
            return parts.count == 2 ? UInt64(parts[1]).map { InterfaceCounter(String(parts[0]), $0) } : nil
        }
        let machine = InjectedMachine()
        machine.put("eth0", counters)
        var watch = EvidenceWatch(Self.files(), machine: machine)
        try watch.look()
        // Six of them are the interface's own.
        let found = watch.device().counters(.interfaceCounters)
        #expect(found.contains(sample))
        #expect(found.count == globals + 6)
        #expect(watch.device().counters(.queueCounters).count == queues)
    }

    @Test func `a device that goes and comes back is told of again`() throws {
        let files = Self.files()
        var watch = EvidenceWatch(files)
        try watch.look()
        files.remove(SampleGuest.device)
        try watch.look()
        #expect(watch.device().items.isEmpty)
        SampleGuest.addDevice(to: files)
        try watch.look()
        #expect(watch.device().text(.linkState) == "up")
        #expect(watch.device()[.linkState]?.time == 3_000_000_000)
    }
}
