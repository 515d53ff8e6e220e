import BusModel
import VMBusWire

/// A stream of frames as another machine's program would send it, and the fold of what comes out.
///
/// The first byte says into what pieces it is cut; whatever they are, the same comes out.
func fuzzFlowFrame(_ bytes: [UInt8]) throws(Finding) {
    var feed = ByteFeed(bytes)
    let size = Int(feed.next(UInt8.self)) + 1
    let stream = feed.remainder()
    let whole = read(stream, inPiecesOf: max(1, stream.count))
    let pieces = read(stream, inPiecesOf: size)
    try require(
        whole == pieces, "pieces of \(size) bytes give \(pieces.frames.count) frames, not \(whole.frames.count)")
    var snapshot = BusSnapshot()
    for frame in whole.frames {
        snapshot.apply(frame.batch)
        let again = read(FlowFrame.bytes(of: frame.batch, sentAt: frame.sentTime), inPiecesOf: 1 << 20)
        try require(again.frames == [frame], "a frame is another one after it was sent on")
    }
    try canary(
        whole.frames.count > 1 && snapshot.partitions.contains { !$0.devices.isEmpty }, "a device behind two frames")
}

private struct Reading: Equatable {
    var frames: [FlowFrame] = []
    var error: FlowFrameError?
}

private func read(_ stream: [UInt8], inPiecesOf size: Int) -> Reading {
    var decoder = FlowFrameDecoder()
    var reading = Reading()
    var place = 0
    while place < stream.count {
        decoder.append(Array(stream[place..<min(place + size, stream.count)]))
        place += size
        do throws(FlowFrameError) {
            while let frame = try decoder.next() { reading.frames.append(frame) }
        } catch {
            reading.error = error
            return reading
        }
    }
    return reading
}
