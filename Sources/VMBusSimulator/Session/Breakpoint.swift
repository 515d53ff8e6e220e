import BusModel
import ProtocolRules
import Query
import VMBusWire

/// Where a journey stops.
struct Breakpoint: Sendable {
    enum Condition: Sendable {
        /// A record of which a filter holds: a message, a field, a partition, whatever the filter language can say.
        case record(Query)
        /// A value of the machine that no record tells changes.
        case watch(Watch)
        /// A rule is broken; an empty id stands for any.
        case invariant(String)
        /// A fault is injected or a rule is broken.
        case fault
    }

    let number: Int
    /// As it was written.
    let text: String
    let condition: Condition
    var isEnabled = true
    /// How often it was met.
    private(set) var hits: UInt64 = 0
    /// How many more times it is passed by.
    var ignored: UInt64
    /// What a watched value was last.
    var value: UInt64?

    /// Reads a breakpoint.
    ///
    /// - Parameter schema: what can be asked of records; nil where nobody reads them.
    /// - Throws: what is wrong with the text.
    init(_ number: Int, _ text: String, ignoring ignored: UInt64, _ schema: QuerySchema?) throws(CommandRefusal) {
        self.number = number
        self.text = text
        self.ignored = ignored
        let words = text.split(whereSeparator: \.isWhitespace)
        switch words.first {
        case "watch": condition = .watch(try Watch(words.dropFirst().joined(separator: " ")))
        case "invariant" where words.count <= 2:
            let rule = words.dropFirst().first.map(String.init) ?? ""
            guard rule.isEmpty || ProtocolRule.allCases.contains(where: { $0.id == rule }) else {
                throw CommandRefusal("there is no rule '\(rule)'; the view of the session lists all 34")
            }
            condition = .invariant(rule)
        case "fault" where words.count == 1: condition = .fault
        case nil: throw CommandRefusal("a breakpoint needs a filter, a watch, an invariant, or fault")
        default: condition = .record(try SessionQuery.parse(text, schema))
        }
    }

    var summary: BreakpointSummary {
        BreakpointSummary(number: number, text: text, isEnabled: isEnabled, hits: hits, ignored: ignored)
    }

    /// Whether it needs records as filters see them.
    var needsReader: Bool {
        if isEnabled, case .record = condition { true } else { false }
    }

    /// Whether it looks at records.
    var looksAtRecords: Bool {
        if case .watch = condition { false } else { isEnabled }
    }

    /// The watch of one that stops at values.
    var watch: Watch? {
        if isEnabled, case .watch(let watch) = condition { watch } else { nil }
    }

    /// Whether a record meets the condition.
    func fits(
        _ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, _ subject: (any QuerySubject)?
    ) -> Bool {
        guard isEnabled else { return false }
        switch condition {
        case .record(let query): return subject.map { query.matches($0) } ?? false
        case .watch: return false
        case .fault: return header.kind == .fault
        case .invariant(let rule):
            guard header.brokenRule != nil else { return false }
            return rule.isEmpty || payload.starts(with: "\(rule):".utf8)
        }
    }

    /// Whether a breach that was just found, and is no record, meets the condition.
    func stops(at breach: RuleBreach?) -> Bool {
        guard isEnabled, let breach else { return false }
        switch condition {
        case .invariant(let rule): return rule.isEmpty || breach.rule.id == rule
        case .fault: return true
        case .record, .watch: return false
        }
    }

    /// Counts that the condition was met. True when it stops.
    mutating func meet() -> Bool {
        hits &+= 1
        guard ignored > 0 else { return true }
        ignored -= 1
        return false
    }
}

/// Filters of records as sessions read them.
enum SessionQuery {
    static func parse(_ text: String, _ schema: QuerySchema?) throws(CommandRefusal) -> Query {
        guard let schema else { throw CommandRefusal("nobody reads the records of this simulation for filters") }
        do throws(QueryError) {
            return try Query.parse(text, for: schema)
        } catch {
            throw CommandRefusal("'\(text)': \(error)")
        }
    }
}
