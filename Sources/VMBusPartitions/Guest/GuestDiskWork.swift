import VMBusDevices
import VMBusWire

/// The guest's own work on the disks of one controller: finds out what there is, then writes blocks here and there, reads
/// them back and compares, and has what it wrote kept for good now and then. A disc is only read.
struct GuestDiskWork: Sendable, Hashable {
    /// A disk that the guest has found.
    private struct Disk: Sendable, Hashable {
        let lun: UInt8
        let isReadOnly: Bool
        var blockSize = 0
        var blockCount: UInt64 = 0
    }

    /// What a request is for.
    private enum Purpose: Sendable, Hashable {
        case units
        case identity(UInt8)
        case capacity(UInt8)
        case flush
        case write(UInt8, UInt64)
        /// What was written there, by the number of the write; nil for what was not.
        case read(UInt8, UInt64, written: UInt64?)
    }

    /// Disks that are looked at; more are left alone.
    private static let maximumDisks = 64

    private let configuration: DiskWorkConfiguration
    private var disks: [Disk] = []
    private var purposes: [UInt64: Purpose] = [:]
    private var nextToken: UInt64 = 1
    private var turn: UInt64 = 0
    /// A disk gave other bytes than were written to it.
    var complaint: ProtocolViolation?

    init(_ configuration: DiskWorkConfiguration) { self.configuration = configuration }

    /// Nanoseconds between two pieces of work.
    var interval: UInt64 { configuration.interval }

    private mutating func request(
        _ purpose: Purpose, lun: UInt8, _ command: SCSI.Command, data: [UInt8] = [], room: Int = 0
    ) -> StorageRequest {
        let token = nextToken
        nextToken += 1
        purposes[token] = purpose
        return StorageRequest(token: token, lun: lun, command, data: data, room: room)
    }

    /// Finds out which disks there are.
    mutating func look() -> [StorageRequest] { [request(.units, lun: 0, .reportUnits, room: 2056)] }

    /// The bytes of the write with a number.
    private func pattern(_ number: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: number &* 31 &+ UInt64($0) &+ UInt64($0 / 512) &* 7) }
    }

    private func blocks(_ disk: Disk) -> UInt32 {
        UInt32(clamping: min(UInt64(configuration.byteCount / max(1, disk.blockSize)), disk.blockCount))
    }

    /// The next pieces of work.
    mutating func tick() -> [StorageRequest] { (0..<max(1, configuration.depth)).flatMap { _ in next() } }

    private mutating func next() -> [StorageRequest] {
        let ready = disks.filter { $0.blockCount > 0 && $0.blockSize > 0 }
        guard !ready.isEmpty else { return [] }
        turn += 1
        let disk = ready[Int(turn % UInt64(ready.count))]
        let count = blocks(disk)
        guard count > 0 else { return [] }
        // Knuth's multiplicative hash spreads them over the disk.
        let places = disk.blockCount / UInt64(count)
        let block = (turn &* 2_654_435_761 % max(1, places)) * UInt64(count)
        if disk.isReadOnly || Int(turn &* 61 % 100) < configuration.reads {
            return [
                request(
                    .read(disk.lun, block, written: nil), lun: disk.lun, .read(block: block, count: count),
                    room: Int(count) * disk.blockSize)
            ]
        }
        if turn % 16 == 0 { return [request(.flush, lun: disk.lun, .flush)] }
        return [
            request(
                .write(disk.lun, block), lun: disk.lun, .write(block: block, count: count),
                data: pattern(block, Int(count) * disk.blockSize))
        ]
    }

    /// What follows from a result.
    mutating func take(_ result: StorageResult) -> [StorageRequest] {
        guard let purpose = purposes.removeValue(forKey: result.token), result.isSuccess else { return [] }
        switch purpose {
        case .units:
            let luns = stride(from: 8, to: result.data.count - 7, by: 8).map { result.data[$0 + 1] }
            disks.removeAll { !luns.contains($0.lun) }
            return luns.filter { lun in !disks.contains { $0.lun == lun } }.prefix(Self.maximumDisks).map {
                request(.identity($0), lun: $0, .inquiry, room: 96)
            }
        case .identity(let lun):
            guard let type = result.data.first, type == 0 || type == 5 else { return [] }
            disks.removeAll { $0.lun == lun }
            disks.append(Disk(lun: lun, isReadOnly: type == 5))
            return [request(.capacity(lun), lun: lun, .readCapacity, room: 32)]
        case .capacity(let lun):
            guard result.data.count >= 12, let index = disks.firstIndex(where: { $0.lun == lun }) else { return [] }
            let number = { (bytes: ArraySlice<UInt8>) in bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } }
            disks[index].blockCount = number(result.data[0..<8]) &+ 1
            disks[index].blockSize = Int(clamping: number(result.data[8..<12]))
            return []
        case .write(let lun, let block):
            guard let disk = disks.first(where: { $0.lun == lun }) else { return [] }
            let count = blocks(disk)
            return [
                request(
                    .read(lun, block, written: block), lun: lun, .read(block: block, count: count),
                    room: Int(count) * disk.blockSize)
            ]
        case .read(let lun, let block, let written):
            if let written, result.data != pattern(written, result.data.count) {
                complaint = ProtocolViolation(
                    rule: "disk-keeps", place: "unit \(lun), block \(block)", value: "\(result.data.count) bytes",
                    explanation: "a disk gives the bytes that were written to it")
            }
            return []
        case .flush: return []
        }
    }
}
