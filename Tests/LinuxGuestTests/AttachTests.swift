import Platform
import Testing
import VMBusWire

@testable import LinuxGuest

@Suite struct `Taking a device over` {
    private static let heartbeat = "fd149e91-82e0-4a7d-afa6-2a4166cbd7c0"
    private static let heartbeatClass = "57164f39-9115-4e78-ab55-382f3bd5422d"
    private static let scsi = "ba6163d9-04a1-4d29-b605-72e2ffb1dc7f"
    private static let balloonClass = "525074dc-8985-46e2-8057-a307dc18a502"
    private static let drivers = "/sys/bus/vmbus/drivers/"

    /// A guest with an interface eth1, a heartbeat and whatever `more` adds.
    private static func guest(_ more: (InjectedFiles) -> Void = { _ in }) -> InjectedFiles {
        let files = SampleGuest.files()
        files.put("/sys/class/net/eth1", .link("../../devices/VMBUS:00/\(SampleGuest.instance)/net/eth1"))
        files.put(SampleGuest.device + "/driver_override", "(null)")
        SampleGuest.addDevice(to: files, name: heartbeat, classID: heartbeatClass, relids: [5])
        files.put(SampleGuest.bus + heartbeat + "/driver", .link("../../../../bus/vmbus/drivers/hv_utils"))
        files.put(SampleGuest.bus + heartbeat + "/driver_override", "(null)")
        files.put("/proc/net/route", "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT")
        more(files)
        return files
    }

    private static func find(_ word: String, _ files: InjectedFiles) -> Result<SpareDevice, ChangeRefusal> {
        Result { () throws(ChangeRefusal) in try SpareDevice.find(word, files) }
    }

    @Test(arguments: ["eth1", "309d", "309D6B79", SampleGuest.instance, "{\(SampleGuest.instance)}"])
    func `a device is found by its interface and by how its instance begins`(_ word: String) throws {
        let device = try Self.find(word, Self.guest()).get()
        #expect(device.name == SampleGuest.instance && device.kind == .network)
        #expect(device.driver == "hv_netvsc" && device.onlyDriver == "" && device.isOpen)
        #expect(device.confirmation == "309d6b79")
    }

    @Test(arguments: ["eth2", "309", "", "abcdef", "/dev/uio0"]) func `what is not there is not found`(_ word: String) {
        guard case .failure(let refusal) = Self.find(word, Self.guest()) else { return #expect(Bool(false), "found") }
        #expect(refusal.description.hasPrefix("no device '\(word)' on the bus") && !refusal.isPermission)
    }

    @Test func `a beginning that fits two devices is refused with both`() {
        let other = "309d6b79-965e-4a32-9ae4-000000000000"
        let files = Self.guest { SampleGuest.addDevice(to: $0, name: other) }
        guard case .failure(let refusal) = Self.find("309d6b79", files) else { return #expect(Bool(false), "found") }
        #expect(refusal.description.contains(other) && refusal.description.contains(SampleGuest.instance))
    }

    @Test func `a node finds its device`() throws {
        let files = Self.guest {
            $0.put(SampleGuest.device + "/uio/uio3/name", "uio_hv_generic")
            $0.put(SampleGuest.device + "/driver", .link("../drivers/uio_hv_generic"))
        }
        let device = try Self.find("/dev/uio3", files).get()
        #expect(device.name == SampleGuest.instance && device.node == "/dev/uio3")
        let plan = AttachPlan(device, hasDriver: true)
        #expect(plan.begin.isEmpty && plan.end == nil && plan.notes.count == 1)
    }

    // MARK: The writes

    @Test func `the writes go to the override, the old driver and the new one, and back in turn`() throws {
        let device = try Self.find("eth1", Self.guest()).get()
        let plan = AttachPlan(device, hasDriver: true)
        let name = SampleGuest.instance
        #expect(
            plan.begin.map(\.description) == [
                "echo uio_hv_generic > \(SampleGuest.device)/driver_override",
                "echo \(name) > \(Self.drivers)hv_netvsc/unbind", "echo \(name) > \(Self.drivers)uio_hv_generic/bind",
            ])
        let end = try #require(plan.end)
        #expect(
            end.writes.map(\.description) == [
                "echo \(name) > \(Self.drivers)uio_hv_generic/unbind", "echo > \(SampleGuest.device)/driver_override",
                "echo \(name) > \(Self.drivers)hv_netvsc/bind",
            ])
        #expect(end.goal == .driver(device: SampleGuest.device, name: "hv_netvsc"))
    }

    @Test func `an override that somebody has set comes back`() throws {
        let files = Self.guest { $0.put(SampleGuest.device + "/driver_override", "hv_netvsc") }
        let plan = AttachPlan(try Self.find("eth1", files).get(), hasDriver: true)
        #expect(plan.end?.writes[1].description == "echo hv_netvsc > \(SampleGuest.device)/driver_override")
    }

    @Test func `a device without a driver has none again`() throws {
        let files = Self.guest { $0.remove(SampleGuest.device + "/driver") }
        let plan = AttachPlan(try Self.find("309d6b79", files).get(), hasDriver: true)
        #expect(plan.begin.count == 2 && !plan.begin.contains { $0.description.contains("hv_netvsc") })
        #expect(plan.end?.goal == .driver(device: SampleGuest.device, name: nil))
        #expect(plan.end?.writes.count == 2)
    }

    @Test func `an old kernel is told the class, and the module is loaded and unloaded where it is missing`() throws {
        let files = Self.guest { $0.remove(SampleGuest.device + "/driver_override") }
        let plan = AttachPlan(try Self.find("eth1", files).get(), hasDriver: false)
        #expect(plan.begin.first == .load(module: "uio_hv_generic"))
        #expect(plan.end?.writes.last == .unload(module: "uio_hv_generic"))
        let newID = "echo \(SampleGuest.network) > \(Self.drivers)uio_hv_generic/new_id"
        #expect(plan.begin.contains { $0.description == newID })
        #expect(plan.end?.writes.first?.description == newID.replacingLast("new_id", "remove_id"))
        #expect(plan.notes.count == 2)
    }

    @Test func `names that a shell or the kernel would read otherwise are no devices`() {
        let files = Self.guest { SampleGuest.addDevice(to: $0, name: "evil name", classID: Self.heartbeatClass) }
        files.put(SampleGuest.bus + "evil name/device_id", "{11111111-0000-0000-0000-000000000000}")
        guard case .failure = Self.find("11111111", files) else { return #expect(Bool(false), "found") }
    }

    // MARK: Refusals

    private static func reasons(
        _ word: String, _ files: InjectedFiles, connection: String? = nil, accepts: Bool = false
    ) throws -> [String] {
        AttachRefusals(try find(word, files).get(), files, connection: connection, acceptsHostAction: accepts).reasons
    }

    private static let defaultRoute = "eth1\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0"
    private static let nearRoute = "eth1\t0000000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0"

    @Test func `a spare interface is not refused`() throws {
        #expect(try Self.reasons("eth1", Self.guest()).isEmpty)
    }

    @Test func `the default route is refused, also through a bond`() throws {
        let direct = Self.guest { $0.put("/proc/net/route", Self.defaultRoute) }
        #expect(try Self.reasons("eth1", direct) == ["eth1 carries the default route"])
        let bonded = Self.guest {
            $0.put("/proc/net/route", Self.defaultRoute.replacingLast("eth1", "bond0"))
            $0.put("/sys/class/net/bond0/lower_eth1/address", "x")
        }
        #expect(try Self.reasons("eth1", bonded) == ["eth1 carries the default route"])
    }

    @Test func `an interface is refused where the routes cannot be read`() throws {
        let files = Self.guest { $0.remove("/proc/net/route") }
        #expect(try Self.reasons("eth1", files).count == 1)
    }

    @Test(arguments: [
        ("10.0.0.7 51000 10.0.0.1 22", true), ("::ffff:10.0.0.7 51000 ::1 22", true), ("192.168.1.1 1 2 22", nil),
        ("fe80::1%eth1 51000 fe80::2 22", true), ("2001:db8::5 1 2 22", nil),
    ]) func `the way to the ssh peer is refused`(_ connection: String, _ isThere: Bool?) throws {
        let files = Self.guest {
            $0.put("/proc/net/route", Self.nearRoute)
            $0.put(
                "/proc/net/ipv6_route",
                "fe800000000000000000000000000000 40 00000000000000000000000000000000 00 "
                    + "00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth1")
        }
        let reasons = try Self.reasons("eth1", files, connection: connection)
        #expect(reasons.count == 1)
        let expected = isThere == true ? "eth1 carries your ssh" : "the routes do not tell"
        #expect(reasons.first?.hasPrefix(expected) == true, "\(reasons)")
    }

    @Test func `the longest prefix tells the way to the peer`() throws {
        let files = Self.guest {
            $0.put(
                "/proc/net/route",
                .text("\(Self.defaultRoute.replacingLast("eth1", "eth0"))\n\(Self.nearRoute)\n"))
        }
        #expect(try Self.reasons("eth1", files, connection: "10.0.1.7 1 2 22").isEmpty)
        #expect(try Self.reasons("eth1", files, connection: "10.0.0.7 1 2 22").count == 1)
    }

    @Test func `a heartbeat needs a word more`() throws {
        #expect(try Self.reasons("fd149e91", Self.guest()).count == 1)
        #expect(try Self.reasons("fd149e91", Self.guest(), accepts: true).isEmpty)
    }

    @Test func `a mounted file system and swap are refused`() throws {
        let files = Self.guest {
            SampleGuest.addDevice(to: $0, name: "f8b3781a-1e82-4818-a1c3-63d806ec15bb", classID: Self.scsi, relids: [9])
            let place = "../../devices/VMBUS:00/f8b3781a-1e82-4818-a1c3-63d806ec15bb/host0/block"
            $0.put("/sys/block/sda", .link("\(place)/sda"))
            $0.put("/sys/class/block/sda", .link("\(place)/sda"))
            $0.put("/proc/self/mountinfo", "36 35 8:0 / /srv rw,relatime shared:1 - ext4 /dev/sda rw")
            $0.put("/sys/dev/block/8:0", .link("../../block/sda"))
            $0.put(
                "/proc/swaps", .text("Filename Type Size Used Priority\n/dev/sda partition 1024 0 -2\n"))
        }
        #expect(try Self.reasons("f8b3781a", files) == ["sda carries /srv", "sda carries swap"])
    }

    @Test(arguments: [("0", 0), ("512", 1), ("", 1)]) func `a balloon that holds memory is refused`(
        _ pages: String, _ count: Int
    ) throws {
        let files = Self.guest {
            SampleGuest.addDevice(
                to: $0, name: "1eccfd72-4b41-45ef-b73a-4a6e44c12924", classID: Self.balloonClass, relids: [9])
            $0.put(
                SampleGuest.bus + "1eccfd72-4b41-45ef-b73a-4a6e44c12924/driver", .link("../drivers/hv_balloon"))
            if !pages.isEmpty { $0.put("/sys/kernel/debug/hv-balloon", "pages_ballooned       : \(pages)") }
        }
        #expect(try Self.reasons("1eccfd72", files).count == count)
    }

    @Test func `a node that somebody has open is refused`() throws {
        let files = Self.guest { $0.put(SampleGuest.device + "/driver", .link("../drivers/uio_hv_generic")) }
        #expect(try Self.reasons("eth1", files).first?.hasPrefix("another program has") == true)
    }

    // MARK: Taking it back

    @Test func `what undoes a plan travels as text`() throws {
        for file in [nil, "driver", "driver_override"] {
            let files = Self.guest { if let file { $0.remove(SampleGuest.device + "/" + file) } }
            let end = try #require(AttachPlan(try Self.find("309d6b79", files).get(), hasDriver: false).end)
            #expect(Undoing(encoded: Array(end.encoded.utf8)) == end)
        }
        let move = Undoing([.line("1", path: "/sys/x/cpu")], goal: .contents(path: "/sys/x/cpu", text: "1"))
        #expect(Undoing(encoded: Array(move.encoded.utf8)) == move)
    }

    @Test(arguments: ["", "driver", "line\t/a\tb\n", "driver\ta\tb\nrun\ta\tb\n", "driver\ta\tb\tc\n"])
    func `text that is no undoing does nothing`(_ text: String) {
        #expect(Undoing(encoded: Array(text.utf8)) == nil)
    }

    // MARK: Real trees

    @Test(.enabled(if: SharedFixtures.directory != nil, "\(SharedFixtures.absence)"))
    func `every device of a recorded guest has a way there and back`() throws {
        try SharedFixtures.withUnpacked("trees/b-azure-d16s-gen2.tar.xz") { place in
            let files = SystemFiles(sysroot: place)
            let names = try files.names(in: "/sys/bus/vmbus/devices")
            #expect(names.count == 12)
            for name in names {
                let device = try SpareDevice.find(name, files)
                let plan = AttachPlan(device, hasDriver: AttachPlan.hasDriver(files))
                let end = try #require(plan.end)
                #expect(plan.begin.first == .load(module: "uio_hv_generic"))
                #expect(end.goal == .driver(device: device.directory, name: device.driver))
            }
            let network = try SpareDevice.find("eth0", files)
            let reasons = AttachRefusals(network, files, connection: nil, acceptsHostAction: false).reasons
            #expect(network.kind == .network && reasons.count == 1, "\(reasons)")
        }
    }
}

extension String {
    fileprivate func replacingLast(_ old: String, _ new: String) -> String {
        guard let place = ranges(of: old).last else { return self }
        return replacingSubrange(place, with: new)
    }

    private func replacingSubrange(_ range: Range<Index>, with text: String) -> String {
        var result = self
        result.replaceSubrange(range, with: text)
        return result
    }
}
