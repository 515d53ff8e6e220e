import BusModel
import LinuxGuest
import VMBusWire

/// A text from a guest, its host or a tool: recognised, or taken as a format whatever it holds; then lines and records of the
/// kernel log on their own.
///
/// The first byte chooses the format, the rest is the text.
func fuzzTextFile(_ bytes: [UInt8]) throws(Finding) {
    guard let choice = bytes.first else { return }
    let text = Array(bytes.dropFirst())
    let place = Int(choice) % (TextFormat.allCases.count + 2)
    if place < TextFormat.allCases.count {
        let file = TextFile(parsing: text, name: "input", as: TextFormat.allCases[place])
        try check(file, of: text)
    } else if place == TextFormat.allCases.count {
        if let file = try? TextFile(parsing: text, name: "input") { try check(file, of: text) }
    } else {
        try checkLines(text)
    }
}

private func check(_ file: TextFile, of text: [UInt8]) throws(Finding) {
    let lines = text.count { $0 == UInt8(ascii: "\n") } + 1
    try require(file.unknownCount <= lines, "\(file.unknownCount) of \(lines) lines are of no form")
    let source = TextFileSource([file, file])
    try require(source.batch.headers.count >= 2 * file.records.headers.count, "records lost in the merge")
    try require(source.batch.arena.count <= 4096 + 512 * text.count, "\(source.batch.arena.count) bytes of records")
    var time: UInt64 = 0
    var sequence: UInt64 = 0
    for header in source.batch.headers {
        try require(header.time >= time, "time goes back from \(time) to \(header.time)")
        try require(header.sequence == sequence + 1, "record \(header.sequence) behind \(sequence)")
        (time, sequence) = (header.time, header.sequence)
        let payload = source.batch.payload(of: header)
        try require(payload.count == Int(header.payloadLength), "a payload of another length")
        try checkRecord(header, payload)
    }
    var snapshot = BusSnapshot()
    snapshot.apply(source.batch)
    try require(snapshot.partitions.map(\.number) == [0, 1], "other partitions than host and guest")
}

private func checkRecord(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>) throws(Finding) {
    switch header.kind {
    case .kernelLog:
        guard let record = try? KernelLogRecord.decode(payload) else {
            throw Finding("a line that cannot be read again")
        }
        try require(isHarmless(record.line), "a line of the log steers the terminal")
        try canary(record.fact == .probeFailed && record.first == Int64.bits(-17), "a driver whose device exists")
    case .trace:
        guard let record = try? TraceRecord.decode(payload) else { throw Finding("an event that cannot be read again") }
        for field in record.fields {
            try require(isHarmless(String(decoding: field.text, as: UTF8.self)), "a field steers the terminal")
        }
    case .note, .gap: try require(isHarmless(String(decoding: payload, as: UTF8.self)), "a note steers the terminal")
    case .state:
        guard let list = try? AttributeList.decode(payload) else {
            throw Finding("attributes that cannot be read again")
        }
        for reading in list.readings { try require(isHarmless(reading.string), "an attribute steers the terminal") }
    default: break
    }
}

private func checkLines(_ text: [UInt8]) throws(Finding) {
    var lines = [KernelLogLine(parsing: text)]
    if let record = KernelLogLine(record: text) { lines.append(record) }
    for line in lines {
        try require(isHarmless(line.text), "a line steers the terminal")
        guard let meaning = KernelLogMeaning.of(line.text) else { continue }
        try require(isHarmless(meaning.text), "a meaning steers the terminal")
        let record = meaning.record(level: line.level, bootTime: line.bootTime)
        try require((try? KernelLogRecord.decode(record.encoded())) == record, "a record changes when it is written")
    }
}

private func isHarmless(_ text: String) -> Bool { !text.unicodeScalars.contains(where: \.steersTerminal) }

extension Int64 {
    /// The number as records hold it.
    fileprivate static func bits(_ number: Int64) -> UInt64 { UInt64(bitPattern: number) }
}
