import BusModel
import Inspector
import Query
import Testing
import VMBusSimulator
import VMBusWire

@Suite struct FlowExportTests {
    private static func log(_ name: String, steps: Int = 600) throws -> FlowBatch {
        let scenario = try #require(try Scenarios.named(name))
        var source = SimulatorSource(scenario, seed: 5)
        return source.advance(.steps(steps))
    }

    private static func exported(
        _ format: FlowExport.Format, _ batch: FlowBatch, title: String = "log", sieve: FlowSieve = FlowSieve()
    ) throws -> [UInt8] {
        var export = FlowExport(format, title: title, sieve: sieve)
        var bytes: [UInt8] = []
        try export.write(batch, to: &bytes)
        export.finish(&bytes)
        return bytes
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    /// Names that would be markup, a new line or a formula wherever they were not taken as text.
    private static let hostile = "</script><img src=x onerror=alert(1)>\"',\n;#\u{202E}"

    private static func hostileLog() -> FlowBatch {
        var log = GuestLog()
        log.add(.state, AttributeList([AttributeReading(.name, text: hostile)]).encoded(), code: 1)
        log.boot()
        log.add(.note, Array(hostile.utf8))
        return log.take()
    }

    @Test func `JSON lines are those of the flow`() throws {
        let log = try Self.log("boot")
        var stream = FlowStream()
        var writer = JSONWriter()
        stream.write(log, to: &writer)
        let isEqual = try Self.exported(.jsonl, log) == writer.take()
        #expect(isEqual)
    }

    @Test func `CSV has a line for each record and as many values in each as names`() throws {
        let log = try Self.log("boot", steps: 200)
        let lines = Self.text(try Self.exported(.csv, log)).split(separator: "\n")
        #expect(lines.count == log.headers.count + 1)
        #expect(lines[0] == "seq,time_ns,partition,device,subchannel,relid,channel,direction,kind,name,length,info")
        let text = Self.text(try Self.exported(.csv, Self.hostileLog()))
        // Within quotes a quote is two; the line feed was made harmless before.
        #expect(text.contains("\"\"',") && !text.contains("onerror=alert(1)>\"',\n"))
    }

    @Test func `an export can be of some records, which mean what they mean in the whole log`() throws {
        let log = try Self.log("network")
        let whole = Self.text(try Self.exported(.jsonl, log)).split(separator: "\n")
        let times = log.headers[log.headers.count / 4].time...log.headers[log.headers.count * 3 / 4].time
        let sieve = try FlowSieve(filter: "kind == packet", times: times)
        let part = Self.text(try Self.exported(.jsonl, log, sieve: sieve)).split(separator: "\n")
        #expect(part.count > 10 && part.count < whole.count)
        #expect(Set(part).isSubset(of: Set(whole)))
        #expect(part.allSatisfy { $0.contains("\"kind\":\"packet\"") })
        let refused = Result { try FlowSieve(filter: "kind ==") }
        #expect((try? refused.get()) == nil)
    }

    @Test func `a chart ends where nobody would read on, and ends well`() throws {
        let log = try Self.log("storage", steps: 2400)
        var export = FlowExport(.mermaid, title: "x", sieve: FlowSieve())
        var bytes: [UInt8] = []
        var refusal: CommandRefusal?
        do { try export.write(log, to: &bytes) } catch { refusal = error }
        export.finish(&bytes)
        #expect(refusal?.reason.contains("\(SequenceChart.maximumRecords)") == true)
        let lines = Self.text(bytes).split(separator: "\n")
        #expect(lines.first == "sequenceDiagram")
        #expect(lines.count { !$0.contains("participant") } == SequenceChart.maximumRecords + 1)
        #expect(Self.text(bytes).hasSuffix("\n"))
        let hostile = Self.text(try Self.exported(.mermaid, Self.hostileLog()))
        #expect(!hostile.contains("<img") && !hostile.contains("\u{202E}"))
    }

    @Test func `a page holds hostile names as text and nothing from elsewhere`() throws {
        let page = Self.text(try Self.exported(.html, Self.hostileLog(), title: Self.hostile))
        #expect(page.components(of: "</script>") == 1 && page.components(of: "<script>") == 1)
        #expect(!page.contains("<img") && !page.contains("\u{202E}"))
        #expect(page.contains(#"\u003c/script\u003e"#) && page.contains("&lt;/script&gt;"))
        #expect(!page.contains("http") || page.components(of: "http") == page.components(of: "http-equiv"))
        #expect(page.hasPrefix("<!DOCTYPE html>") && page.hasSuffix("</script></body></html>\n"))
        let empty = Self.text(try Self.exported(.html, FlowBatch()))
        #expect(empty.contains("const records=[\n];"))
    }

    @Test func `a trace of Perfetto is made of whole packets on tracks that were described before`() throws {
        let log = try Self.log("storage", steps: 1500)
        let bytes = try Self.exported(.perfetto, log)
        var (tracks, open) = (Set<UInt64>(), [UInt64: Int]())
        var (begun, ended, counters) = (Set<UInt64>(), Set<UInt64>(), 0)
        for (number, field) in Protobuf.fields(bytes) {
            try #require(number == 1)
            let packet = Protobuf.fields(field.bytes)
            if let descriptor = packet.first(where: { $0.0 == 60 })?.1.bytes {
                let inner = Protobuf.fields(descriptor)
                let parent = inner.first { $0.0 == 5 }?.1.number
                #expect(parent.map { tracks.contains($0) } ?? true)
                tracks.insert(try #require(inner.first { $0.0 == 1 }?.1.number))
                continue
            }
            let event = Protobuf.fields(try #require(packet.first { $0.0 == 11 }?.1.bytes))
            let track = try #require(event.first { $0.0 == 11 }?.1.number)
            #expect(tracks.contains(track))
            switch event.first(where: { $0.0 == 9 })?.1.number {
            case 1: open[track, default: 0] += 1
            case 2: open[track, default: 0] -= 1
            case 4: counters += 1
            default: break
            }
            #expect((0...1).contains(open[track] ?? 0))
            begun.formUnion(event.filter { $0.0 == 47 }.compactMap(\.1.number))
            ended.formUnion(event.filter { $0.0 == 48 }.compactMap(\.1.number))
        }
        #expect(tracks.count > 5 && counters > 0)
        #expect(ended.count > 20 && ended.isSubset(of: begun) && !begun.contains(0))
    }
}

extension String {
    fileprivate func components(of part: String) -> Int {
        split(separator: part, omittingEmptySubsequences: false).count - 1
    }
}

/// Reads messages of Protocol Buffers, as far as traces need it.
private enum Protobuf {
    struct Value {
        var number: UInt64?
        var bytes: [UInt8] = []
    }

    static func fields(_ bytes: [UInt8]) -> [(Int, Value)] {
        var (result, place): ([(Int, Value)], Int) = ([], 0)
        func varint() -> UInt64 {
            var (value, shift) = (UInt64(0), UInt64(0))
            while place < bytes.count {
                let byte = bytes[place]
                place += 1
                value |= UInt64(byte & 0x7F) << shift
                shift += 7
                if byte < 0x80 { break }
            }
            return value
        }
        while place < bytes.count {
            let key = varint()
            var value = Value()
            switch key & 7 {
            case 0: value.number = varint()
            case 1:
                value.number = (0..<8).reduce(0) { $0 | UInt64(bytes[place + $1]) << UInt64($1 * 8) }
                place += 8
            default:
                let count = Int(varint())
                value.bytes = Array(bytes[place..<min(place + count, bytes.count)])
                place += count
            }
            result.append((Int(key >> 3), value))
        }
        return result
    }
}
