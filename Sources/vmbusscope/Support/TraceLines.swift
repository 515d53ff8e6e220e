import BusModel
import Inspector
import LinuxGuest
import VMBusWire

/// Tracepoints that fired as lines of text, or of JSON with schema `vmbusscope.trace/1`.
struct TraceLines {
    let isJSON: Bool
    /// What people call a channel, by its number.
    let labels: [UInt32: String]
    private var start: UInt64?
    private var writer = JSONWriter()

    private static let schema = "vmbusscope.trace/1"

    init(isJSON: Bool, labels: [UInt32: String]) {
        self.isJSON = isJSON
        self.labels = labels
    }

    /// One line for a tracepoint that fired.
    mutating func line(_ fired: FiredTracepoint) -> String {
        let record = fired.record
        let label = labels[record.relid] ?? record.text("name") ?? ""
        guard isJSON else {
            let begin = start ?? fired.time
            start = begin
            let time = fired.time >= begin ? fired.time - begin : 0
            return "\(Self.seconds(time)) cpu \(record.cpu) \(record.fullName)"
                + (label.isEmpty ? "" : " [\(PrintableText.harmless(label))]")
                + (record.fields.isEmpty ? "" : " ") + "\(TraceSummary.fields(record))\n"
        }
        writer.object { writer in
            writer.member("schema", Self.schema)
            writer.member("kind", "event")
            writer.member("time_ns", fired.time)
            writer.member("cpu", record.cpu)
            writer.member("thread", record.thread)
            writer.member("event", record.fullName)
            writer.member("channel", label.isEmpty ? nil : label)
            writer.memberObject("fields") { writer in
                for field in record.fields {
                    let name = String(decoding: field.name, as: UTF8.self)
                    switch field.form {
                    case .guid: writer.member(name, field.guid.description)
                    case .text: writer.member(name, String(decoding: field.text, as: UTF8.self))
                    default: writer.member(name, Int64(bitPattern: field.number))
                    }
                }
            }
        }
        return endLine()
    }

    /// One line for events that the kernel had no room for.
    mutating func lost(_ count: UInt64?, processor: Int) -> String {
        guard isJSON else {
            return "LOST \(count.map { "\($0)" } ?? "some") events on cpu \(processor): its buffer was full\n"
        }
        writer.object { writer in
            writer.member("schema", Self.schema)
            writer.member("kind", "lost")
            writer.member("cpu", processor)
            writer.member("count", count)
        }
        return endLine()
    }

    /// The last line: why it ends, and how much there was.
    mutating func end(_ reason: String, events: UInt64, lost: UInt64) -> String {
        guard isJSON else { return "END \(reason): \(events) events, \(lost) lost\n" }
        writer.object { writer in
            writer.member("schema", Self.schema)
            writer.member("kind", "end")
            writer.member("reason", reason)
            writer.member("events", events)
            writer.member("lost", lost)
        }
        return endLine()
    }

    private mutating func endLine() -> String {
        writer.endLine()
        return String(decoding: writer.take(), as: UTF8.self)
    }

    private static func seconds(_ nanoseconds: UInt64) -> String {
        let micro = String(nanoseconds / 1000 % 1_000_000)
        return "\(nanoseconds / 1_000_000_000)." + String(repeating: "0", count: 6 - micro.count) + micro
    }
}
