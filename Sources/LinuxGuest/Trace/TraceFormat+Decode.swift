public import BusModel
import VMBusWire

extension TraceFormat {
    /// The longest text that a field becomes, in bytes.
    private static let longestText = 255

    /// Takes a record's bytes, from `common_type` on, as what they tell. A field that does not lie in them is left out.
    ///
    /// - Parameters:
    ///   - bytes: the record as the kernel wrote it.
    ///   - cpu: the processor on which it was written.
    ///   - thread: the thread, where the transport tells; else the record's own `common_pid`.
    public func decode(_ bytes: ArraySlice<UInt8>, cpu: UInt16, thread: UInt32? = nil) -> TraceRecord {
        var told: [TraceField] = []
        var owner: UInt32 = 0
        for field in fields {
            if field.isCommon {
                if field.name == "common_pid", let number = Self.number(field.offset, field.size, bytes) {
                    owner = UInt32(truncatingIfNeeded: number)
                }
                continue
            }
            if let value = value(field, bytes) { told.append(value) }
        }
        return TraceRecord(system: system, event: event, cpu: cpu, thread: thread ?? owner, fields: told)
    }

    /// The number of the tracepoint that wrote a record; nil for one that is too short.
    public static func id(of bytes: ArraySlice<UInt8>) -> UInt16? {
        number(0, 2, bytes).map { UInt16(truncatingIfNeeded: $0) }
    }

    private func value(_ field: TraceFormatField, _ bytes: ArraySlice<UInt8>) -> TraceField? {
        switch field.kind {
        case .number(let isSigned):
            guard let number = Self.number(field.offset, field.size, bytes) else { return nil }
            guard isSigned, field.size < 8 else { return TraceField(field.name, number) }
            let shift = UInt64(64 - field.size * 8)
            return TraceField(field.name, signed: Int64(bitPattern: number << shift) >> Int64(shift))
        case .text where field.size == GUID.byteCount && system == "hyperv":
            // The kernel declares identifiers as characters (ecosystem §3.1).
            guard let low = Self.number(field.offset, 8, bytes), let high = Self.number(field.offset + 8, 8, bytes)
            else { return nil }
            return TraceField(field.name, guid: GUID(low: low, high: high))
        case .text: return Self.slice(field.offset, field.size, bytes).map { Self.text(field.name, $0) }
        case .bytes: return Self.slice(field.offset, field.size, bytes).map { Self.hexadecimal(field.name, $0) }
        case .remoteText: return Self.remote(field, bytes).map { Self.text(field.name, $0) }
        case .remoteBytes: return Self.remote(field, bytes).map { Self.hexadecimal(field.name, $0) }
        }
    }

    /// What a place in the record points to: the offset in the low half, the length in the high half.
    private static func remote(_ field: TraceFormatField, _ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let place = number(field.offset, 4, bytes) else { return nil }
        return slice(Int(place & 0xFFFF), Int(place >> 16), bytes)
    }

    private static func slice(_ offset: Int, _ size: Int, _ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard offset >= 0, size >= 0, offset <= bytes.count, size <= bytes.count - offset else { return nil }
        return bytes.dropFirst(offset).prefix(size)
    }

    private static func number(_ offset: Int, _ size: Int, _ bytes: ArraySlice<UInt8>) -> UInt64? {
        slice(offset, size, bytes).map { $0.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    }

    private static func text(_ name: String, _ bytes: ArraySlice<UInt8>) -> TraceField {
        TraceField(name, text: PrintableText.harmless(String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)))
    }

    private static func hexadecimal(_ name: String, _ bytes: ArraySlice<UInt8>) -> TraceField {
        let digits = bytes.prefix(longestText / 2).map { Hexadecimal.digits(UInt64($0), count: 2) }
        return TraceField(name, text: digits.joined())
    }
}
