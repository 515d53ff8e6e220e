public import Configuration
import VMBusDevices
import VMBusEngine
import VMBusWire

extension Scenario {
    /// Reads a scenario.
    ///
    /// - Throws: `ConfigurationError` with file, line or path, what is there and what is expected.
    public init(_ document: ConfigurationDocument) throws(ConfigurationError) {
        let root = document.root
        try root.requireOnly(ScenarioSchema.scenario.names)
        name = try root.string("name")
        title = try root.stringIfPresent("title") ?? ""
        seed = UInt64(bitPattern: try root.integerIfPresent("seed", in: 0 ... .max) ?? 1)
        let rootTable = try root.tableIfPresent("root")
        try rootTable?.requireOnly(ScenarioSchema.root.names)
        rootName = try rootTable?.stringIfPresent("name") ?? "root"
        let hostProfile =
            try rootTable?.profileIfPresent("profile", HostProfile.all + HostProfile.faulty, \.name) ?? .openvmm
        var host = HostConfiguration(profile: hostProfile, maximumVersion: hostProfile.maximumVersion, devices: [])
        host.maximumVersion = try rootTable?.versionIfPresent("version") ?? host.maximumVersion
        responder = .unsaid
        if let table = try root.tableIfPresent("switch") {
            try table.requireOnly(ScenarioSchema.exchange.names)
            let text = try table.string("responder")
            let configuration = SwitchResponder.Configuration(text)
            guard text == "none" || configuration != nil else {
                throw table.unacceptable(
                    "responder", value: text, expected: "an address with its network such as 10.0.0.1/24, or none")
            }
            responder = configuration.map { .at($0) } ?? .nobody
        }
        let tables = try root.tables("guest")
        guests = []
        for (index, table) in tables.enumerated() {
            guests.append(try GuestConfiguration(table, index: index, host: host))
        }
        guard !guests.isEmpty else {
            throw root.unacceptable("guest", value: "none", expected: "at least one [[guest]]")
        }
        events = []
        if root.contains("event") {
            for table in try root.tables("event") { events.append(try ScenarioEvent(table, guests: guests)) }
        }
        events.sort { $0.time < $1.time }
        expectation = try root.tableIfPresent("expect").map { table throws(ConfigurationError) in
            try ScenarioExpectation(table)
        }
        faults = try FaultConfiguration.list(in: root, guests: guests)
    }
}

extension ScenarioExpectation {
    fileprivate init(_ table: ConfigurationTable) throws(ConfigurationError) {
        try table.requireOnly(ScenarioSchema.expectation.names)
        problem = try table.string("problem")
        rule = try table.stringIfPresent("rule")
        note = try table.stringIfPresent("note")
        steps = UInt64(try table.integer("within", in: 1...1_000_000))
    }
}

extension GuestConfiguration {
    private static var keys: [String] {
        var keys = ScenarioSchema.guest.names
        #if Mutations
            keys += ["mutation", "host_mutation"]
        #endif
        return keys
    }

    fileprivate init(
        _ table: ConfigurationTable, index: Int, host: HostConfiguration
    ) throws(ConfigurationError) {
        try table.requireOnly(Self.keys)
        name = try table.string("name")
        let named = try table.profileIfPresent("profile", GuestProfile.all + GuestProfile.faulty, \.name)
        profile = named ?? GuestProfile()
        // A guest that is nobody's speaks what the newest Linux in wide use speaks.
        maximumVersion = try table.versionIfPresent("version") ?? (named == nil ? .iron : .copper)
        processors = UInt32(try table.integerIfPresent("processors", in: 1...2048) ?? 1)
        memoryPages = UInt64(try table.integerIfPresent("memory_mib", in: 4...65536) ?? 64) * 256
        bootTime = try table.durationIfPresent("boot_at") ?? 0
        clientID = GUID(0x7363_6F70, 0x0000, 0x4000, UInt64(index + 1))
        self.host = host
        if let profile = try table.profileIfPresent("host_profile", HostProfile.all + HostProfile.faulty, \.name) {
            self.host.profile = profile
            self.host.maximumVersion = profile.maximumVersion
        }
        self.host.maximumVersion = try table.versionIfPresent("host_version") ?? self.host.maximumVersion
        addresses = []
        drivers = []
        diskWork = []
        #if Mutations
            mutation = try table.mutationIfPresent("mutation")
            self.host.mutation = try table.mutationIfPresent("host_mutation")
        #endif
        for (ordinal, device) in try table.tables("device").enumerated() {
            try addDevice(device, guest: index, ordinal: ordinal)
        }
        for socket in try table.tables("socket") { self.host.sockets.append(try SocketConfiguration(socket)) }
    }

    private mutating func addDevice(
        _ table: ConfigurationTable, guest: Int, ordinal: Int
    ) throws(ConfigurationError) {
        let word = try table.string("kind")
        guard let kind = DeviceKind(word: word), kind != .unknown,
            let deviceClass = DeviceClass.catalogue.first(where: { $0.kind == kind }), let classID = deviceClass.classID
        else {
            throw table.unacceptable("kind", value: word, expected: "a device kind such as heartbeat or network")
        }
        var integration = IntegrationConfiguration(kind)
        try table.requireOnly(
            ScenarioSchema.device.names + (kind == .network ? ScenarioSchema.network.names : [])
                + (integration == nil ? [] : ScenarioSchema.integration.names)
                + (kind.isStorage ? ScenarioSchema.storage.names : [])
                + (kind == .balloon ? ScenarioSchema.balloon.names : [])
                + (kind == .pci ? ScenarioSchema.pci.names : [])
                + (kind == .video ? ScenarioSchema.video.names : []))
        let target = kind == .ide ? try table.integerIfPresent("target", in: 0...3) ?? 0 : 0
        let instance =
            try table.guidIfPresent("instance") ?? Self.usualInstance(of: kind, target: target)
            ?? GUID(0x7363_6F70, UInt16(guest + 1), UInt16(ordinal + 1), 0x8000_0000_0000_0000)
        let channels = Int(try table.integerIfPresent("channels", in: 1...64) ?? 1)
        var device = DeviceConfiguration(
            kind: kind, classID: classID, instance: instance, channelCount: channels,
            isMonitored: try table.booleanIfPresent("monitored") ?? false)
        if kind == .network { try addInterface(table, &device, guest: guest, ordinal: ordinal) }
        if kind.isStorage { try addController(table, &device) }
        if kind == .pci { device.pci = try PCIConfiguration(table) }
        if kind == .balloon { device.balloon = try BalloonConfiguration(table) }
        if kind == .video { device.video = try VideoConfiguration(table) }
        try integration?.read(table)
        device.integration = integration
        host.devices.append(device)
    }

    /// Hyper-V gives some devices the same instance in every guest (linux-guest-data §5).
    private static func usualInstance(of kind: DeviceKind, target: Int64) -> GUID? {
        switch kind {
        // Guests read the disk's place from it.
        case .ide: GUID(0, UInt16(target), 0x8899, 0)
        case .balloon: GUID(0x1ECC_FD72, 0x4B41, 0x45EF, 0xB73A_4A6E_44C1_2924)
        default: IntegrationConfiguration.usualInstance(of: kind)
        }
    }

    private mutating func addController(
        _ table: ConfigurationTable, _ device: inout DeviceConfiguration
    ) throws(ConfigurationError) {
        var controller = StorageProvider.Configuration()
        controller.kind = device.kind == .ide ? .ide : device.kind == .fibreChannel ? .fibreChannel : .scsi
        controller.maximumSubchannels = device.channelCount - 1
        controller.identity = device.instance.low ^ device.instance.high
        controller.target = UInt8(try table.integerIfPresent("target", in: 0...3) ?? 0)
        for (index, disk) in (table.contains("disk") ? try table.tables("disk") : []).enumerated() {
            try disk.requireOnly(ScenarioSchema.disk.names)
            let lun = UInt8(try disk.integerIfPresent("lun", in: 0...63) ?? Int64(index))
            guard !controller.disks.contains(where: { $0.lun == lun }) else {
                throw disk.unacceptable("lun", value: "\(lun)", expected: "a number that no other disk here has")
            }
            var description = DiskDescription(
                lun: lun, medium: try disk.booleanIfPresent("cd") ?? false ? .compactDisc : .disk,
                path: try disk.stringIfPresent("path"), isReadOnly: try disk.booleanIfPresent("read_only") ?? false)
            let size = try disk.stringIfPresent("size") ?? (description.path == nil ? "64M" : "0")
            guard let bytes = DiskDescription.size(size),
                description.path != nil || (1...DiskDescription.maximumInMemory).contains(bytes)
            else {
                throw disk.unacceptable("size", value: size, expected: "bytes such as \"64M\", at most 1T in memory")
            }
            description.byteCount = bytes
            controller.disks.append(description)
        }
        device.storage = controller
        diskWork.append(
            DiskWorkConfiguration(
                instance: device.instance,
                interval: max(1000, try table.durationIfPresent("work_interval") ?? 20_000_000),
                byteCount: Int(try table.integerIfPresent("work_kib", in: 4...64) ?? 16) * 1024,
                depth: Int(try table.integerIfPresent("work_depth", in: 1...64) ?? 1),
                reads: Int(try table.integerIfPresent("work_reads", in: 0...100) ?? 0)))
    }

    private mutating func addInterface(
        _ table: ConfigurationTable, _ device: inout DeviceConfiguration, guest: Int, ordinal: Int
    ) throws(ConfigurationError) {
        // 00:15:5d is Hyper-V's own prefix for the addresses that it gives.
        let hardware =
            try table.bytesIfPresent("mac", separator: ":", radix: 16, count: 6)
            ?? [0x00, 0x15, 0x5D, 0x00, UInt8(truncatingIfNeeded: guest + 1), UInt8(truncatingIfNeeded: ordinal + 1)]
        let mtu = Int(try table.integerIfPresent("mtu", in: 576...9000) ?? 1500)
        var adapter = NetworkProvider.Configuration(address: hardware)
        adapter.mtu = mtu
        adapter.maximumChannels = device.channelCount
        device.network = adapter
        var driver = NetworkConsumer.Configuration()
        driver.mtu = mtu
        driver.channels = device.channelCount
        driver.receiveBufferSize = Int(try table.integerIfPresent("receive_buffer_kib", in: 64...31744) ?? 256) * 1024
        driver.sendBufferSize = Int(try table.integerIfPresent("send_buffer_kib", in: 16...15360) ?? 64) * 1024
        driver.headerOffset = Int(try table.integerIfPresent("header_offset", in: 0...4088) ?? 0)
        let ring = Int(try table.integerIfPresent("ring_kib", in: 8...2048) ?? 64)
        guard ring % 4 == 0 else {
            throw table.unacceptable(
                "ring_kib", value: String(ring), expected: "a multiple of 4, as rings are whole pages")
        }
        drivers.append(
            DriverConfiguration(instance: device.instance, network: driver, ringPages: ring / 4))
        var targets: [[UInt8]] = []
        if table.contains("ping") {
            for element in try table.array("ping") {
                let text = try element.string()
                guard let target = ConfigurationTable.bytes(text, separator: ".", radix: 10, count: 4) else {
                    throw element.unacceptable(text, expected: "an IPv4 address such as 10.0.0.2")
                }
                targets.append(target)
            }
        }
        var sizes: [Int] = []
        if table.contains("ping_sizes") {
            for element in try table.array("ping_sizes") { sizes.append(Int(try element.integer(in: 0...8972))) }
        }
        addresses.append(
            NetworkAddress(
                hardware: hardware,
                internet: try table.bytesIfPresent("address", separator: ".", radix: 10, count: 4)
                    ?? [10, 0, 0, UInt8(truncatingIfNeeded: guest + 1)],
                pingTargets: targets,
                pingInterval: max(1000, try table.durationIfPresent("ping_interval") ?? 10_000_000),
                pingSizes: sizes, tcpPorts: Int(try table.integerIfPresent("tcp_ports", in: 0...1024) ?? 0),
                bulkFrames: Int(try table.integerIfPresent("bulk_frames", in: 0...256) ?? 0),
                bulkByteCount: Int(try table.integerIfPresent("bulk_bytes", in: 0...8972) ?? 1472)))
    }
}

extension DeviceKind {
    /// Whether it is a storage controller.
    fileprivate var isStorage: Bool { [.scsi, .ide, .fibreChannel].contains(self) }
}

extension ScenarioEvent {
    /// What can happen.
    static let words = "rescind, offer, command, move, reboot, crash, hibernate, save"

    fileprivate init(_ table: ConfigurationTable, guests: [GuestConfiguration]) throws(ConfigurationError) {
        try table.requireOnly(ScenarioSchema.event.names)
        guard let at = try table.durationIfPresent("at") else {
            throw table.unacceptable("at", value: "nothing", expected: "a time such as \"2s\"")
        }
        time = at
        let name = try table.string("guest")
        guard let index = guests.firstIndex(where: { $0.name == name }) else {
            throw table.unacceptable("guest", value: name, expected: "the name of a [[guest]]")
        }
        guest = index
        let word = try table.string("action")
        let pause = try table.durationIfPresent("for") ?? 100_000_000
        let endings: [String: Action] = [
            "reboot": .reboot, "crash": .crash, "hibernate": .hibernate(pause), "save": .saveHost(pause),
        ]
        if let ending = endings[word] {
            action = ending
            return
        }
        let device = try table.string("device")
        let devices = guests[index].host.devices
        guard let instance = devices.first(where: { $0.kind.word == device })?.instance ?? GUID(device) else {
            throw table.unacceptable("device", value: device, expected: "a device kind of that guest, or an instance")
        }
        switch word {
        case "rescind": action = .rescind(instance)
        case "offer": action = .offer(instance)
        case "command":
            let words = try table.string("command")
            guard let kind = devices.first(where: { $0.instance == instance })?.kind else {
                throw table.unacceptable("device", value: device, expected: "a device of that guest")
            }
            do {
                action = .command(
                    instance, try DeviceCommand(words.split(whereSeparator: \.isWhitespace).map(String.init), for: kind)
                )
            } catch {
                throw table.unacceptable("command", value: words, expected: error.description)
            }
        case "move":
            action = .move(
                instance, subchannel: UInt16(try table.integerIfPresent("subchannel", in: 0...1023) ?? 0),
                cpu: UInt32(try table.integer("cpu", in: 0...2047)))
        default:
            throw table.unacceptable("action", value: word, expected: "one of \(ScenarioEvent.words)")
        }
    }
}

extension ConfigurationTable {
    fileprivate func versionIfPresent(_ key: String) throws(ConfigurationError) -> ProtocolVersion? {
        guard let text = try stringIfPresent(key) else { return nil }
        guard let version = ProtocolVersion(text), ProtocolVersion.all.contains(version) else {
            let known = ProtocolVersion.all.map(\.description).joined(separator: ", ")
            throw unacceptable(key, value: text, expected: "one of \(known)")
        }
        return version
    }

    fileprivate func profileIfPresent<Profile>(
        _ key: String, _ all: [Profile], _ name: (Profile) -> String
    ) throws(ConfigurationError) -> Profile? {
        guard let text = try stringIfPresent(key) else { return nil }
        guard let profile = all.first(where: { name($0) == text }) else {
            throw unacceptable(key, value: text, expected: "one of \(all.map(name).joined(separator: ", "))")
        }
        return profile
    }

    fileprivate func guidIfPresent(_ key: String) throws(ConfigurationError) -> GUID? {
        guard let text = try stringIfPresent(key) else { return nil }
        guard let guid = GUID(text) else { throw unacceptable(key, value: text, expected: "a GUID") }
        return guid
    }

    /// The place of a word among those that are known; nil where nothing is said.
    func choiceIfPresent(_ key: String, _ known: [String]) throws(ConfigurationError) -> Int? {
        guard let word = try stringIfPresent(key) else { return nil }
        guard let index = known.firstIndex(of: word) else {
            throw unacceptable(key, value: word, expected: "one of \(known.joined(separator: ", "))")
        }
        return index
    }

    /// "250us", "5ms", "2s": nanoseconds.
    func durationIfPresent(_ key: String) throws(ConfigurationError) -> UInt64? {
        guard let text = try stringIfPresent(key) else { return nil }
        let units: [(String, UInt64)] = [("ns", 1), ("us", 1000), ("ms", 1_000_000), ("s", 1_000_000_000)]
        for (unit, factor) in units where text.hasSuffix(unit) {
            guard let number = UInt64(text.dropLast(unit.count)), number <= 1_000_000_000 else { continue }
            return number * factor
        }
        throw unacceptable(key, value: text, expected: "a whole number with ns, us, ms or s, such as \"5ms\"")
    }

    fileprivate func bytesIfPresent(
        _ key: String, separator: Character, radix: Int, count: Int
    ) throws(ConfigurationError) -> [UInt8]? {
        guard let text = try stringIfPresent(key) else { return nil }
        guard let bytes = Self.bytes(text, separator: separator, radix: radix, count: count) else {
            throw unacceptable(key, value: text, expected: "\(count) numbers joined by \"\(separator)\"")
        }
        return bytes
    }

    fileprivate static func bytes(_ text: String, separator: Character, radix: Int, count: Int) -> [UInt8]? {
        let parts = text.split(separator: separator, omittingEmptySubsequences: false)
        let bytes = parts.compactMap { UInt8($0, radix: radix) }
        return parts.count == count && bytes.count == count ? bytes : nil
    }
}
