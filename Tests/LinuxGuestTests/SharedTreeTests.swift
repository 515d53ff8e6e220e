import FoundationEssentials
import LinuxGuest
import Platform
import Testing
import VMBusWire

/// What the generator of the trees knows of them.
private struct Facts: Decodable {
    struct Device: Decodable {
        let name: String
        let instance: String
        let class_id: String
        let class_name: String
        let kind: String
        let driver: String?
        let relid: UInt32
        let state: Int32
        let opened: Bool
        let net: String?
        let vf: String?
        let host: String?
        let channels: [Channel]
    }

    struct Channel: Decodable {
        let relid: UInt32
        let subchannel_id: UInt32
        let cpu: UInt32
        let interrupts: UInt64
        let events: UInt64
        let intr_in_full: UInt64
        let intr_out_empty: UInt64
        let out_full_first: UInt64
        let out_full_total: UInt64
        let monitor_id: UInt32?
        let latency: UInt32
        let pending: UInt32
        let in_size: UInt64?
        let out_size: UInt64?
        let in_mask: UInt32?
        let out_mask: UInt32?
        let read_avail: UInt64?
        let write_avail: UInt64?
    }

    let devices: [Device]
    let read_errors: [String: String]
}

/// The document of `ls --json`.
private struct Document: Decodable {
    struct Bus: Decodable { let available: Bool }
    struct Problem: Decodable, Equatable {
        let path: String
        let error: String
    }
    struct Names: Decodable {
        let net: [String]
        let scsi_host: String?
        let block: [String]
        let pci: [String]
    }
    struct Ring: Decodable {
        let size_bytes: UInt64?
        let size_source: String?
        let used_bytes: UInt64?
        let masked: Bool?
    }
    struct Device: Decodable {
        let name: String
        let instance_id: String?
        let class_id: String?
        let `class`: String
        let class_name: String?
        let relid: UInt32?
        let state: Int32?
        let opened: Bool?
        let driver: String?
        let kernel: Names
        let channels: [Channel]
        let problems: [Problem]
    }
    struct Channel: Decodable {
        let relid: UInt32
        let subchannel_id: UInt32?
        let cpu: UInt32?
        let opened: Bool?
        let `in`: Ring
        let out: Ring
        let interrupts: UInt64?
        let events: UInt64?
        let intr_in_full: UInt64?
        let intr_out_empty: UInt64?
        let out_full_first: UInt64?
        let out_full_total: UInt64?
        let monitor_id: UInt32?
        let latency_100ns: UInt32?
        let group_pending: UInt32?
    }

    let schema: String
    let source: String
    let bus: Bus
    let devices: [Device]
    let problems: [Problem]
}

@Suite(.serialized, .enabled(if: SharedFixtures.directory != nil, Comment(rawValue: SharedFixtures.absence)))
struct `Shared trees` {
    private static let words = [
        "net": "network", "sock": "hvsock", "dxg-global": "dxg_global", "dxg-vgpu": "dxg_vgpu", "avma2": "avma",
    ]

    @Test(arguments: ["a-wsl2", "b-azure-d16s-gen2", "c-extreme-128cpu"])
    func `agrees with the facts of a generated tree`(_ name: String) throws {
        let facts = try JSONDecoder().decode(Facts.self, from: Data(SharedFixtures.contents("trees/\(name).json")))
        try SharedFixtures.withUnpacked("trees/\(name).tar.xz") { place in
            let tree = SystemFiles(sysroot: place)
            compare(SampleGuest.scan(tree), with: facts, symbol: "EMPTY")
            // The same as the live kernel would have answered.
            let refused = facts.read_errors.compactMapValues { TextTree.errors[$0] }
            #expect(refused.count == facts.read_errors.count)
            compare(SampleGuest.scan(RefusingFiles(tree: tree, refused: refused)), with: facts, symbol: "EINVAL")
            let listing = String(decoding: try SharedFixtures.contents("trees/\(name).lsvmbus-vv.txt"), as: UTF8.self)
            #expect(LsvmbusListing.text(SampleGuest.scan(tree), detail: .full) == listing)
        }
    }

    private func compare(_ scan: GuestScan, with facts: Facts, symbol: String) {
        let bytes = ListingJSON.document(scan, source: .tree)
        guard let document = try? JSONDecoder().decode(Document.self, from: Data(bytes)) else {
            Issue.record("our own JSON cannot be decoded")
            return
        }
        #expect(document.schema == "vmbusscope.ls/1" && document.source == "tree" && document.bus.available)
        #expect(document.problems == [])
        #expect(document.devices.map(\.name) == facts.devices.map(\.name))
        for (device, fact) in zip(document.devices, facts.devices) {
            #expect(device.instance_id == fact.instance)
            #expect(device.class_id == fact.class_id)
            #expect(device.class_name == fact.class_name)
            #expect(device.class == Self.words[fact.kind] ?? fact.kind)
            #expect(device.driver == fact.driver)
            #expect(device.relid == fact.relid)
            #expect(device.state == fact.state)
            #expect(device.opened == fact.opened)
            #expect(device.kernel.net == [fact.net ?? fact.vf].compactMap { $0 })
            #expect(device.kernel.scsi_host == fact.host)
            #expect(device.kernel.pci.count == (fact.kind == "pci" ? 1 : 0))
            #expect(device.channels.map(\.relid) == fact.channels.map(\.relid))
            let closed = fact.channels.filter { $0.in_mask == nil }
            #expect(
                device.problems
                    == closed.flatMap { channel in
                        ["in_mask", "out_mask", "read_avail", "write_avail"].map {
                            Document.Problem(path: "channels/\(channel.relid)/\($0)", error: symbol)
                        }
                    })
            for (channel, fact) in zip(device.channels, fact.channels) { compare(channel, with: fact) }
        }
    }

    private func compare(_ channel: Document.Channel, with fact: Facts.Channel) {
        #expect(channel.subchannel_id == fact.subchannel_id)
        #expect(channel.cpu == fact.cpu)
        #expect(channel.opened == (fact.in_mask != nil))
        #expect(channel.interrupts == fact.interrupts)
        #expect(channel.events == fact.events)
        #expect(channel.intr_in_full == fact.intr_in_full)
        #expect(channel.intr_out_empty == fact.intr_out_empty)
        #expect(channel.out_full_first == fact.out_full_first)
        #expect(channel.out_full_total == fact.out_full_total)
        #expect(channel.monitor_id == fact.monitor_id)
        // The generator knows a latency for every channel, the kernel shows it for monitored ones.
        #expect(channel.latency_100ns == (fact.monitor_id == nil ? nil : fact.latency))
        #expect(channel.group_pending == (fact.monitor_id == nil ? nil : fact.pending))
        #expect(channel.in.size_bytes == fact.in_size)
        #expect(channel.out.size_bytes == fact.out_size)
        let source = fact.in_size == nil ? nil : fact.subchannel_id == 0 ? "measured" : "inferred"
        #expect(channel.in.size_source == source && channel.out.size_source == source)
        #expect(channel.in.used_bytes == fact.read_avail)
        #expect(channel.in.masked == fact.in_mask.map { $0 != 0 })
        #expect(channel.out.masked == fact.out_mask.map { $0 != 0 })
        if let size = fact.out_size, let free = fact.write_avail {
            #expect(channel.out.used_bytes == size - free)
        } else {
            #expect(channel.out.used_bytes == nil)
        }
    }

    @Test(arguments: ["bridge-life-6.12", "bridge-uio-6.12", "bridge-v4-6.12", "qemu-vmbus-6.12"])
    func `is clean on what a real kernel showed`(_ name: String) throws {
        try SharedFixtures.withUnpacked("real-linux-6.12/\(name).tar.xz") { place in
            var seen = 0
            for moment in try SystemFiles().names(in: place) {
                let folder = place + "/" + moment
                guard access(folder + "/tree"), access(folder + "/listing.txt") else { continue }
                let tree = SystemFiles(sysroot: folder + "/tree")
                let listing = String(decoding: try SharedFixtures.contents(folder + "/listing.txt"), as: UTF8.self)
                let scan = SampleGuest.scan(RefusingFiles(tree: tree, refused: refusals(in: listing)))
                #expect(scan.busAvailable && scan.problems.isEmpty)
                seen += scan.devices.count
                for device in scan.devices {
                    #expect(device.instance.value?.description == device.name)
                    #expect(device.isOpened == (device.state.value == 3))
                    #expect(device.channels?.count == 1)
                    #expect(!device.isVanishing)
                    // Nothing but closed rings, and those with the error of a closed ring.
                    #expect(device.problems.allSatisfy { $0.failure.isClosedRing }, "\(moment) \(device.problems)")
                    let size = device.primary?.inbound.size
                    #expect((size == nil) == (device.isOpened == false), "\(moment) \(device.name)")
                    if let size { #expect([12288, 16384, 2_093_056].contains(size)) }
                }
            }
            #expect(seen > 0)
        }
    }

    private func access(_ path: String) -> Bool { (try? SystemFiles().kind(of: path)) != nil }

    /// The refused reads in a dump's list, lines like `100444 0:0 f 4096 /sys/… ! EINVAL`.
    private func refusals(in listing: String) -> [String: Int32] {
        var refused: [String: Int32] = [:]
        for line in listing.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 3, words[words.count - 2] == "!" else { continue }
            refused[String(words[words.count - 3])] = TextTree.errors[String(words[words.count - 1])]
        }
        return refused
    }
}
