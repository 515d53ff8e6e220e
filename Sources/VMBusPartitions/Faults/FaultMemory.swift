public import VMBusRing
import VMBusWire

/// Changes of what the guest shares with its host, behind the back of both.
extension PhysicalMemory {
    /// Changes a number of a packet where it lies.
    ///
    /// - Parameters:
    ///   - rings: the channel's rings; nil when it is closed.
    ///   - lists: the pages that the channel's device shares, list by list.
    /// - Returns: the words that were changed, and what to write down.
    public mutating func change(
        _ edit: PacketEdit, _ rings: HostPartition.OpenRings?, lists: [[UInt64]]
    ) -> (words: [WordEdit], report: FaultReport) {
        guard let pages = edit.direction == .guestToHost ? rings?.guestToHost : rings?.hostToGuest else {
            return ([], edit.report.saying("\(edit.report.text): the channel is closed"))
        }
        let address: ((Int) -> UInt64?)?
        if edit.part == .attachment {
            address = place(of: edit.attachment, in: lists)
        } else {
            address = start(of: edit.bytes, in: pages).map { start in
                { offset in
                    let place = (Int(start) + offset) % Int(pages.dataSize)
                    return pages.pageFrameNumbers[1 + place / 4096] * 4096 + UInt64(place % 4096)
                }
            }
        }
        guard let address else { return ([], edit.report.saying("\(edit.report.text): it is not there any more")) }
        return change(edit.offset, edit.width, edit.value, size: 0, edit.report, address)
    }

    /// Changes a word of a ring's control page, of the ring in which it is the culprit's to write.
    ///
    /// - Returns: the words that were changed, and what to write down.
    public mutating func change(
        _ edit: RingEdit, _ rings: HostPartition.OpenRings?
    ) -> (words: [WordEdit], report: FaultReport) {
        let word: RingWord
        var isWriters = true
        switch edit.word {
        case .writeIndex: word = .writeIndex
        case .readIndex: (word, isWriters) = (.readIndex, false)
        case .interruptMask: (word, isWriters) = (.interruptMask, false)
        case .featureBits: word = .featureBits
        }
        let isGuestToHost = (edit.direction == .guestToHost) == isWriters
        guard let rings, let page = (isGuestToHost ? rings.guestToHost : rings.hostToGuest).pageFrameNumbers.first
        else {
            return ([], edit.report.saying("\(edit.place) is not open"))
        }
        let size = UInt64((isGuestToHost ? rings.guestToHost : rings.hostToGuest).dataSize)
        let report = edit.report.saying(
            "\(word) of the \(isGuestToHost ? "guest's" : "host's") ring of channel \(rings.place.relid)")
        return change(Int(word.rawValue), 4, edit.value, size: size, report) { page * 4096 + UInt64($0) }
    }

    /// Puts words that were changed to their values, or back.
    public mutating func put(_ words: [WordEdit], back: Bool) {
        for word in words {
            // Its owner may have written it meanwhile: then it is as it should be.
            if back, (try? load32(word.address)) != word.changed { continue }
            try? store32(back ? word.original : word.changed, at: word.address)
        }
    }

    /// Changes a number, word by word as the memory has them.
    private mutating func change(
        _ offset: Int, _ width: Int, _ value: FaultValue, size: UInt64, _ report: FaultReport,
        _ address: (Int) -> UInt64?
    ) -> (words: [WordEdit], report: FaultReport) {
        let first = offset & ~3
        var old: [UInt8] = []
        for place in stride(from: first, to: offset + width, by: 4) {
            guard let address = address(place), let word = try? load32(address) else {
                return ([], report.saying("\(report.text): it is not in the guest's memory"))
            }
            old += LittleEndian.bytes(UInt64(word), 4)
        }
        guard let number = LittleEndian.number(old, at: offset - first, width) else { return ([], report) }
        let changed = LittleEndian.bytes(value.applied(to: number, size: size), width)
        var new = old
        new.replaceSubrange(offset - first..<offset - first + width, with: changed)
        var words: [WordEdit] = []
        for place in stride(from: 0, to: old.count, by: 4) {
            guard let address = address(first + place), let original = LittleEndian.number(old, at: place, 4),
                let after = LittleEndian.number(new, at: place, 4)
            else { continue }
            words.append(
                WordEdit(
                    address: address, original: UInt32(truncatingIfNeeded: original),
                    changed: UInt32(truncatingIfNeeded: after)))
        }
        put(words, back: false)
        let before = old[(offset - first)..<(offset - first + width)].hexadecimal
        return (words, report.saying("\(report.text), bytes from \(offset): \(before) -> \(changed.hexadecimal)"))
    }

    /// Where a packet lies that was written not long ago: each trailer says where its packet begins, back from the write index.
    private func start(of packet: [UInt8], in pages: RingPages) -> UInt32? {
        let ring = PagedRingMemory(guest: self, pages: pages)
        guard var end = (try? ring.control())?.writeIndex else { return nil }
        for _ in 0..<1024 {
            guard end < pages.dataSize, end % 8 == 0,
                let trailer = try? ring.loadData(at: (end &+ pages.dataSize &- 8) % pages.dataSize)
            else { return nil }
            let start = UInt32(truncatingIfNeeded: trailer >> 32)
            guard start < pages.dataSize, start % 8 == 0, start != end else { return nil }
            var bytes: [UInt8] = []
            if (end &+ pages.dataSize &- start) % pages.dataSize == UInt32(packet.count + 8),
                (try? ring.appendBytes(from: start, count: packet.count, to: &bytes)) != nil, bytes == packet
            {
                return start
            }
            end = start
        }
        return nil
    }

    /// Where bytes lie in the lists of pages that a device shares: in whole sub-allocations, as devices use them.
    private func place(of bytes: [UInt8], in lists: [[UInt64]]) -> ((Int) -> UInt64?)? {
        let sample = Array(bytes.prefix(64))
        guard sample.count >= 8 else { return nil }
        for pages in lists {
            for index in pages.indices {
                guard let page = read([pages[index]], offset: 0, count: 4096) else { continue }
                for offset in stride(from: 0, to: 4096, by: 64)
                where page[offset...].prefix(sample.count).elementsEqual(sample) {
                    return { place in
                        let sum = index * 4096 + offset + place
                        guard pages.indices.contains(sum / 4096) else { return nil }
                        return pages[sum / 4096] * 4096 + UInt64(sum % 4096)
                    }
                }
            }
        }
        return nil
    }
}
