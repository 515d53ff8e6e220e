import BusModel
import CaptureFiles
import VMBusWire

/// A recording as somebody else would hand it over: read in pieces, opened as a whole, gone through by the index.
///
/// The first byte says into what pieces it is cut; whatever they are, the same records come out.
func fuzzRecording(_ bytes: [UInt8]) throws(Finding) {
    var feed = ByteFeed(bytes)
    let size = Int(feed.next(UInt8.self)) + 1
    let file = feed.remainder()
    let whole = read(file, inPiecesOf: max(1, file.count))
    let pieces = read(file, inPiecesOf: size)
    try require(
        whole.records == pieces.records,
        "pieces of \(size) bytes give \(pieces.records.headers.count) records, not \(whole.records.headers.count)")
    try require(whole.damages == pieces.damages, "pieces of \(size) bytes have other damage")
    for damage in whole.damages.first {
        try require(damage.offset &+ damage.length <= UInt64(file.count), "damage behind the end: \(damage)")
    }
    try require(whole.records.arena.count <= 64 * file.count + 64, "\(whole.records.arena.count) bytes of records")

    var index = RecordingIndex()
    let numbers = file.withBytes { bytes in
        index.extend(bytes)
        return index.matches(RecordingFilter(), in: bytes)
    }
    try require(
        numbers == Array(0..<index.count), "a filter that holds of all finds \(numbers.count) of \(index.count)")
    var source = RecordingSource(file, name: "input")
    let all = (try? source.advance(.steps(.max))) ?? FlowBatch()
    try require(
        all == whole.records, "a source gives \(all.headers.count) records, a reader \(whole.records.headers.count)")
    try fuzzCapture(file)
    // Sequence numbers that do not count up are gone to in vain.
    try? source.seek(Position(sequence: source.position.sequence / 2, time: 0))
    _ = source.keyframe
    try canary(
        whole.damages.count > 0 && whole.records.headers.contains { $0.attachmentLength > 60 && $0.omittedLength == 0 },
        "a whole packet with pages in a damaged file")
}

/// The same bytes as a capture of another program: what comes out ends, and has no byte twice.
private func fuzzCapture(_ file: [UInt8]) throws(Finding) {
    guard var capture = file.withBytes({ ForeignCapture($0) }) else { return }
    var (packets, bytes) = (0, 0)
    while case let batch = file.withBytes({ capture.read($0, limit: 16) }), !batch.isEmpty {
        packets += batch.headers.count
        bytes += batch.arena.count
        try require(packets <= file.count, "\(packets) packets in \(file.count) bytes")
    }
    try require(capture.isAtEnd && bytes <= file.count, "\(bytes) bytes of packets in \(file.count) bytes")
}

private func read(_ file: [UInt8], inPiecesOf size: Int) -> (records: FlowBatch, damages: RecordingDamages) {
    var reader = RecordingReader()
    var batch = FlowBatch()
    var place = 0
    while place < file.count {
        reader.append(Array(file[place..<min(place + size, file.count)]))
        reader.read(into: &batch, limit: .max)
        place += size
    }
    reader.finish()
    reader.read(into: &batch, limit: .max)
    return (batch, reader.damages)
}
