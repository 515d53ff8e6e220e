import VMBusWire

/// A block of a pcapng file where it lies: its type and its place.
struct PcapngBlock: Sendable {
    /// What it is.
    let type: UInt32
    /// Where it begins.
    let start: Int
    /// Its bytes, both lengths included.
    let count: Int

    /// What lies at a place.
    enum Finding {
        case whole(PcapngBlock)
        /// Its beginning is in order; the bytes end before it does.
        case cut
        case otherByteOrder
        case none
    }

    /// Looks at a place; there is at least one byte.
    @inline(__always)
    static func at(_ start: Int, in bytes: RawSpan) -> Finding {
        let available = bytes.byteCount - start
        guard available >= 12 else { return .cut }
        let type = bytes.word32(start)
        var count = Int(bytes.word32(start + 4))
        if type == RecordingFormat.sectionHeader {
            let magic = bytes.word32(start + 8)
            if magic == RecordingFormat.byteOrderMagic.byteSwapped { return .otherByteOrder }
            guard magic == RecordingFormat.byteOrderMagic else { return .none }
            if count < 28 { count = 0 }
        }
        guard count >= 12, count & 3 == 0, count <= RecordingFormat.longestBlock else { return .none }
        guard count <= available else { return .cut }
        guard bytes.word32(start + count - 4) == UInt32(truncatingIfNeeded: count) else { return .none }
        return .whole(PcapngBlock(type: type, start: start, count: count))
    }

    /// Where the next block begins.
    var end: Int { start + count }
}

/// The packet of an enhanced packet block.
struct PcapngPacket: Sendable {
    /// Its block.
    let block: PcapngBlock
    /// Number of its interface within the section.
    let interface: Int
    /// The time stamp, in the interface's unit.
    let time: UInt64
    /// Bytes in the block.
    let captured: Int
    /// Bytes that there were.
    let original: UInt32

    /// Reads a block; nil for one that holds no packet in order.
    @inline(__always)
    init?(_ block: PcapngBlock, in bytes: RawSpan) {
        guard block.count >= RecordingFormat.packetOverhead else { return nil }
        let start = block.start
        self.block = block
        interface = Int(bytes.word32(start + 8))
        time = UInt64(bytes.word32(start + 12)) << 32 | UInt64(bytes.word32(start + 16))
        captured = Int(bytes.word32(start + 20))
        original = bytes.word32(start + 24)
        guard padded(captured) <= block.count - RecordingFormat.packetOverhead else { return nil }
    }

    /// Where its bytes lie.
    var bytes: Range<Int> {
        block.start + RecordingFormat.packetStart..<block.start + RecordingFormat.packetStart + captured
    }

    /// The number that ties packets of several interfaces together (epb_packetid); nil for none.
    func packetID(in bytes: RawSpan) -> UInt64? {
        PcapngOptions.find(5, in: bytes, block.start + RecordingFormat.packetStart + padded(captured), block.end - 4)
            .flatMap { $0.count == 8 ? bytes.word64($0.lowerBound) : nil }
    }
}

/// Options at the end of a block.
enum PcapngOptions {
    /// The place of the first option of a kind; nil for none.
    static func find(_ code: UInt16, in bytes: RawSpan, _ start: Int, _ end: Int) -> Range<Int>? {
        var place = start
        while place <= end - 4 {
            let (found, count) = (bytes.word16(place), Int(bytes.word16(place + 2)))
            guard found != 0, place + 4 + count <= end else { return nil }
            if found == code { return place + 4..<place + 4 + count }
            place += 4 + padded(count)
        }
        return nil
    }
}

/// Writes blocks of pcapng, one behind the other.
enum PcapngWriting {
    /// A section header without a length, so that nothing has to be changed at the end.
    static func section(_ bytes: inout [UInt8], tool: String) {
        block(&bytes, RecordingFormat.sectionHeader) { bytes in
            bytes.append(word32: RecordingFormat.byteOrderMagic)
            bytes.append(word32: 1)
            bytes.append(word64: .max)
            option(&bytes, 4, Array(tool.utf8))
            bytes.append(word32: 0)
        }
    }

    /// The description of an interface whose times are nanoseconds since the log's start.
    ///
    /// - Parameter epoch: the wall clock there, in nanoseconds since 1970; the format has room for whole seconds.
    static func interface(_ bytes: inout [UInt8], _ interface: RecordingInterface, snapLength: Int?, epoch: UInt64?) {
        block(&bytes, RecordingFormat.interfaceDescription) { bytes in
            bytes.append(word32: UInt32(interface.linkType))
            bytes.append(word32: UInt32(clamping: snapLength ?? 0))
            option(&bytes, 2, Array(interface.name.utf8))
            option(&bytes, 3, Array(interface.description.utf8))
            option(&bytes, 9, [9])
            if let epoch {
                var offset: [UInt8] = []
                offset.append(word64: epoch / 1_000_000_000)
                option(&bytes, 14, offset)
            }
            bytes.append(word32: 0)
        }
    }

    /// How many packets an interface had, and how many were lost.
    static func statistics(_ bytes: inout [UInt8], interface: Int, time: UInt64, packets: UInt64, lost: UInt64) {
        block(&bytes, RecordingFormat.interfaceStatistics) { bytes in
            bytes.append(word32: UInt32(truncatingIfNeeded: interface))
            bytes.append(word32: UInt32(truncatingIfNeeded: time >> 32))
            bytes.append(word32: UInt32(truncatingIfNeeded: time))
            for (code, number) in [(UInt16(4), packets), (5, lost)] {
                var value: [UInt8] = []
                value.append(word64: number)
                option(&bytes, code, value)
            }
            bytes.append(word32: 0)
        }
    }

    /// The head of an enhanced packet block, up to the packet's bytes.
    @inline(__always)
    static func packetHead(
        _ bytes: inout [UInt8], count: Int, interface: Int, time: UInt64, captured: Int, original: Int
    ) {
        bytes.append(word64: UInt64(RecordingFormat.enhancedPacket) | UInt64(UInt32(truncatingIfNeeded: count)) << 32)
        bytes.append(word64: UInt64(UInt32(truncatingIfNeeded: interface)) | time & 0xFFFF_FFFF_0000_0000)
        bytes.append(word64: time & 0xFFFF_FFFF | UInt64(UInt32(truncatingIfNeeded: captured)) << 32)
        bytes.append(word32: UInt32(clamping: original))
    }

    /// Zeros up to the next multiple of four.
    @inline(__always)
    static func pad(_ bytes: inout [UInt8], after count: Int) {
        for _ in count..<padded(count) { bytes.append(0) }
    }

    static func option(_ bytes: inout [UInt8], _ code: UInt16, _ value: [UInt8]) {
        let value = value.prefix(Int(UInt16.max))
        bytes.append(word16: code)
        bytes.append(word16: UInt16(truncatingIfNeeded: value.count))
        bytes += value
        pad(&bytes, after: value.count)
    }

    /// A block whose length is known when it is there.
    private static func block(_ bytes: inout [UInt8], _ type: UInt32, _ body: (inout [UInt8]) -> Void) {
        var inner: [UInt8] = []
        body(&inner)
        bytes.append(word32: type)
        bytes.append(word32: UInt32(truncatingIfNeeded: inner.count + 12))
        bytes += inner
        bytes.append(word32: UInt32(truncatingIfNeeded: inner.count + 12))
    }
}
