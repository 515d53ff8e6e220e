public import VMBusWire

/// The memory that a device may touch: what the guest has shared with the host.
public protocol DeviceMemory {
    /// Bytes of a page list as a whole. Nil when the list does not exist.
    func byteCount(gpadl: UInt32) -> Int?
    /// Bytes of a page list. Nil when the list does not exist or ends before.
    func read(gpadl: UInt32, offset: Int, count: Int) -> [UInt8]?
    /// Writes into a page list. False when the list does not exist or ends before.
    mutating func write(gpadl: UInt32, offset: Int, _ bytes: [UInt8]) -> Bool
    /// Bytes of guest pages. Nil when the guest has no such pages.
    func read(_ range: GPARange) -> [UInt8]?
    /// Writes into guest pages. False when the guest has no such pages.
    mutating func write(_ range: GPARange, _ bytes: [UInt8]) -> Bool
}

extension DeviceMemory {
    /// Bytes of guest pages, one range after the other; nil when one is not there or they are more than `limit`.
    func read(_ ranges: [GPARange], limit: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        for range in ranges {
            guard Int(range.byteCount) <= limit - bytes.count, let part = read(range) else { return nil }
            bytes.add(part)
        }
        return bytes
    }

    /// Writes into guest pages, one range after the other, as far as there are bytes. False when a page is not there, or the
    /// ranges end before.
    mutating func write(_ ranges: [GPARange], _ bytes: [UInt8]) -> Bool {
        if bytes.isEmpty { return true }
        if let first = ranges.first, bytes.count <= Int(first.byteCount) { return write(first, bytes) }
        var rest = bytes[...]
        for range in ranges where !rest.isEmpty {
            guard write(range, Array(rest.prefix(Int(range.byteCount)))) else { return false }
            rest = rest.dropFirst(Int(range.byteCount))
        }
        return rest.isEmpty
    }

    /// Parts of a page list, one after the other; nil when one is not there or they are more than `limit`.
    func read(gpadl: UInt32, _ ranges: [TransferPageRange], limit: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        for range in ranges {
            guard Int(range.byteCount) <= limit - bytes.count,
                let part = read(gpadl: gpadl, offset: Int(range.byteOffset), count: Int(range.byteCount))
            else { return nil }
            bytes.add(part)
        }
        return bytes
    }
}

extension [UInt8] {
    /// Puts bytes behind these; the first ones, which are mostly all, are taken as they are and not copied.
    mutating func add(_ part: [UInt8]) {
        if isEmpty { self = part } else { self += part }
    }
}

/// What a buffer that a consumer asks for is for.
public enum BufferPurpose: UInt32, CaseIterable, Sendable, Hashable {
    /// The network's receive buffer, which the host writes.
    case receive = 1
    /// The network's send buffer, which the guest writes.
    case send = 2
    /// Guest pages for frames that packets point to: pages only, without a page list.
    case frame = 3
    /// Guest pages for the data of storage requests: pages only.
    case blocks = 4
    /// Guest pages that stand for the window of a virtual PCI bus: pages only.
    case window = 5
    /// Guest pages, one behind the other, that hold a picture: pages only.
    case screen = 6

    /// Whether the host gets a page list of the buffer.
    public var needsPageList: Bool { self == .receive || self == .send }
}

/// A buffer of guest pages that a consumer asked for.
public struct GuestBuffer: Sendable, Hashable {
    /// The page list that the host knows it by; 0 where the purpose needs none.
    public var gpadl: UInt32
    /// Bytes of the buffer: a multiple of 4096, at least what was asked for.
    public var byteCount: Int
    /// The numbers of its pages, in order.
    public var pages: [UInt64]

    /// A buffer.
    public init(gpadl: UInt32, byteCount: Int, pages: [UInt64]) {
        self.gpadl = gpadl
        self.byteCount = byteCount
        self.pages = pages
    }
}
