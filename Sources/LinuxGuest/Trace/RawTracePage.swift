/// A page of a processor's trace buffer as `trace_pipe_raw` gives it: a time, a length, and events one behind the other (the
/// kernel's `events/header_page` and `header_event` describe it; 64-bit little-endian kernels).
public struct RawTracePage: Sendable {
    /// An event of the page.
    public struct Event: Sendable, Hashable {
        /// When, in the units of the trace clock.
        public let time: UInt64
        /// The record, from `common_type` on, with up to three zeros behind it.
        public let bytes: ArraySlice<UInt8>
    }

    /// What the kernel lost before this page.
    public enum Loss: Sendable, Hashable {
        /// So many events.
        case counted(UInt64)
        /// Some; there was no room for their number.
        case some
    }

    /// The events, oldest first.
    public private(set) var events: [Event] = []
    /// What was lost before them; nil for nothing.
    public private(set) var loss: Loss?
    /// Whether a length made no sense, so that what follows could not be read.
    public private(set) var isDamaged = false

    /// The bytes in front of the events: time and length.
    public static let headerSize = 16

    private enum Kind {
        static let longData: UInt32 = 0
        static let padding: UInt32 = 29
        static let timeExtension: UInt32 = 30
        static let timeStamp: UInt32 = 31
    }

    /// Takes a page apart, whatever its bytes are.
    public init(_ page: [UInt8]) {
        guard page.count >= Self.headerSize else {
            isDamaged = !page.isEmpty
            return
        }
        let word = Self.number(page, 8, 8)
        let length = Int(word & 0xF_FFFF)
        guard length <= page.count - Self.headerSize else {
            isDamaged = true
            return
        }
        let end = Self.headerSize + length
        if word & 1 << 31 != 0 {
            let isCounted = word & 1 << 30 != 0 && end + 8 <= page.count
            loss = isCounted ? .counted(Self.number(page, end, 8)) : .some
        }
        read(page, end)
    }

    private mutating func read(_ page: [UInt8], _ end: Int) {
        var time = Self.number(page, 0, 8)
        var place = Self.headerSize
        while place < end {
            guard place + 4 <= end else { return isDamaged = true }
            let head = UInt32(truncatingIfNeeded: Self.number(page, place, 4))
            let (kind, delta) = (head & 31, UInt64(head >> 5))
            // Padding without a time is all that follows.
            if kind == Kind.padding, delta == 0 { return }
            var start = place + 4
            var size = Int(kind) * 4
            if kind == Kind.longData || kind >= Kind.padding {
                guard start + 4 <= end else { return isDamaged = true }
                let next = Self.number(page, start, 4)
                switch kind {
                case Kind.timeExtension:
                    time = time &+ (next << 27 + delta)
                    place = start + 4
                    continue
                case Kind.timeStamp:
                    time = next << 27 + delta
                    place = start + 4
                    continue
                // The length counts its own word.
                case Kind.longData:
                    guard next >= 4 else { return isDamaged = true }
                    start += 4
                    size = Int(next) - 4
                default: size = Int(next)
                }
            }
            guard size <= end - start else { return isDamaged = true }
            time = time &+ delta
            if kind != Kind.padding { events.append(Event(time: time, bytes: page[start..<start + size])) }
            place = start + size
        }
    }

    /// A little-endian number that lies in the page.
    private static func number(_ page: [UInt8], _ offset: Int, _ size: Int) -> UInt64 {
        page[offset..<offset + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
