public import Platform

/// Looks at a guest's VMBus through sysfs, again and again.
///
/// It opens only what it needs, reads only, and never stops at what it cannot have: each value is known, missing or failed on
/// its own. Between scans it keeps nothing but the ring sizes of open channels, which one look cannot always tell.
public struct SysfsSampler: Sendable {
    private static let bus = "/sys/bus/vmbus"

    private let files: any FileLayer
    // Looked up by name only, never walked.
    private var sizes: [String: RingSizes] = [:]

    /// A sampler of the guest whose files these are.
    public init(files: any FileLayer) {
        self.files = files
    }

    /// Looks once at everything.
    public mutating func scan() -> GuestScan {
        let names: [String]
        do {
            names = try files.names(in: Self.bus + "/devices")
        } catch {
            sizes.removeAll()
            let failure = ReadFailure.refused(error.code)
            guard failure.isAbsence else {
                return GuestScan(
                    busAvailable: true, devices: [], problems: [ScanProblem(path: "devices", failure: failure)])
            }
            return GuestScan(busAvailable: false, devices: [], problems: [])
        }
        let finder = KernelNameFinder(files: files, devices: Set(names))
        var tools = ReadingTools()
        var devices: [DeviceScan] = []
        var problems: [ScanProblem] = []
        var kept: [String: RingSizes] = [:]
        for name in names {
            var reader = DeviceReader(
                files: files, directory: Self.bus + "/devices/" + name, name: name, sizes: sizes[name] ?? RingSizes())
            guard let device = reader.lookAtAll(finder, DeviceTask(), &tools, look: 0) else {
                problems.append(ScanProblem(path: "devices/" + name, failure: .gone))
                continue
            }
            if device.isOpened == true { kept[name] = reader.sizes }
            devices.append(device)
        }
        sizes = kept
        devices.sort { $0.listingOrder < $1.listingOrder }
        return GuestScan(busAvailable: true, devices: devices, problems: problems)
    }
}

extension DeviceScan {
    /// The relid as lsvmbus sorts it, -1 included.
    fileprivate var listingOrder: ListingOrder {
        switch relid {
        case .known(let relid): ListingOrder(relid: Int64(relid), name: name)
        case .failed(.invalid): ListingOrder(relid: -1, name: name)
        case .missing, .failed: ListingOrder(relid: Int64.max, name: name)
        }
    }
}

private struct ListingOrder: Comparable {
    let relid: Int64
    let name: String

    static func < (left: ListingOrder, right: ListingOrder) -> Bool {
        left.relid != right.relid
            ? left.relid < right.relid : left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
    }
}
