import CaptureFiles
import VMBusDevices
import VMBusRing
import VMBusWire

/// A dump of ring memory, decoded and written as JSON and as text.
///
/// The bytes of a run are the image without its zeros: control words, then runs of bytes with their places.
func fuzzRingDump(_ bytes: [UInt8]) throws(Finding) {
    var feed = ByteFeed(bytes)
    let layout = feed.choose(RingDump.Layout.allCases) ?? .automatic
    let kind = feed.choose(DeviceKind.allCases) ?? .unknown
    let image = RingImageBytes.expanded(&feed)
    let dump: RingDump
    do throws(RingDumpError) {
        dump = try RingDump(image, layout: layout)
    } catch {
        try require(image.count / 4096 % 2 == 1 || image.count < 16384, "\(image.count) bytes are no dump: \(error)")
        return
    }
    try require(dump.rings.reduce(0) { $0 + 4096 + $1.image.data.count } == image.count, "bytes of no ring")
    for ring in dump.rings { try check(ring) }
    var written = 0
    RingDumpJSON.write(dump, decoding: RingDumpDecoding(kind)) { (piece) throws(Never) in written += piece.count }
    RingDumpText.write(dump, decoding: RingDumpDecoding(kind)) { (piece) throws(Never) in written += piece.count }
    try require(written < 1 << 24, "\(written) bytes written of an image of \(image.count)")
}

private func check(_ ring: DumpedRing) throws(Finding) {
    let size = ring.image.dataSize
    guard let used = ring.listing.usedBytes, let free = ring.listing.freeBytes else {
        try require(ring.listing.packets.isEmpty && ring.consumed.isEmpty, "packets of a ring without indices")
        return try require(!ring.damage.isEmpty, "no indices and no damage")
    }
    try require(UInt64(used) + UInt64(free) == UInt64(size), "\(used) used and \(free) free of \(size)")
    var place = ring.listing.control.readIndex
    for packet in ring.listing.packets {
        try require(packet.offset == place, "a packet at \(packet.offset) instead of \(place)")
        place = (place + packet.ringBytes) % size
    }
    let waiting = ring.listing.packets.reduce(0) { $0 + Int($1.ringBytes) }
    try require(waiting == Int(used) || !ring.damage.isEmpty && waiting < Int(used), "\(waiting) of \(used) bytes")
    place = ring.listing.control.readIndex
    for packet in ring.consumed.reversed() {
        try require((packet.offset + packet.ringBytes) % size == place, "a gap behind the packet at \(packet.offset)")
        place = packet.offset
        try require(ring.details(packet).trailer == packet.offset, "a consumed packet with another trailer")
    }
    let consumed = ring.consumed.reduce(0) { $0 + Int($1.ringBytes) }
    try require(consumed <= Int(free), "\(consumed) bytes consumed and intact of \(free)")
    for packet in ring.listing.packets + ring.consumed {
        let details = ring.details(packet)
        let pages = details.ranges.reduce(0) { $0 + $1.pages.count }
        try require(pages * 8 + details.ranges.count * 8 <= packet.headerCount, "\(pages) pages in one header")
        try require(ring.payload(of: packet).count == packet.payloadCount, "a payload of another length")
    }
    try canary(
        ring.damage.contains { $0.kind == .trailer } && ring.damage.last?.kind == .overrun,
        "a damaged trailer before a packet that is too long")
}

/// Images and the inputs that stand for them.
public enum RingImageBytes {
    /// An image from its control words and runs of bytes, each with its place in units of 8.
    static func expanded(_ feed: inout ByteFeed) -> [UInt8] {
        let pages = feed.next(below: 7) + 1
        var image = [UInt8](repeating: 0, count: pages * 4096)
        while !feed.isEmpty {
            let place = Int(feed.next(UInt16.self)) * 8 % image.count
            for (at, byte) in feed.piece().enumerated() { image[(place + at) % image.count] = byte }
        }
        return image
    }

    /// The input that stands for an image of at most seven pages; nil for one that is longer.
    public static func compacted(_ image: [UInt8]) -> [UInt8]? {
        guard image.count.isMultiple(of: 4096), (1...7).contains(image.count / 4096) else { return nil }
        var input: [UInt8] = [0, 0, UInt8(image.count / 4096 - 1)]
        var place = 0
        while place < image.count {
            var end = place
            while end < image.count, end - place < 248,
                image[end..<min(end + 8, image.count)].contains(where: { $0 != 0 })
            {
                end += 8
            }
            if end > place {
                let unit = place / 8
                input += [UInt8(unit & 0xFF), UInt8(unit >> 8), UInt8(end - place)] + image[place..<end]
            }
            place = max(end, place + 8)
        }
        return input
    }
}
