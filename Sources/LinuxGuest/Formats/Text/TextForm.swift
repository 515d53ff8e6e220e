import BusModel
import VMBusWire

/// The form of a line as the program that prints it has it: literal text with named values in between.
///
/// Values are written `{name:kind}`: `d` a decimal number that may be negative, `u` the same for what has 32 bits without a
/// sign, `x` a hexadecimal one with or without `0x`, `g` a GUID, `w` a word up to a blank or to what follows in the form,
/// `t` the rest. A blank stands for any number of
/// blanks and tabs but none.
struct TextForm: Sendable {
    private enum Piece: Sendable {
        case literal([UInt8])
        case value(name: String, kind: Character)
    }

    private var pieces: [Piece] = []

    /// Takes the form apart. A brace that opens no value is a literal.
    init(_ form: String) {
        var literal: [UInt8] = []
        var rest = form[...]
        while let character = rest.first {
            if character == "{", let end = rest.firstIndex(of: "}") {
                let parts = rest[rest.index(after: rest.startIndex)..<end].split(separator: ":")
                if parts.count == 2, let kind = parts[1].first {
                    if !literal.isEmpty { pieces.append(.literal(literal)) }
                    literal = []
                    pieces.append(.value(name: String(parts[0]), kind: kind))
                    rest = rest[rest.index(after: end)...]
                    continue
                }
            }
            literal += character.utf8
            rest.removeFirst()
        }
        if !literal.isEmpty { pieces.append(.literal(literal)) }
    }

    /// The values of a text that begins in this form; nil for another. What stands behind the form is not looked at.
    func match(_ text: ArraySlice<UInt8>) -> [TraceField]? {
        var scanner = TextScanner(text)
        var fields: [TraceField] = []
        for (index, piece) in pieces.enumerated() {
            switch piece {
            case .literal(let literal):
                guard Self.take(literal, &scanner) else { return nil }
            case .value(let name, let kind):
                guard let field = value(name, kind, before: index + 1, &scanner) else { return nil }
                // A number that a letter follows is part of a word.
                if field.form == .number, let next = scanner.rest.first, next.isLetter || next.isDigit { return nil }
                fields.append(field)
            }
        }
        return fields
    }

    /// The values of a text that has this form somewhere, wherever its first literal stands.
    func find(in text: ArraySlice<UInt8>) -> [TraceField]? {
        guard case .literal(let literal) = pieces.first else { return match(text) }
        var rest = text
        while let range = rest.firstRange(of: literal) {
            if let fields = match(rest[range.lowerBound...]) { return fields }
            rest = rest[(range.lowerBound + 1)...]
        }
        return nil
    }

    private static func take(_ literal: [UInt8], _ scanner: inout TextScanner) -> Bool {
        for byte in literal {
            if byte == UInt8(ascii: " ") {
                guard scanner.skipBlanks() else { return false }
            } else {
                guard scanner.take(byte) else { return false }
            }
        }
        return true
    }

    private func value(_ name: String, _ kind: Character, before next: Int, _ scanner: inout TextScanner) -> TraceField?
    {
        switch kind {
        case "d": return scanner.signedDecimal().map { TraceField(name, signed: $0) }
        case "u":
            return scanner.signedDecimal().map { TraceField(name, UInt64(UInt32(truncatingIfNeeded: $0))) }
        case "x": return scanner.hexadecimal().map { TraceField(name, $0) }
        case "g": return scanner.guid().map { TraceField(name, guid: $0) }
        case "w":
            var end: UInt8?
            if next < pieces.count, case .literal(let literal) = pieces[next] { end = literal.first }
            let word = scanner.prefix { $0.isBlank || $0 == end }
            return word.isEmpty ? nil : TraceField(name, text: word.harmless)
        default:
            return TraceField(name, text: scanner.prefix { _ in false }.harmless)
        }
    }
}
