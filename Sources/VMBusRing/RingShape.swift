/// The bounds of what can be a ring at all.
public enum RingShape {
    /// Bytes in a page of the hypervisor, whatever the guest's own is.
    public static let pageSize: UInt32 = 4096
    /// Bytes in the largest data area taken: 1 GiB, so that no sum of an offset and a length leaves 32 bits.
    /// A ring in the field has at most 32 MiB, as one GPADL range lists at most 8190 pages (reference §9, 27).
    public static let maximumDataSize: UInt32 = 1 << 30
    /// Page frame numbers below this one have a 64-bit address.
    public static let pageFrameNumberLimit: UInt64 = 1 << 52

    /// Checks the size of a data area that came from outside.
    /// - Throws: ``RingShapeError/dataSize(_:)``.
    public static func checkedDataSize(_ bytes: some BinaryInteger) throws(RingShapeError) -> UInt32 {
        guard let size = UInt32(exactly: bytes), size > 0, size <= maximumDataSize, size % pageSize == 0 else {
            throw .dataSize(Int(clamping: bytes))
        }
        return size
    }
}

/// Why memory cannot be a ring.
public enum RingShapeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Bytes of a data area that are not a multiple of 4096 from 4096 to 1 GiB.
    case dataSize(Int)
    /// So many pages do not make a ring, which has a control page and at least one page of data.
    case pageCount(Int)
    /// A page frame number whose address does not fit 64 bits, and its place in the list.
    case pageFrameNumber(UInt64, index: Int)
    /// An address where mapped memory starts that is not a multiple of 8.
    case misalignedMapping(UInt)

    /// One sentence for people.
    public var description: String {
        switch self {
        case .dataSize(let bytes):
            "a ring's data area of \(bytes) bytes: it must be a multiple of 4096, at least 4096 and at most 1 GiB"
        case .pageCount(let count):
            "a ring of \(count) pages: it needs a control page, at least one page of data, and at most 1 GiB of it"
        case .pageFrameNumber(let number, let index):
            "page \(index) of the ring has the page frame number \(number), beyond every 64-bit address"
        case .misalignedMapping(let address):
            "a ring mapped at address \(address): it must start at a multiple of 8"
        }
    }
}
