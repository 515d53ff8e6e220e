import BusModel
import LinuxGuest
import Platform
import VMBusWire

/// What a kernel tells of its tracepoints: a description with a record, a page of a trace buffer, or a perf buffer.
///
/// The first byte chooses which; for the first the length of the description follows in two bytes.
func fuzzTracepoint(_ bytes: [UInt8]) throws(Finding) {
    var feed = ByteFeed(bytes)
    switch feed.next(below: 3) {
    case 0:
        let text = feed.take(Int(feed.next(UInt16.self)))
        try fuzzDescription(text, record: feed.remainder())
    case 1: try fuzzPage(feed.remainder())
    default: try fuzzPerfBuffer(feed.remainder())
    }
}

private func fuzzDescription(_ text: [UInt8], record bytes: [UInt8]) throws(Finding) {
    let format: TraceFormat
    do throws(FormatError) {
        format = try TraceFormat(text, system: "hyperv")
    } catch {
        return try require(!error.description.isEmpty, "refused without a reason")
    }
    let record = format.decode(bytes[...], cpu: 1)
    try require(record.fields.count <= format.fields.count, "more fields than described")
    let again: TraceRecord
    do throws(WireError) {
        again = try TraceRecord.decode(record.encoded()[...])
    } catch {
        throw Finding("a record that cannot be read again: \(error)")
    }
    try require(again.fields.count == record.fields.count, "another number of fields when read again")
    var snapshot = BusSnapshot()
    var batch = FlowBatch()
    batch.append(record.header(time: 1, partition: 1), record.encoded())
    snapshot.apply(batch)
    try canary(
        format.fields.contains { $0.kind == .remoteText }
            && record.fields.contains { $0.form == .text && !$0.text.isEmpty },
        "a text behind the fields")
}

private func fuzzPage(_ bytes: [UInt8]) throws(Finding) {
    let page = RawTracePage(bytes)
    let told = page.events.reduce(0) { $0 + $1.bytes.count + 4 }
    try require(told <= max(0, bytes.count - RawTracePage.headerSize), "\(told) bytes of events in \(bytes.count)")
    if case .counted = page.loss {
        try canary(page.events.count > 1 && !page.isDamaged, "a counted loss before events")
    }
}

private func fuzzPerfBuffer(_ bytes: [UInt8]) throws(Finding) {
    var reader = PerfRecordReader(bytes)
    var (told, samples, isLossy) = (0, 0, false)
    while let record = reader.next() {
        told += 8
        switch record {
        case .sample(let sample):
            told += 28 + sample.raw.count
            samples += 1
        case .lost: isLossy = true
        case .other: break
        }
        try require(told <= bytes.count, "\(told) bytes of records in \(bytes.count)")
    }
    try canary(samples > 1 && isLossy, "a loss between samples")
}
