import BusModel
import Inspector
import LinuxGuest
import Platform
import Testing
import VMBusWire

/// Samples of every format, written for these tests.
enum TextSamples {
    static let directory =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        .joined(separator: "/") + "/Fixtures/texts"

    static func bytes(_ name: String) throws -> [UInt8] {
        try SystemFiles().read("\(directory)/\(name)", limit: 1 << 20)
    }

    static func file(_ name: String) throws -> TextFile {
        try TextFile(parsing: bytes(name), name: name)
    }

    static func snapshot(_ names: String...) throws -> BusSnapshot {
        var snapshot = BusSnapshot()
        snapshot.apply(TextFileSource(try names.map(file)).batch)
        return snapshot
    }
}

@Suite struct `Texts from files` {
    static let formats: [(name: String, format: TextFormat, unknown: Int)] = [
        ("dpdk-xstats.txt", .interfaceCounters, 0), ("driverctl.txt", .driverctl, 0),
        ("ethtool.txt", .interfaceCounters, 1), ("host-session.txt", .hostSession, 0),
        ("interrupts-arm64.txt", .interrupts, 0), ("interrupts.txt", .interrupts, 0),
        ("kernel-log-syslog.txt", .kernelLog, 0), ("kernel-log.txt", .kernelLog, 0),
        ("links.txt", .pathList, 0),
        ("lsvmbus-vv.txt", .lsvmbus, 0), ("lsvmbus.txt", .lsvmbus, 0),
        ("openvmm-inspect-indented.txt", .openVMMInspect, 0),
        ("openvmm-inspect.txt", .openVMMInspect, 0),
        ("openvmm-log.txt", .openVMMLog, 0), ("perf-script.txt", .trace, 0), ("trace.txt", .trace, 1),
        ("tree.txt", .pathList, 0), ("udev-attributes.txt", .udevAttributes, 0),
        ("udev-monitor.txt", .udevMonitor, 0), ("udev-properties.txt", .udevProperties, 0),
        ("windows-names.txt", .windowsNames, 0),
    ]

    @Test func `every sample is known by its content`() throws {
        #expect(
            try SystemFiles().names(in: TextSamples.directory).sorted()
                == Self.formats.map(\.name).sorted())
        for (name, format, unknown) in Self.formats {
            let file = try TextSamples.file(name)
            #expect(file.format == format, "\(name)")
            #expect(file.unknownCount == unknown, "\(name)")
        }
        #expect(Set(Self.formats.map(\.format)).count == TextFormat.allCases.count)
    }

    private func failure(_ bytes: [UInt8]) -> TextFileError? {
        do throws(TextFileError) {
            _ = try TextFile(parsing: bytes, name: "x")
            return nil
        } catch {
            return error
        }
    }

    @Test func `what is no text of a known format says what it is`() {
        #expect(failure([]) == .empty)
        #expect(failure(Array("Dear Sir,\nnothing of it.\n".utf8)) == .unknownFormat)
        #expect(
            failure(Array("WARNING: lsvmbus not found for kernel 4.4.0-65\n".utf8)) == .lsvmbusMissing)
        #expect(failure([UInt8](repeating: 0, count: 8192)) == .ringMemory)
        #expect(failure([UInt8](repeating: 10, count: TextFile.maximumByteCount + 1)) == .tooLong)
        #expect(
            TextFileError.unknownFormat.description.hasPrefix(
                "not a format that is known; known are trace, "))
        #expect(TextFileError.ringMemory.description.contains("vmbusscope ring"))
    }

    @Test func `a trace that was cut is damaged, other programs on a console are not`() throws {
        let trace = try TextFile(
            parsing: Array("x-1 [000] ..... 1.000000: vmbus_setevent: relid 0xb\nx-1 [0".utf8), name: "t")
        #expect(trace.isCut && trace.isDamaged && trace.unknownCount == 0)
        let console = try TextFile(
            parsing: Array("[    0.100000] hv_vmbus: Vmbus version:5.3\n * Starting a daemon\n".utf8),
            name: "c")
        #expect(console.unknownCount == 1 && !console.isDamaged)
    }

    // MARK: One log

    @Test func `several texts become one log by their times`() throws {
        let source = TextFileSource(
            try ["trace.txt", "kernel-log.txt", "lsvmbus-vv.txt"].map(TextSamples.file))
        #expect(
            source.title
                == "trace.txt (trace), kernel-log.txt (kernel log), lsvmbus-vv.txt (lsvmbus listing)")
        let times = source.batch.headers.map(\.time)
        #expect(times == times.sorted())
        #expect(
            source.batch.headers.map(\.sequence) == (1...UInt64(source.batch.headers.count)).map { $0 })
        let kinds = Set(source.batch.headers.map(\.kind))
        #expect(kinds == [.state, .note, .trace, .kernelLog, .gap])
        let notes = source.batch.headers.filter { $0.kind == .note }.map {
            String(decoding: source.batch.payload(of: $0), as: UTF8.self)
        }
        #expect(notes.contains("trace.txt: trace, 1 line not understood"))
        #expect(notes.contains("the kernel's clock starts again: what follows is another boot"))
    }

    @Test func `an event that names its channel by number gets the device that a listing tells`()
        throws
    {
        let source = TextFileSource(try ["trace.txt", "lsvmbus-vv.txt"].map(TextSamples.file))
        let sent = source.batch.headers.filter { $0.kind == .trace && $0.relid == 11 }
        #expect(!sent.isEmpty)
        #expect(sent.allSatisfy { $0.device.description == "02155d00-0b01-0215-5d00-0b0102155d00" })
        let released = source.batch.headers.last { $0.relid == 0x33 }
        #expect(released?.device == .zero)
    }

    @Test func `the source tells everything once`() throws {
        var source = TextFileSource([try TextSamples.file("lsvmbus.txt")])
        #expect(source.capabilities.kind == .file)
        let first = try source.advance(.steps(0))
        #expect(first == source.batch)
        #expect(try source.advance(.steps(1)).isEmpty)
    }

    @Test func `the kernel log becomes evidence, devices and records`() throws {
        let guest = try #require(try TextSamples.snapshot("kernel-log.txt").partition(1))
        #expect(guest.version.value?.rawValue == 0x5_0002)
        #expect(guest.connection.value == .connected)
        #expect(guest.kernelRelease.value == "6.8.0-1029-sample")
        #expect(guest.evidence.text(.loggedVersion) == "5.2")
        #expect(guest.evidence.text(.hypervisorBuild) == "10.0.26100.4652-1-0")
        #expect(guest.evidence.number(.hypervisorPrivileges) == 0x3b8030_0000_ae7f)
        #expect(guest.evidence.number(.hypervisorHints) == 0x140c2c)
        #expect(guest.evidence.number(.hypervisorFeatures) == 0xe0be_d7b2)
        #expect(guest.devices.count == 3)
        let nic = guest.devices.first { $0.kernel.net == ["eth0"] }
        #expect(nic?.driver.value == "hv_netvsc")
        #expect(nic?.deviceClass.kind == .network)
    }

    @Test(arguments: [
        ("00000000-0001-8899-0000-000000000000", DeviceKind.ide), ("f8b3781a-1e82-4818-a1c3-63d806ec15bb", .scsi),
    ])
    func `a line of the storage driver tells the class by the instance`(_ instance: String, _ kind: DeviceKind) throws {
        let line = "[    2.000000] hv_storvsc \(instance): tag#1 cmd 0x2a status: scsi 0x2 srb 0x4 hv 0xc0000001\n"
        var snapshot = BusSnapshot()
        snapshot.apply(TextFileSource([try TextFile(parsing: Array(line.utf8), name: "x")]).batch)
        let device = try #require(snapshot.partition(1)?.devices.first)
        #expect(device.driver.value == "hv_storvsc")
        #expect(device.deviceClass.kind == kind)
    }

    @Test func `the doctor dates lines of a second boot by their places in the text`() throws {
        let text = """
            [  500.000000] hv_vmbus: Vmbus version:5.3
            [   10.000000] hv_vmbus: Vmbus version:5.3
            [   12.000000] hv_balloon: hot_add memory failed error is -12
            [   20.000000] hv_balloon: hot_add memory failed error is -12
            """
        var source = TextFileSource([try TextFile(parsing: Array(text.utf8), name: "x")])
        var state = InspectorState(capabilities: source.capabilities, title: "x")
        state.ingest(try source.advance(.steps(0)))
        let finding = try #require(state.diagnosed().findings.first { $0.rule == "hot-add-failed" })
        #expect(finding.since == 512_000_000_000)
    }

    @Test func `a log of another machine says that it proves nothing`() throws {
        let file = try TextFile(
            parsing: Array("[    7.844806] hv_vmbus: registering driver hv_storvsc\n".utf8), name: "x")
        let words = file.records.headers.filter { $0.kind == .note }.map {
            String(decoding: file.records.payload(of: $0), as: UTF8.self)
        }
        #expect(
            words == [
                "no line proves a guest of Hyper-V: other machines' kernels register its drivers as well"
            ])
        var snapshot = BusSnapshot()
        snapshot.apply(TextFileSource([file]).batch)
        #expect(snapshot.partition(1)?.connection.value == nil)
    }

    // MARK: Listings

    @Test func `lsvmbus names the primary by the device's number`() throws {
        let guest = try #require(try TextSamples.snapshot("lsvmbus-vv.txt").partition(1))
        #expect(guest.devices.count == 2)
        #expect(guest.devices.first?.channels.map(\.relid) == [11, 9, 19])
        #expect(guest.devices.first?.channels.map(\.cpu.value) == [0, 1, 3])
        #expect(guest.devices.last?.channels.isEmpty == true)
        let plain = try #require(try TextSamples.snapshot("lsvmbus.txt").partition(1))
        #expect(plain.devices.map(\.name) == ["VMBUS ID 1", "VMBUS ID 2", "VMBUS ID 11"])
        #expect(plain.devices.map(\.deviceClass.kind) == [.balloon, .unknown, .network])
    }

    @Test func `driverctl tells drivers and devices without one`() throws {
        let guest = try #require(try TextSamples.snapshot("driverctl.txt").partition(1))
        #expect(guest.devices.map(\.driver.value) == ["hv_balloon", nil, "hv_netvsc"])
    }

    @Test(
        arguments: [
            ("hv_util (Microsoft Hyper-V Data Exchange)", .keyValueExchange),
            ("hv_util (Microsoft Hyper-V Backup/Restore)", .backup),
            ("hv_util (Microsoft Hyper-V Time Sync)", .timeSync),
            ("(none) (Microsoft Hyper-V Virtual Machine Activation)", .activation),
            ("hv_netvsc (Microsoft Hyper-V Video)", .network), ("hv_util (something new)", .unknown),
        ] as [(String, DeviceKind)])
    func `driverctl's long names tell the class where the driver does not`(line: String, kind: DeviceKind) throws {
        let text = "242ff919-07db-4180-9c2e-b86cb68c8c55 \(line)\n"
        let file = TextFile(parsing: Array(text.utf8), name: "x", as: .driverctl)
        #expect(Self.snapshot([file]).partition(1)?.devices.first?.deviceClass.kind == kind)
    }

    @Test func `a class that is written to a driver's file is no device`() throws {
        let text = """
            echo "f8615163-df3e-46c5-913f-f2d2f965ed0e" > /sys/bus/vmbus/drivers/uio_hv_generic/new_id
            echo 02155d00-0001-0215-5d00-000102155d00 > /sys/bus/vmbus/drivers/hv_netvsc/unbind

            """
        let file = TextFile(parsing: Array(text.utf8), name: "x", as: .pathList)
        let guest = try #require(Self.snapshot([file]).partition(1))
        #expect(guest.devices.map(\.name) == ["02155d00-0001-0215-5d00-000102155d00"])
    }

    // MARK: Several texts of one guest

    private static func snapshot(_ files: [TextFile]) -> BusSnapshot {
        var snapshot = BusSnapshot()
        snapshot.apply(TextFileSource(files).batch)
        return snapshot
    }

    private static func text(_ format: TextFormat, _ text: String, name: String = "x") -> TextFile {
        TextFile(parsing: Array(text.utf8), name: name, as: format)
    }

    private static let oldLog = text(
        .kernelLog,
        "[    2.400000] hv_netvsc vmbus_11 eth0: VF up: eth1\n[    2.500000] hv_netvsc vmbus_7: Ring buffer full\n")

    @Test func `lines of old kernels belong to the device by its old name`() throws {
        let guest = try #require(Self.snapshot([Self.oldLog]).partition(1))
        #expect(guest.devices.map(\.name) == ["vmbus_11", "vmbus_7"])
        #expect(guest.devices.first?.deviceClass.kind == .network)
        #expect(guest.devices.first?.kernel.net == ["eth0"])
    }

    @Test func `a listing that has both names of a device joins the log's lines to it`() throws {
        let instance = "02155d00-0b01-0215-5d00-0b0102155d00"
        let listing = Self.text(
            .lsvmbus,
            """
            VMBUS ID 11: Class_ID = {f8615163-df3e-46c5-913f-f2d2f965ed0e} - Synthetic network adapter
            \tDevice_ID = {\(instance)}
            \tSysfs path: /sys/bus/vmbus/devices/vmbus_11
            \tRel_ID=11, target_cpu=0

            """)
        let source = TextFileSource([Self.oldLog, listing])
        let logged = source.batch.headers.filter { $0.kind == .kernelLog }
        #expect(logged.first?.device == GUID(instance))
        let guest = try #require(Self.snapshot([Self.oldLog, listing]).partition(1))
        #expect(guest.devices.count == 2)
        #expect(guest.devices.first { $0.instance == GUID(instance) }?.kernel.net == ["eth0"])
    }

    private static let twoAdapters = """
        [    1.000000] hv_netvsc 02155d00-0b01-0215-5d00-0b0102155d00 eth0: VF slot 1 added
        [    1.000000] hv_netvsc 02155d00-0b02-0215-5d00-0b0202155d00 eth1: VF slot 2 added

        """
    private static let counters = "NIC statistics:\n     tx_busy: 7\n     tx_queue_0_packets: 9\n"

    @Test(
        arguments: [
            ("ethtool-S-eth1.txt", twoAdapters, "02155d00-0b02-0215-5d00-0b0202155d00"),
            ("ethtool.txt", String(twoAdapters.prefix { $0 != "\n" }), "02155d00-0b01-0215-5d00-0b0102155d00"),
            ("ethtool.txt", twoAdapters, nil), ("ethtool-S-eth10.txt", twoAdapters, nil),
        ] as [(String, String, String?)])
    func `counters belong to the interface that the file is named by, or to the only one`(
        name: String, log: String, instance: String?
    ) throws {
        let files = [Self.text(.interfaceCounters, Self.counters, name: name), Self.text(.kernelLog, log)]
        let guest = try #require(Self.snapshot(files).partition(1))
        let device = try #require(guest.devices.first { $0.evidence.text(.interfaceCounters) != nil })
        #expect(device.evidence.counters(.interfaceCounters) == [NamedCount("tx_busy", 7)])
        #expect(device.evidence.counters(.queueCounters) == [NamedCount("tx_queue_0_packets", 9)])
        #expect((device.name == "network interface") == (instance == nil))
        if let instance { #expect(device.instance == GUID(instance)) }
    }

    @Test func `an attribute walk tells the device and its channels, not what hangs on it`() throws {
        let guest = try #require(try TextSamples.snapshot("udev-attributes.txt").partition(1))
        let device = try #require(guest.devices.first)
        #expect(guest.devices.count == 1)
        #expect(device.state.value == 3)
        #expect(device.numaNode.value == -1)
        #expect(device.channels.map(\.relid) == [11, 19])
        let primary = device.channels[0]
        #expect(primary.phase.value == .open)
        #expect(primary.inbound.size.value == 258_048)
        #expect(primary.inbound.used.value == 16)
        #expect(primary.outbound.used.value == 48)
        #expect(primary.inbound.writeIndex.value == 720)
        #expect(primary.monitorID.value == 3)
        #expect(primary.outFullFirst.value == 1)
        #expect(device.channels[1].phase.value == .closed)
        #expect(device.channels[1].inbound.size.value == nil)
    }

    @Test func `properties tell class and driver`() throws {
        let device = try TextSamples.snapshot("udev-properties.txt").partition(1)?.devices.first
        #expect(device?.driver.value == "hid_hyperv")
        #expect(device?.deviceClass.kind == .mouse)
    }

    @Test func `a monitor tells what came and went, once`() throws {
        let file = try TextSamples.file("udev-monitor.txt")
        let codes = file.records.headers.filter { $0.kind == .state }.map {
            StateCode(rawValue: $0.code)
        }
        #expect(codes == [.appeared, .appeared, .removed, .removed])
        #expect(file.records.headers.first?.time == 4_572_749_249_000)
        let notes = file.records.headers.filter { $0.kind == .note }.map {
            String(decoding: file.records.payload(of: $0), as: UTF8.self)
        }
        #expect(notes.last == "a channel went that is not known: /channels/44")
    }

    @Test func `interrupts tell the bus's by processor, and a channel's where each has its own`()
        throws
    {
        let guest = try #require(try TextSamples.snapshot("interrupts.txt").partition(1))
        #expect(guest.evidence.text(.processorInterrupts) == "cpu0=39007 cpu1=0 cpu6=11")
        #expect(guest.devices.map(\.deviceClass.kind) == [.heartbeat, .scsi])
        #expect(guest.devices.first?.channels.first?.relid == 7)
        #expect(guest.devices.first?.channels.first?.interrupts.value == 16843)
        let arm = try #require(try TextSamples.snapshot("interrupts-arm64.txt").partition(1))
        #expect(
            arm.evidence.text(.processorInterrupts) == "cpu0=55123 cpu1=40211 cpu2=38877 cpu3=41020")
        let bare = try TextFile(
            parsing: Array("  CPU0\n HYP:   0   Hypervisor callback interrupts\n".utf8), name: "x")
        #expect(bare.records.isEmpty)
    }

    @Test func `counters of an interface are those of all and those of queues`() throws {
        let device = try TextSamples.snapshot("ethtool.txt").partition(1)?.devices.first
        #expect(
            device?.evidence.text(.interfaceCounters)
                == "tx_scattered=0 tx_send_full=4 vf_rx_packets=6623621")
        #expect(device?.evidence.counters(.queueCounters).count == 3)
        let dpdk = try TextSamples.snapshot("dpdk-xstats.txt").partition(1)?.devices.first
        #expect(dpdk?.evidence.text(.queueCounters) == "tx_q0_good_packets=5 tx_q0_ring_full=2")
    }

    @Test func `OpenVMM's trees give channels with their states`() throws {
        let device = try TextSamples.snapshot("openvmm-inspect.txt").partition(1)?.devices.first
        #expect(device?.deviceClass.kind == .scsi)
        #expect(device?.channels.map(\.relid) == [3, 7])
        #expect(device?.channels.map(\.phase.value) == [.open, .closed])
        #expect(device?.channels.first?.inbound.size.value == 0x1f000)
        let indented = try TextSamples.snapshot("openvmm-inspect-indented.txt").partition(1)
        #expect(
            indented?.devices.map(\.instance.description) == ["ba6163d9-04a1-4d29-b605-72e2ffb1dc7f"])
        let log = try TextSamples.snapshot("openvmm-log.txt").partition(1)
        #expect(log?.devices.first?.deviceClass.kind == .network)
    }

    @Test func `Windows' names give classes and instances in either case`() throws {
        let devices = try TextSamples.snapshot("windows-names.txt").partition(1)?.devices ?? []
        #expect(devices.map(\.deviceClass.kind) == [.video, .keyboard, .scsi, .sharedFolders])
        #expect(devices[2].instance.description == "0a1b2c3d-0a1b-4a1b-8a1b-0a1b2c3d4e5f")
    }

    @Test func `paths tell what hangs on a device`() throws {
        let devices = try TextSamples.snapshot("links.txt").partition(1)?.devices ?? []
        #expect(devices.map(\.kernel.net) == [["enP1"], ["eth0"], []])
        #expect(devices.first?.kernel.pci == ["2f81:00:02.0"])
        #expect(devices.last?.name == "vmbus_2")
        #expect(devices.last?.kernel.scsiHost == "host0")
        #expect(devices.last?.kernel.block == ["sda"])
        #expect(
            try TextSamples.snapshot("tree.txt").partition(1)?.devices.first?.channels.map(\.relid) == [
                11, 19,
            ])
    }

    @Test func `a host's log has the messages that it wrote out`() throws {
        let file = try TextSamples.file("host-session.txt")
        let messages = file.records.headers.filter { $0.kind == .message }
        #expect(messages.map { MessageType(rawValue: $0.code) } == [.initiateContact, .relidReleased])
        #expect(messages.first?.time == 8_905_000_000)
        let contact = try ChannelMessage.decode(
            Array(file.records.payload(of: try #require(messages.first))))
        guard case .initiateContact(let body) = contact else {
            Issue.record("expected a contact")
            return
        }
        #expect(body.version.rawValue == 0x5_0003)
    }

    // MARK: Hostile texts

    @Test(arguments: TextFormat.allCases)
    func `bytes that are no text of the format are counted and do no harm`(_ format: TextFormat) {
        for text in [
            "", "\n", "\u{0}\u{0}", "[[[[[[", "::::", "{{{{{{{{\n}}}}}}}}", "\u{1B}[31m", "VMBUS ID ",
            "looking at '",
            "KERNEL[1.000000]", "key={", "99999999999999999999999999.000000",
            "a: 99999999999999999999999",
        ] {
            let file = TextFile(
                parsing: Array(String(repeating: text + "\n", count: 50).utf8), name: "x", as: format)
            #expect(file.unknownCount <= 150)
        }
    }

    @Test func `nothing from a text can steer the terminal`() throws {
        let attack = "\u{1B}]0;x\u{7}\u{202E}"
        let texts = [
            "[    1.000000] hv_vmbus: \(attack)", "VMBUS ID  1: \(attack)",
            "x\(attack)-1 [000] 1.000000: vmbus_\(attack): \(attack)",
            "x-1 [000] ..... 1.000000: sched_waking: \(attack)",
            "1eccfd72-4b41-45ef-b73a-4a6e44c12924 \(attack)",
            "   0.062214600s  INFO \(attack)", #"\Hyper-V "# + attack,
            "lrwxrwxrwx 1 r r 0 x -> /VMBUS/vmbus_1/net/\(attack)",
        ]
        for text in texts {
            for format in TextFormat.allCases {
                let batch = TextFileSource([TextFile(parsing: Array(text.utf8), name: attack, as: format)])
                    .batch
                for header in batch.headers where header.kind == .note || header.kind == .gap {
                    let words = String(decoding: batch.payload(of: header), as: UTF8.self)
                    #expect(PrintableText.harmless(words) == words)
                }
                var snapshot = BusSnapshot()
                snapshot.apply(batch)
                for device in snapshot.partition(1)?.devices ?? [] {
                    let words = device.name + device.kernel.all.joined() + (device.driver.value ?? "")
                    #expect(PrintableText.harmless(words) == words)
                }
            }
        }
    }
}
