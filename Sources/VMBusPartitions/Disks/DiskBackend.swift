public import VMBusDevices

/// Where the bytes of a disk are. Ranges that it is asked for lie inside what a guest was told of its size.
public protocol DiskBackend: Sendable {
    /// Bytes of the disk.
    var byteCount: UInt64 { get }
    /// Does something: bytes that were read, or nothing; or why not.
    mutating func perform(_ operation: DiskOperation, blockSize: Int) -> Result<[UInt8], DiskError>
}
