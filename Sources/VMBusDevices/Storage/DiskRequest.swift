/// Blocks that lie side by side.
public struct BlockRange: Sendable, Hashable {
    /// The first.
    public var block: UInt64
    /// How many.
    public var count: UInt32

    /// Some blocks.
    public init(block: UInt64, count: UInt32) {
        self.block = block
        self.count = count
    }
}

/// What a disk is to do. Ranges lie inside the disk, and data is whole blocks.
public enum DiskOperation: Sendable, Hashable {
    /// Gives the bytes of blocks.
    case read(BlockRange)
    /// Keeps bytes, with `isForced` for good before it says so.
    case write(block: UInt64, [UInt8], isForced: Bool)
    /// Writes the same block many times.
    case fill(BlockRange, pattern: [UInt8])
    /// The blocks need not be kept; they read as zeros afterwards.
    case discard([BlockRange])
    /// Keeps for good what was written.
    case flush
}

/// Something for a disk to do, answered by a completion with the same token.
public struct DiskRequest: Sendable, Hashable {
    /// Which of the controller's disks.
    public var lun: UInt8
    /// Repeated by the completion.
    public var token: UInt64
    /// Bytes of one block.
    public var blockSize: Int
    /// What to do.
    public var operation: DiskOperation
}

/// Why a disk could not do it.
public enum DiskError: Error, Sendable, Hashable {
    /// There is no such disk any more.
    case gone
    /// The disk ends before.
    case outOfRange
    /// Nobody may write to it.
    case writeProtected
    /// A block cannot be read.
    case unreadable(block: UInt64)
    /// A block cannot be written.
    case unwritable(block: UInt64)
    /// Anything else.
    case failed
}

/// What became of a request.
public struct DiskCompletion: Sendable, Hashable {
    /// The request's.
    public var token: UInt64
    /// The bytes that were read, or nothing; or why not.
    public var result: Result<[UInt8], DiskError>

    /// An answer.
    public init(token: UInt64, result: Result<[UInt8], DiskError>) {
        self.token = token
        self.result = result
    }
}
