/// A disk or CD drive as a guest sees it: who it is, how large, and in which state.
public struct LogicalUnit: Sendable, Hashable {
    /// What it is.
    public enum Medium: Sendable, Hashable {
        /// A disk of 512 or 4096 bytes a block.
        case disk
        /// A drive with a disc of 2048 bytes a block.
        case compactDisc
    }

    /// Which bus.
    public var path: UInt8 = 0
    /// Which target on it.
    public var target: UInt8 = 0
    /// Which unit of it.
    public var lun: UInt8
    /// What it is.
    public var medium = Medium.disk
    /// Bytes of a block.
    public var blockSize: Int
    /// How many there are.
    public var blockCount: UInt64
    /// Whether nobody may write.
    public var isReadOnly = false
    /// Tells it from every other disk.
    public var identity: UInt64 = 0
    var isStopped = false
    var hasMedium = true
    var isRemovalPrevented = false

    /// A unit of `byteCount` bytes; what is no whole block is left out.
    public init(lun: UInt8, medium: Medium = .disk, byteCount: UInt64, isReadOnly: Bool = false) {
        self.lun = lun
        self.medium = medium
        self.isReadOnly = isReadOnly || medium == .compactDisc
        blockSize = medium == .disk ? 512 : 2048
        blockCount = byteCount / UInt64(blockSize)
    }

    /// What became of a command before a disk was asked.
    enum Outcome: Sendable, Hashable {
        /// Done, with this answer.
        case done([UInt8])
        /// Refused.
        case failed(SCSI.Sense)
        /// A disk has to do something first.
        case disk(DiskOperation)
    }

    /// The most descriptors in one UNMAP.
    static let maximumUnmapDescriptors = 64
    /// The most blocks in one WRITE SAME.
    static let maximumSame: UInt64 = 0x1_0000

    /// Carries out a command, as far as the disk itself is not needed.
    ///
    /// - Parameter data: what the guest sends along.
    mutating func execute(_ command: SCSI.Command, data: [UInt8], maximumTransfer: Int) -> Outcome {
        switch command.opcode {
        case .inquiry: return inquire(command, maximumTransfer: maximumTransfer)
        case .requestSense:
            let none = SCSI.Sense(0, 0)
            return .done(command.bytes[1] & 1 != 0 ? none.descriptors : none.fixed)
        case .startStopUnit: return startStop(command)
        case .preventAllowRemoval:
            isRemovalPrevented = command.bytes[4] & 1 != 0
            return .done([])
        case .getEventStatus where medium == .compactDisc: return eventStatus(command)
        case .getConfiguration where medium == .compactDisc: return configuration(command)
        case .modeSense6, .modeSense10: return modeSense(command)
        case .maintenanceIn: return supportedCommands(command)
        default: break
        }
        guard hasMedium else { return .failed(.noMedium) }
        guard !isStopped else { return .failed(.notStarted) }
        switch command.opcode {
        case .testUnitReady: return .done([])
        case .readCapacity10:
            return .done(
                bigEndian(UInt32(clamping: blockCount == 0 ? 0 : blockCount - 1)) + bigEndian(UInt32(blockSize)))
        case .serviceActionIn16:
            guard command.bytes[1] & 0x1F == 0x10 else { return .failed(.invalidField) }
            // Blocks that were discarded read as zeros.
            let thin: UInt8 = medium == .disk && !isReadOnly ? 0xC0 : 0
            return .done(
                bigEndian(blockCount == 0 ? 0 : blockCount - 1) + bigEndian(UInt32(blockSize)) + [0, 0, thin, 0]
                    + [UInt8](repeating: 0, count: 16))
        case .readTOC, .readDiscInformation, .readTrackInformation, .setCDSpeed, .readCD:
            return medium == .compactDisc ? disc(command) : .failed(.invalidOpcode)
        default: return transfer(command, data)
        }
    }

    // MARK: Blocks

    private func range(_ command: SCSI.Command, limit: UInt64 = .max) -> BlockRange? {
        let (block, count) = (command.block, command.count)
        guard block <= blockCount, count <= blockCount - block, count <= min(limit, UInt64(UInt32.max)) else {
            return nil
        }
        return BlockRange(block: block, count: UInt32(count))
    }

    private func transfer(_ command: SCSI.Command, _ data: [UInt8]) -> Outcome {
        switch command.opcode {
        case .read6, .read10, .read12, .read16:
            guard command.opcode == .read6 || command.bytes[1] & 0xE0 == 0 else { return .failed(.invalidField) }
            guard let range = range(command) else { return .failed(.outOfRange) }
            return range.count == 0 ? .done([]) : .disk(.read(range))
        case .verify10, .verify16:
            guard command.bytes[1] & 0x06 == 0 else { return .failed(.invalidField) }
            return range(command) == nil ? .failed(.outOfRange) : .done([])
        case .synchronizeCache10, .synchronizeCache16:
            return range(command) == nil ? .failed(.outOfRange) : .disk(.flush)
        case .write6, .write10, .write12, .write16, .writeSame10, .writeSame16, .unmap:
            guard medium == .disk else { return .failed(.invalidOpcode) }
            guard !isReadOnly else { return .failed(.writeProtected) }
            return write(command, data)
        default: return .failed(.invalidOpcode)
        }
    }

    private func write(_ command: SCSI.Command, _ data: [UInt8]) -> Outcome {
        switch command.opcode {
        case .unmap: return unmap(data.prefix(Int(command.count)))
        case .writeSame10, .writeSame16:
            guard let range = range(command, limit: Self.maximumSame), range.count > 0 else {
                return .failed(.outOfRange)
            }
            if command.bytes[1] & 0x08 != 0 { return .disk(.discard([range])) }
            guard command.bytes[1] & 0x01 == 0, data.count >= blockSize else { return .failed(.invalidField) }
            return .disk(.fill(range, pattern: Array(data.prefix(blockSize))))
        default:
            guard command.opcode == .write6 || command.bytes[1] & 0xE0 == 0 else { return .failed(.invalidField) }
            guard let range = range(command) else { return .failed(.outOfRange) }
            guard range.count > 0 else { return .done([]) }
            return .disk(
                .write(
                    block: range.block, Array(data.prefix(Int(range.count) * blockSize)),
                    isForced: command.opcode != .write6 && command.bytes[1] & 0x08 != 0))
        }
    }

    /// Reads UNMAP's parameter list: a header of eight bytes, then sixteen for each range (SBC-3 §5.28.2).
    private func unmap(_ data: ArraySlice<UInt8>) -> Outcome {
        guard !data.isEmpty else { return .done([]) }
        guard data.count >= 8 else { return .failed(.listLength) }
        let length = Int(data[2..<4].number)
        guard length % 16 == 0, length + 8 <= data.count else { return .failed(.listLength) }
        guard length / 16 <= Self.maximumUnmapDescriptors else { return .failed(.invalidParameter) }
        var ranges: [BlockRange] = []
        for start in stride(from: 8, to: 8 + length, by: 16) {
            let block = data[start..<start + 8].number
            let count = data[start + 8..<start + 12].number
            guard block <= blockCount, count <= blockCount - block else { return .failed(.outOfRange) }
            if count > 0 { ranges.append(BlockRange(block: block, count: UInt32(count))) }
        }
        return ranges.isEmpty ? .done([]) : .disk(.discard(ranges))
    }

    private mutating func startStop(_ command: SCSI.Command) -> Outcome {
        let (starts, moves) = (command.bytes[4] & 1 != 0, command.bytes[4] & 2 != 0)
        if moves {
            guard medium == .compactDisc else { return .failed(.invalidField) }
            guard starts || !isRemovalPrevented else { return .failed(.removalPrevented) }
            hasMedium = starts
        }
        if command.bytes[4] & 0xF0 == 0 { isStopped = !starts && !moves }
        return .done([])
    }
}
