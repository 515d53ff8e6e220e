import Platform

@testable import LinuxGuest

/// Builds devices as a healthy Linux shows them; tests then spoil what they are about.
enum SampleGuest {
    static let bus = "/sys/bus/vmbus/devices/"
    static let network = "f8615163-df3e-46c5-913f-f2d2f965ed0e"
    static let instance = "309d6b79-965e-4a32-9ae4-45508201e2bd"

    /// A guest with one open network device of relid 14 and one sub-channel of relid 21.
    static func files() -> InjectedFiles {
        let files = InjectedFiles()
        addDevice(to: files)
        return files
    }

    /// The directory of the network device.
    static let device = bus + instance

    /// Adds a device; the first relid is the primary's. `ring` is the size of each ring.
    static func addDevice(
        to files: InjectedFiles, name: String = instance, classID: String = network, relids: [Int] = [14, 21],
        ring: Int = 8192, waiting: Int = 128
    ) {
        let directory = bus + name
        files.put(directory + "/id", String(relids[0]))
        files.put(directory + "/state", "3")
        files.put(directory + "/class_id", "{\(classID)}")
        files.put(directory + "/device_id", "{\(name)}")
        files.put(directory + "/numa_node", "0")
        files.put(directory + "/driver", .link("../../../../bus/vmbus/drivers/hv_netvsc"))
        files.put(directory + "/channel_vp_mapping", relids.map { "\($0):\($0 % 4)" }.joined(separator: "\n"))
        for direction in ["in", "out"] {
            files.put(directory + "/\(direction)_intr_mask", "0")
            files.put(directory + "/\(direction)_read_bytes_avail", String(waiting))
            files.put(directory + "/\(direction)_write_bytes_avail", String(ring - waiting))
        }
        for (position, relid) in relids.enumerated() {
            let channel = directory + "/channels/\(relid)/"
            let values = [
                "cpu": relid % 4, "in_mask": 0, "out_mask": 1, "read_avail": waiting, "write_avail": ring - waiting,
                "interrupts": 100 + relid, "events": 200 + relid, "intr_in_full": 1, "intr_out_empty": 2,
                "out_full_first": 3, "out_full_total": 4, "subchannel_id": position, "monitor_id": relid,
                "latency": 500, "pending": 0,
            ]
            for (name, value) in values { files.put(channel + name, String(value)) }
        }
    }

    /// One scan of a fresh sampler.
    static func scan(_ files: any FileLayer) -> GuestScan {
        var sampler = SysfsSampler(files: files)
        return sampler.scan()
    }

    /// The only device of one scan.
    static func onlyDevice(_ files: any FileLayer) throws(NotOneDevice) -> DeviceScan {
        let scan = scan(files)
        guard scan.devices.count == 1 else { throw NotOneDevice(count: scan.devices.count) }
        return scan.devices[0]
    }

    struct NotOneDevice: Error {
        let count: Int
    }
}

extension DeviceScan {
    /// The problems as JSON shows them, one text each.
    var problemTexts: [String] { problems.map { "\($0.path) \($0.failure.symbol)" } }
}
