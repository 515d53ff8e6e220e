import BusModel
import CaptureFiles
import Inspector
import VMBusWire

/// Records that somebody else has made up, in the form of every other tool, and without what tells whose they are.
///
/// The first byte says which form, the others are a recording. Whatever the records say, the document is whole.
func fuzzExport(_ bytes: [UInt8]) throws(Finding) {
    var feed = ByteFeed(bytes)
    let formats = FlowExport.Format.allCases
    let choice = Int(feed.next(UInt8.self))
    let format = formats[choice % formats.count]
    var reader = RecordingReader()
    reader.append(feed.remainder())
    reader.finish()
    var batch = FlowBatch()
    reader.read(into: &batch, limit: 4096)

    var export = FlowExport(format, title: "input", sieve: FlowSieve())
    var document: [UInt8] = []
    var hasRoom = true
    do throws(CommandRefusal) {
        try export.write(batch, to: &document)
    } catch {
        hasRoom = false
    }
    export.finish(&document)
    try require(export.count <= UInt64(batch.headers.count), "\(export.count) of \(batch.headers.count) records")
    try require(!hasRoom || export.count == UInt64(batch.headers.count), "only \(export.count) records")
    try requireWhole(document, format, lines: Int(export.count))

    var first = Anonymiser(key: SecretKey(1, 2))
    let replaced = first.replace(batch)
    try require(replaced.headers.count == batch.headers.count, "\(replaced.headers.count) records without names")
    for (before, after) in zip(batch.headers, replaced.headers) where [.message, .packet].contains(before.kind) {
        let (old, new) = (batch.payload(of: before).count, replaced.payload(of: after).count)
        try require(old == new, "record \(before.sequence) has \(new) of \(old) bytes without names")
    }
    var second = Anonymiser(key: SecretKey(1, 2))
    try require(second.replace(batch) == replaced, "the same key gives something else")
    try canary(format == .perfetto && export.count > 6 && first.report.transactions > 2, "packets as slices")
}

/// That a document of a form is whole, as far as that can be seen without its tool.
private func requireWhole(_ document: [UInt8], _ format: FlowExport.Format, lines count: Int) throws(Finding) {
    let newline = UInt8(ascii: "\n")
    switch format {
    case .jsonl:
        let lines = document.split(separator: newline)
        try require(lines.count == count, "\(lines.count) lines for \(count) records")
        for line in lines {
            try require(line.first == UInt8(ascii: "{") && line.last == UInt8(ascii: "}"), "a line is no object")
            try require(!line.contains { $0 < 0x20 }, "a line has a control character")
        }
    case .csv:
        // A field with quotes may go over lines; quotes are in pairs.
        let quotes = document.count { $0 == UInt8(ascii: "\"") }
        try require(quotes.isMultiple(of: 2) && document.last == newline, "\(quotes) quotes")
    case .perfetto:
        var rest = document[...]
        while let tag = rest.popFirst() {
            try require(tag == 0x0A, "tag \(tag) in the place of a packet's")
            var (length, shift) = (0, 0)
            while let byte = rest.popFirst() {
                length |= Int(byte & 0x7F) << shift
                shift += 7
                guard byte & 0x80 != 0, shift < 35 else { break }
            }
            try require(length <= rest.count, "a packet of \(length) bytes of which there are \(rest.count)")
            rest = rest.dropFirst(length)
        }
    case .mermaid:
        try require(document.isEmpty || document.last == newline, "the chart ends in a line")
    case .html:
        let end = Array("</html>".utf8)
        let whole = document.last == newline ? document.dropLast() : document[...]
        try require(whole.suffix(end.count) == end[...], "the page has no end")
        try require(document.count { $0 == 0 } == 0, "the page has zeros")
    }
}
