import Configuration
import Testing

struct ConfigurationDocumentTests {
    private func table(_ text: String) throws -> ConfigurationTable {
        try ConfigurationDocument(parsing: text, file: "scenario.toml").root
    }

    private func message(_ text: String, _ use: (ConfigurationTable) throws -> Void) -> String {
        do {
            try use(try table(text))
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test func `reads every kind of value`() throws {
        let root = try table(
            """
            name = "two guests"
            seed = 0x7
            speed = 1.5
            paused = true
            steps = [1, 2, 3]
            [[guest]]
            name = "débian"
            [[guest]]
            name = "freebsd"
            [guest.network]
            channels = 4
            """)
        #expect(try root.string("name") == "two guests")
        #expect(try root.integer("seed") == 7)
        #expect(try root.numberIfPresent("speed") == 1.5)
        #expect(try root.numberIfPresent("seed") == 7)
        #expect(try root.booleanIfPresent("paused") == true)
        #expect(try root.array("steps").map { try $0.integer() } == [1, 2, 3])
        let guests = try root.tables("guest")
        #expect(try guests.map { try $0.string("name") } == ["débian", "freebsd"])
        #expect(try guests[1].tableIfPresent("network")?.integer("channels", in: 1...64) == 4)
        #expect(try root.stringIfPresent("absent") == nil)
        #expect(try root.tables("absent").isEmpty)
    }

    @Test func `keys come in the order of their bytes`() throws {
        #expect(try table("b = 1\na = 2\n\"é\" = 3\nZ = 4").keys == ["Z", "a", "b", "é"])
    }

    @Test func `a syntax error names file, line and column`() {
        #expect(throws: ConfigurationError.self) { try table("a = 1\nb = = 2\n") }
        #expect(message("a = 1\nb = = 2\n") { _ in }.hasPrefix("scenario.toml:2:"))
        #expect(message("a = 1\na = 2\n") { _ in }.hasPrefix("scenario.toml:2:"))
    }

    @Test func `a wrong value names its path`() {
        let cases: [(String, String, (ConfigurationTable) throws -> Void)] = [
            (
                "[[guest]]\ndevices = 3", "scenario.toml:2:1: guest[0].devices: expected an array, found an integer",
                { _ = try $0.tables("guest")[0].array("devices") }
            ),
            (
                "", "scenario.toml: name: missing; expected a string",
                { _ = try $0.string("name") }
            ),
            (
                "cpus = 65", "scenario.toml:1:1: cpus: 65: expected 1 to 64",
                { _ = try $0.integer("cpus", in: 1...64) }
            ),
            (
                "[guest]\nseeed = 1", "scenario.toml:2:1: guest.seeed: unknown; did you mean 'seed'?",
                { try $0.tableIfPresent("guest")?.requireOnly(["name", "seed"]) }
            ),
            (
                "speed = inf", "scenario.toml:1:1: speed: inf: expected a finite number",
                { _ = try $0.numberIfPresent("speed") }
            ),
            (
                "\"a b\" = 1", "scenario.toml:1:1: \"a b\": expected a string, found an integer",
                { _ = try $0.string("a b") }
            ),
        ]
        for (text, expected, use) in cases { #expect(message(text, use) == expected) }
    }

    @Test(
        arguments: [
            ("a = 1\n\n[[g]]\nn = 1\n[[g]]\n# [[g]]\n  n = \"x\"", "g", 1, "7:3"),
            ("a = [\"[[g]]\", '''\n[[g]]\nn''']\n[[g]]\n\"n\" = { b = 1 } # n\n[h]\nn = 2", "g", 0, "5:1"),
            ("a.b = [[1, 2], [3]]\ng = [{ n = 1 }, { n = 2 }]", "g", 1, "2:17"),
        ])
    func `an error names line and column, however the file is written`(
        _ text: String, _ table: String, _ index: Int, _ place: String
    ) {
        let found = message(text) { root in
            _ = try root.tables(table)[index].integer("n", in: 5...6)
        }
        #expect(found.hasPrefix("scenario.toml:\(place): \(table)[\(index)].n: "), "\(found)")
    }

    @Test func `dates are refused with their place`() {
        #expect(message("[a]\nday = 2026-11-22") { _ in }.hasPrefix("scenario.toml:2:7: dates are not used here"))
    }

    @Test func `hostile text is an error and never a crash`() {
        let deepHeader = "[" + Array(repeating: "a", count: 100_000).joined(separator: ".") + "]"
        let deepQuoted = Array(repeating: "\"a\"", count: 100_000).joined(separator: " . ") + " = 1"
        let deepArray = "a = " + String(repeating: "[", count: 100_000)
        let deepTable = String(repeating: "a = {", count: 100_000)
        for text in [
            deepHeader, deepQuoted, deepArray, deepTable, "a = \"x\\u0000y\"", "\"k\\U00000000\" = 1",
            "a = 1\u{0}b = 2",
            "\u{FEFF}\u{FEFF}", "a = \"\u{1B}[2J\"", "[", "]", "=", "a", "[#", "[ #]", "[}", "a = [,]", "a = {,}",
            "a = {b=1,}", "a = 01", "a = 1__0", "a = [1", "a = 99999999999999999999", "\\",
        ] {
            #expect(throws: ConfigurationError.self) { try table(text) }
        }
        #expect(throws: ConfigurationError.syntax(file: "t", line: 2, column: 3, reason: "not valid UTF-8")) {
            try ConfigurationDocument(parsing: Array("a=1\nb=".utf8) + [0xFF], file: "t")
        }
        #expect(throws: ConfigurationError.tooLarge(file: "t", size: 1 << 21, limit: 1 << 20)) {
            try ConfigurationDocument(parsing: String(repeating: " ", count: 1 << 21), file: "t")
        }
    }

    @Test func `long prose and many numbers are no dotted keys`() throws {
        let prose = Array(repeating: "one. two", count: 1_000).joined(separator: " ")
        let numbers = Array(repeating: "1.5", count: 1_000).joined(separator: ", ")
        #expect(
            try table("# \(prose)\ndots = \"\(String(repeating: ".", count: 500))\"\nn = [\(numbers)]").keys.count == 2)
    }

    @Test func `every form of TOML is understood`() throws {
        let root = try table(
            #"""
            # comment with "quotes" and é
            plain = "tab\t quote\" é \u00e9 \U0001F600"
            literal = 'C:\no\escape'
            long = """
            first \
                joined ""two"" quotes"""
            raw = '''
            as it 'is'''
            numbers = [ +1, -2, 1_000, 0xFF, 0o17, 0b11, 1e3, -0.5, 6.0e-1, # comment
              inf, nan, ]
            "quoted name".'other' . bare = { x = 1, y.z = [ { a = true }, {} ] }
            [ spaced . name ]
            a = false
            [[list]]
            [[ list ]]
            """#)
        #expect(try root.string("plain") == "tab\t quote\" é é 😀")
        #expect(try root.string("literal") == #"C:\no\escape"#)
        #expect(try root.string("long") == "first joined \"\"two\"\" quotes")
        #expect(try root.string("raw") == "as it 'is")
        let numbers = try root.array("numbers")
        #expect(numbers.count == 11)
        #expect(try numbers.prefix(9).map { try $0.number() } == [1, -2, 1_000, 255, 15, 3, 1_000, -0.5, 0.6])
        #expect(try root.tables("list").count == 2)
        #expect(try table("a = 1\r\nb = \"\"\"x\r\ny\"\"\"\r\n").keys == ["a", "b"])
    }

    @Test func `a seeded soup of TOML pieces never crashes, and some of it is TOML`() {
        let pieces = [
            "[", "]", "a", ".", "=", "\"", "'", "\n", "{", "}", ",", "1", "\\u", "0", "#", " ", "-", ":", "é", "a = ",
            "\"\"\"", "'''", "e", "_", "+", "inf", "true", "[a]\n", "b = 1\n", "[[a]]\n", "{a=1}", "[1,2]", "\n",
            "c.d = ",
        ]
        var state: UInt64 = 42
        var parsed = 0
        for round in 0..<20_000 {
            var text = ""
            for _ in 0..<(3 + round % 12) {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text += pieces[Int(state >> 33) % pieces.count]
            }
            if (try? table(text)) != nil { parsed += 1 }
        }
        #expect(parsed > 100)
    }
}
