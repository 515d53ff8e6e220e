import BusModel
import Testing
import VMBusWire

@testable import InspectorTUI

/// The small parts of which the screens are made.
struct SmallPartTests {
    @Test func `a line of input is edited as people expect`() {
        var line = InputLine("relid == 3")
        let isEdited = line.edit(Key(.character("w"), .control))
        #expect(isEdited)
        #expect(line.text == "relid == ")
        line.insert("14\u{1B}[2J\n")
        #expect(line.text == "relid == 14[2J")
        for _ in 0..<3 { _ = line.edit(Key(.backspace)) }
        #expect(line.text == "relid == 14")
        _ = line.edit(Key(.home))
        line.insert("not ")
        #expect(line.text == "not relid == 14" && line.cursor == 4)
        _ = line.edit(Key(.character("k"), .control))
        #expect(line.text == "not ")
        line.insert(String(repeating: "x", count: 5_000))
        #expect(line.text.count == InputLine.limit)
        let isTaken = line.edit(Key(.function(5)))
        #expect(!isTaken)
        line.replace(from: 90_000, with: "y")
        #expect(line.text.count == InputLine.limit)
    }

    @Test func `a ring's bytes are drawn where they lie`() {
        let scale = RingScale(size: 1_000, columns: 10)
        #expect(scale.cells(from: 0, length: 1) == [0..<1])
        #expect(scale.cells(from: 100, length: 100) == [1..<2])
        #expect(scale.cells(from: 100, length: 101) == [1..<3])
        #expect(scale.cells(from: 950, length: 100) == [9..<10, 0..<1])
        #expect(scale.cells(from: 5, length: 5_000) == [0..<10, 0..<1])
        #expect(scale.cells(from: .max, length: .max).allSatisfy { $0.lowerBound >= 0 && $0.upperBound <= 10 })
        #expect(RingScale(size: 0, columns: 10).cells(from: 1, length: 1).isEmpty)
        #expect(RingScale(size: .max, columns: 3).cell(of: .max) == 2)
    }

    @Test func `a running source follows the clock and gives keys a turn`() throws {
        var source: any BusSource = CountingSource()
        var run = SteppedRun()
        var wall: UInt64 = 1_000
        func advance(_ speed: Int = 0) throws -> Int {
            try run.advance(&source, speed: speed, logTime: (source as? CountingSource)?.time ?? 0, wall: wall) { wall }
                .headers.count
        }
        #expect(try advance() == 0, "the first turn only looks at the clock")
        wall += 100
        #expect(try advance() == 100)
        wall += 10
        #expect(try advance(1) == 0, "another speed starts from now")
        wall += 10
        #expect(try advance(1) == 20)
        #expect(try advance(-2) == 0)
        wall += 40
        #expect(try advance(-2) == 10)
        wall += 1 << 40
        // Far behind: it gives up after its time instead of standing still for ever.
        var now = wall
        let batch = try run.advance(&source, speed: -2, logTime: 130, wall: wall) {
            now += 1_000_000
            return now
        }
        #expect(batch.headers.count > 1_000 && batch.headers.count < 10_000)
        #expect(SteppedRun.scaled(.max, 10) == .max && SteppedRun.scaled(1 << 20, -20) == 1)
    }

    /// One record each nanosecond.
    private struct CountingSource: BusSource {
        var time: UInt64 = 0
        var capabilities: Capabilities {
            Capabilities(kind: .simulator, canStep: true, canSeek: false, hasRingImages: false)
        }
        var title: String { "counting" }
        mutating func advance(_ budget: AdvanceBudget) throws(SourceError) -> FlowBatch {
            guard case .time(let end, let limit) = budget else { throw SourceError("only by time") }
            var batch = FlowBatch()
            while time < end, batch.headers.count < limit {
                time += 1
                batch.append(FlowRecordHeader(kind: .note, time: time, partition: 0), [])
            }
            return batch
        }
        func ringImage(_ channel: ChannelKey, _ direction: Direction) -> RingImage? { nil }
        mutating func seek(_ position: BusModel.Position) throws(SourceError) {}
        mutating func perform(_ command: Command) throws(CommandRefusal) {}
    }

    @Test func `base 64 as the standard's examples have it`() {
        for (plain, encoded) in [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            #expect(String(decoding: Base64.encoded(Array(plain.utf8)), as: UTF8.self) == encoded)
        }
    }

    @Test func `what is left over goes to columns that can take it`() {
        let columns: [TableWidget.Column] = [
            .init(title: "a", width: .flexible(minimum: 5, share: 1, maximum: 8)),
            .init(title: "b", width: .fixed(4)),
            .init(title: "c", width: .flexible(minimum: 5, share: 3, maximum: 10)),
        ]
        #expect(TableWidget.places(of: columns, in: 20).map(\.width) == [6, 4, 8])
        #expect(TableWidget.places(of: columns, in: 24).map(\.width) == [8, 4, 10])
        #expect(TableWidget.places(of: columns, in: 90).map(\.width) == [8, 4, 10])
    }
}
