/// What stands before the kernel's words where no kernel time does: a date, a host, a program, a level.
struct KernelLogPrefix {
    /// Nanoseconds since the year's start; nil where there is no date.
    private(set) var wallTime: UInt64?
    /// 0 emergency to 7 debugging; nil where no word tells.
    private(set) var level: UInt8?
    /// Whether there is any prefix that is known.
    private(set) var isKnown = false
    /// What stands behind it.
    private(set) var rest: ArraySlice<UInt8>

    /// Takes the prefix of a line off.
    init(_ line: ArraySlice<UInt8>) {
        rest = line.trimmed
        if takeSyslogDate() || takeISODate() {
            isKnown = true
            takeTag()
            return
        }
        while let bracket = nextBracket() {
            guard take(bracket.content) else { break }
            isKnown = true
            rest = bracket.behind.trimmed
        }
        takeFacility()
    }

    // MARK: Dates

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    private static let daysBefore: [UInt64] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]

    /// `Jul 23 16:18:53 `
    private mutating func takeSyslogDate() -> Bool {
        var scanner = TextScanner(rest)
        guard let month = Self.month(scanner.word()) else { return false }
        scanner.skipBlanks()
        guard let day = scanner.decimal(), scanner.skipBlanks(), let time = Self.timeOfDay(&scanner) else {
            return false
        }
        wallTime = Self.nanoseconds(month: month, day: day, timeOfDay: time)
        rest = scanner.rest.trimmed
        return true
    }

    /// `2023-07-25T22:06:11.903+00:00 `
    private mutating func takeISODate() -> Bool {
        var scanner = TextScanner(rest)
        let dash = UInt8(ascii: "-")
        guard let year = scanner.decimal(), year > 1900, scanner.take(dash), let month = scanner.decimal(),
            (1...12).contains(month), scanner.take(dash), let day = scanner.decimal(),
            scanner.take(UInt8(ascii: "T")) || scanner.take(UInt8(ascii: " ")), let time = Self.timeOfDay(&scanner)
        else { return false }
        wallTime = Self.nanoseconds(month: Int(month) - 1, day: day, timeOfDay: time)
        // The zone.
        _ = scanner.word()
        rest = scanner.rest.trimmed
        return true
    }

    private static func month(_ word: ArraySlice<UInt8>) -> Int? {
        months.firstIndex { word.elementsEqual($0.utf8) }
    }

    /// `16:18:53`, with or without a fraction behind a point or comma.
    private static func timeOfDay(_ scanner: inout TextScanner) -> UInt64? {
        let colon = UInt8(ascii: ":")
        guard let hours = scanner.decimal(), hours < 24, scanner.take(colon), let minutes = scanner.decimal(),
            minutes < 60, scanner.take(colon), let seconds = scanner.decimal(), seconds < 61
        else { return nil }
        var nanoseconds = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000_000
        if scanner.take(UInt8(ascii: ".")) || scanner.take(UInt8(ascii: ",")) {
            var unit: UInt64 = 100_000_000
            for digit in scanner.prefix(until: { !$0.isDigit }) {
                nanoseconds += UInt64(digit - UInt8(ascii: "0")) * unit
                unit /= 10
            }
        }
        return nanoseconds
    }

    private static func nanoseconds(month: Int, day: UInt64, timeOfDay: UInt64) -> UInt64 {
        (daysBefore[month] + min(max(day, 1), 31) - 1) * 86_400_000_000_000 + timeOfDay
    }

    // MARK: Words

    /// `host kernel: `, or a program that is not the kernel, whose name stays.
    private mutating func takeTag() {
        takeLevelWords()
        if let range = rest.prefix(128).firstRange(of: "kernel:".utf8) {
            rest = rest[range.upperBound...].trimmed
            return
        }
        var scanner = TextScanner(rest)
        let host = scanner.word()
        // What `dmesg --time-format iso` writes has no host.
        guard !host.isEmpty, host.last != UInt8(ascii: ":"), scanner.skipBlanks(),
            scanner.word().last == UInt8(ascii: ":")
        else { return }
        rest = rest[(host.endIndex)...].trimmed
    }

    private static let levels: [(word: String, level: UInt8)] = [
        ("emerg", 0), ("alert", 1), ("crit", 2), ("error", 3), ("err", 3), ("warning", 4), ("warn", 4), ("notice", 5),
        ("info", 6), ("debug", 7),
    ]

    private static func level(_ word: ArraySlice<UInt8>) -> UInt8? {
        let lowered = word.trimmed.map { $0.isLetter ? $0 | 0x20 : $0 }
        return levels.first { lowered.elementsEqual($0.word.utf8) }?.level
    }

    private mutating func takeLevelWords() {
        var scanner = TextScanner(rest)
        guard let level = Self.level(scanner.word()) else { return }
        self.level = level
        rest = scanner.rest.trimmed
    }

    /// `kern  :info  : ` of `dmesg -x`.
    private mutating func takeFacility() {
        var scanner = TextScanner(rest)
        guard let facility = scanner.take(through: UInt8(ascii: ":")), facility.count <= 8,
            let word = scanner.take(through: UInt8(ascii: ":")), word.count <= 8, let level = Self.level(word)
        else { return }
        self.level = level
        isKnown = true
        rest = scanner.rest.trimmed
    }

    // MARK: Brackets

    private func nextBracket() -> (content: ArraySlice<UInt8>, behind: ArraySlice<UInt8>)? {
        var scanner = TextScanner(rest)
        guard scanner.take(UInt8(ascii: "[")), let content = scanner.take(through: UInt8(ascii: "]")) else {
            return nil
        }
        return (content, scanner.rest)
    }

    /// `Sun Nov 22 18:34:58 2026` in any language, `07:50:35.019`, `Nov22 18:34`, `  +0.000012`; behind one of these, a program
    /// and a level.
    private mutating func take(_ content: ArraySlice<UInt8>) -> Bool {
        if isKnown {
            level = level ?? Self.level(content)
            return content.count <= 24
        }
        var scanner = TextScanner(content.trimmed)
        if scanner.take(UInt8(ascii: "+")) { return scanner.decimal() != nil }
        guard let colon = content.firstIndex(of: UInt8(ascii: ":")) else { return false }
        let hours = content[..<colon].reversed().prefix { $0.isDigit }.count
        guard (1...2).contains(hours), content[(colon + 1)...].prefix(2).allSatisfy(\.isDigit) else { return false }
        var clock = TextScanner(content[(colon - hours)...])
        guard let time = Self.timeOfDay(&clock) else { return true }
        let words = content[..<(colon - hours)].split(whereSeparator: \.isBlank)
        if words.isEmpty {
            wallTime = time
        } else if words.count == 3, let month = Self.month(words[1]),
            let day = UInt64(String(decoding: words[2], as: UTF8.self))
        {
            wallTime = Self.nanoseconds(month: month, day: day, timeOfDay: time)
        }
        return true
    }
}
