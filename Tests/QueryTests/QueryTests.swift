import Query
import Testing
import VMBusWire

/// A record as a filter sees it, with values given by name.
struct Sample: QuerySubject {
    static let device = GUID(0xF861_5163, 0xDF3E, 0x46C5, 0x913F_F2D2_F965_ED0E)

    var fields: [String: QueryValue] = [
        "seq": .integer(42), "time": .integer(5_000_000), "kind": .text("packet"), "name": .text("NVSP.INIT"),
        "direction": .text("guest_to_host"), "partition": .text("guest 1"), "device": .guid(Sample.device),
        "class": .text("network"), "relid": .integer(14), "subchannel": .integer(0), "length": .integer(4096),
        "info": .text("Opens 2 sub-channels (a|b)"), "channel": .text("eth0"),
    ]
    var decodedFields: [String: [QueryValue]] = [
        "open_id": [.integer(7)], "nvsp.type": [.integer(1), .text("init")],
        "pfn": [.integer(0x1000), .integer(0x1001)],
        "frame": [.bytes([0xDE, 0xAD])],
    ]

    func value(of field: QueryField) -> QueryValue? { fields[field.name] }
    func decoded(_ path: DecodedPath) -> [QueryValue] { decodedFields[path.parts.joined(separator: ".")] ?? [] }
}

@Suite struct QueryTests {
    @Test(arguments: [
        "relid == 14", "relid = 0xe", "relid != 15", "relid < 15 and relid > 13", "relid <= 14 && relid >= 14",
        "length == 4k", "length < 1M", "length >= 4KiB", "time == 5ms", "time < 1s", "time > 4999us", "time <= 0.1min",
        "kind == packet", "kind == PACKET", "kind in {message, packet}", "relid in {1, 0x0e,3}",
        "name contains nvsp", "name matches \"^nvsp\\.\"", "name ~ 'INIT$'", "info contains \"(a|b)\"",
        "info ~ \"\\d sub-channels?\"", "device == f8615163-df3e-46c5-913f-f2d2f965ed0e",
        "device == {f8615163-df3e-46c5-913f-f2d2f965ed0e}".replacing("{", with: "\"{").replacing("}", with: "}\""),
        "device contains f861", "class != scsi", "eth0", "nvsp", "\"opens 2\"", "not scsi",
        "!scsi and not (relid == 1)",
        "relid == 1 or relid == 14 and kind == packet", "(relid == 1 or relid == 14) and not kind == signal",
        "open_id == 7", "open_id > 6 and relid == 14", "nvsp.type == 1", "nvsp.type == init", "nvsp.type != 2",
        "pfn == 0x1001", "pfn in {0x5000, 0x1000}", "frame == dead", "frame == 0xdead", "not open_id == 8",
        "not missing_field == 1", "((((relid == 14))))", "relid == 1.4 or relid < 14.5",
    ])
    func `fits`(_ text: String) throws {
        let query = try Query.parse(text, for: .record)
        #expect(query.matches(Sample()))
    }

    @Test(arguments: [
        "relid == 15", "relid != 14", "length > 4k", "time > 5ms", "kind == message", "kind in {message, signal}",
        "name matches \"^init\"", "scsi", "not eth0", "relid == 14 and scsi", "open_id != 7", "nvsp.type != 1",
        "nvsp.type != init", "missing_field == 1", "missing_field != 1", "pfn != 0x1000", "frame == beef",
        "class == scsi or relid == 1",
    ])
    func `does not fit`(_ text: String) throws {
        let query = try Query.parse(text, for: .record)
        #expect(!query.matches(Sample()))
    }

    @Test(arguments: [
        ("relidd == 1", 0, "no field"), ("relid == many", 9, "is a number"), ("kind == packed", 8, "never"),
        ("relid contains 1", 0, "needs text"), ("kind < packet", 0, "no order"), ("device == 1x and a", 10, "GUID"),
        ("relid == 14 kind", 12, "'and' or 'or'"), ("relid == )", 9, "value"), ("name ~ \"(\" and a", 7, "pattern"),
        ("and", 0, "in front of"), ("relid and kind == packet", 0, "comparison"), ("relid in 14", 9, "'{'"),
        (")", 0, "expected"), ("kind == packet)", 14, "'and' or 'or'"), ("a & b", 2, "&&"),
    ])
    func `what is wrong is named with its place`(_ text: String, _ position: Int, _ part: String) {
        let error = #expect(throws: QueryError.self) { try Query.parse(text, for: .record) }
        #expect(error?.position == position)
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }

    @Test func `near names are offered`() {
        let error = #expect(throws: QueryError.self) { try Query.parse("drver == hv_netvsc", for: .channel) }
        #expect(error?.suggestions.first == "driver")
        let slip = #expect(throws: QueryError.self) { try Query.parse("ring_gpdl == 7", for: .record) }
        #expect(slip?.suggestions.first == "ring_gpadl")
        let word = #expect(throws: QueryError.self) { try Query.parse("state == opne and x", for: .channel) }
        #expect(word?.suggestions.first == "open")
    }

    @Test func `a prompt knows valid, incomplete and invalid`() {
        func word(_ text: String) -> String {
            switch Query.validity(text, for: .record) {
            case .empty: "empty"
            case .valid: "valid"
            case .incomplete: "incomplete"
            case .invalid: "invalid"
            }
        }
        #expect(word("  ") == "empty")
        // While this is typed no letter of it is ever wrong.
        let text = "(kind == packet and name ~ \"^nvsp\") or not relid in {1, 2}"
        let states = (1...text.count).map { word(String(text.prefix($0))) }
        #expect(!states.contains("invalid"), "\(states)")
        #expect(states.last == "valid")
        #expect(word("relid ==") == "incomplete")
        #expect(word("kind == pack") == "incomplete")
        #expect(word("kind == pax") == "invalid")
        #expect(word("name == \"open") == "incomplete")
    }

    @Test func `a decoded field is only decoded when it is asked for`() throws {
        #expect(try !Query.parse("relid == 1 and eth0", for: .record).needsDecoding)
        #expect(try Query.parse("relid == 1 and open_id == 2", for: .record).needsDecoding)
        struct Costly: QuerySubject {
            func value(of field: QueryField) -> QueryValue? { .integer(1) }
            func decoded(_ path: DecodedPath) -> [QueryValue] {
                Issue.record("decoded in vain")
                return []
            }
        }
        #expect(try !Query.parse("open_id == 2 and relid == 2", for: .record).matches(Costly()))
        #expect(try Query.parse("open_id == 2 or relid == 1", for: .record).matches(Costly()))
    }

    @Test func `decoded fields are for records only`() {
        #expect(throws: QueryError.self) { try Query.parse("open_id == 7", for: .channel) }
    }

    @Test func `a truth stands alone or is compared`() throws {
        struct Channel: QuerySubject {
            func value(of field: QueryField) -> QueryValue? { field.name == "opened" ? .truth(true) : nil }
            func decoded(_ path: DecodedPath) -> [QueryValue] { [] }
        }
        for text in ["opened", "opened == true", "opened != no", "not in.masked", "opened == yes"] {
            #expect(try Query.parse(text, for: .channel).matches(Channel()), "\(text)")
        }
        #expect(throws: QueryError.self) { try Query.parse("opened == perhaps", for: .channel) }
    }

    @Test func `completion offers what fits at the cursor`() {
        func offered(_ text: String, _ schema: QuerySchema = .record) -> [String] {
            Query.complete(text, cursor: text.count, for: schema).map(\.text)
        }
        #expect(offered("re").first == "relid")
        #expect(offered("downst") == ["downstream_page_offset"])
        #expect(offered("open_id ").contains(">="))
        #expect(offered("kind == pa") == ["packet"])
        #expect(offered("kind in {message, si") == ["signal"])
        #expect(offered("kind == packet ").contains("and"))
        #expect(offered("relid ").contains("<="))
        #expect(!offered("name ").contains("<="))
        #expect(offered("not sub").first == "subchannel")
        #expect(offered("in.", .channel) == ["in.used", "in.size", "in.fill", "in.masked"])
        #expect(offered("name == \"abc").isEmpty)
        #expect(Query.complete("relid == 1 and ki", cursor: 17, for: .record).first?.start == 15)
    }

    @Test func `depth and length are bounded`() throws {
        #expect(throws: QueryError.self) {
            try Query.parse(String(repeating: "(", count: 1000) + "a", for: .record)
        }
        #expect(throws: QueryError.self) {
            try Query.parse(String(repeating: "not ", count: 500) + "a", for: .record)
        }
        #expect(throws: QueryError.self) { try Query.parse(String(repeating: "a", count: 100_000), for: .record) }
        let wide = (0..<150).map { "relid==\($0)" }.joined(separator: "||")
        #expect(try Query.parse(wide, for: .record).matches(Sample()))
    }

    @Test func `a pattern takes time in proportion to the text`() throws {
        var sample = Sample()
        sample.fields["info"] = .text(String(repeating: "a", count: 500))
        // Either would take for ever with backtracking.
        for pattern in ["(a+)+b", "(a|a)*b", "(a*)*(a*)*(a*)*b", "((a?){30}){20}b"] {
            let query = try Query.parse("info ~ \"\(pattern)\"", for: .record)
            #expect(!query.matches(sample), "\(pattern)")
        }
    }

    @Test(arguments: [
        ("^$", "", true), ("a.c", "xabcx", true), ("a.c", "ac", false), ("^abc$", "abc", true), ("^bc", "abc", false),
        ("ab|cd", "xcdx", true), ("a(b|c)d", "acd", true), ("a(?:b|c)d", "aed", false), ("[a-c]+x", "bcax", true),
        ("[^a-c]", "abc", false), ("[]a]", "]", true), ("\\d{3}", "ab123", true), ("^\\d{2,3}$", "1234", false),
        ("a{0}b", "b", true), ("x{2,}", "xx", true), ("x{,2}", "x{,2}", true), ("\\.", "a", false),
        ("\\w+\\s\\w+", "a b", true),
        ("ABC", "xabcx", true), ("[A-Z]", "q", true), ("a+?b", "aab", true), ("()", "", true), ("(){1000}a", "a", true),
    ])
    func `patterns`(_ pattern: String, _ text: String, _ expected: Bool) throws {
        var sample = Sample()
        sample.fields["info"] = .text(text)
        let query = try Query.parse("info ~ \"\(pattern)\"", for: .record)
        #expect(query.matches(sample) == expected)
    }

    @Test(arguments: ["(", ")", "[", "a**", "*", "a{3,1}", "a{2000}", "\\", "\\q", "(?=a)", "[z-a]", "((a{500}){500})"])
    func `patterns that are refused`(_ pattern: String) {
        #expect(throws: QueryError.self) { try Query.parse("info ~ '\(pattern)' and x", for: .record) }
    }

    @Test func `no text makes it fail in another way than by an error`() {
        let pieces = [
            "relid", "kind", "==", "!=", "<", "(", ")", "{", "}", ",", "\"", "'", "and", "or", "not", "in", "contains",
            "matches", "~", "[a-", "(a|b)*", "0x", "1", "4k", "5ms", "ü", "👩‍👩‍👧", "\\", "&", "|", "&&", "||", "!", " ",
            ".",
            "nvsp.type", "\u{0}", "1e999", "-", "99999999999999999999999999999999999999999", "a{9}{9}", "opened",
            "in.fill",
        ]
        var state: UInt64 = 0x1234_5678_9ABC_DEF1
        func next() -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state >> 33)
        }
        var valid = 0
        for _ in 0..<6000 {
            let text = (0..<next() % 12).map { _ in pieces[next() % pieces.count] }
                .joined(separator: next() % 2 == 0 ? " " : "")
            for schema in [QuerySchema.record, .channel] {
                switch Query.validity(text, for: schema) {
                case .valid(let query):
                    valid += 1
                    _ = query.matches(Sample())
                case .invalid(let error), .incomplete(let error):
                    #expect(error.position >= 0 && error.position + error.length <= max(text.count, 1), "\(text)")
                case .empty: break
                }
                _ = Query.complete(text, cursor: next() % 20, for: schema)
            }
        }
        #expect(valid > 100)
    }
}
