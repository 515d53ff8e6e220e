import BusModel
import CaptureFiles
import Inspector
import LinuxGuest

/// What a recording holds, for people and for programs.
struct CaptureReport {
    let name: String
    let byteCount: Int
    let summary: RecordingSummary

    /// Lines for people.
    var text: String {
        var lines: [(String, String)] = [("File", name)]
        func add(_ title: String, _ value: String) { lines.append((title, PrintableText.harmless(value))) }
        if let manifest = summary.manifest {
            add("Written by", manifest.tool)
            add("Source", [manifest.source?.rawValue, manifest.title].compactMap { $0 }.joined(separator: " "))
            if let epoch = manifest.epoch { add("Clock at 0", Self.seconds(epoch) + " s since 1970") }
            if let length = manifest.snapLength { add("Kept of a packet", "\(length) bytes") }
            if !manifest.reason.isEmpty { add("Reason", manifest.reason) }
        }
        add("Size", "\(byteCount) bytes")
        add("Packets", "\(summary.packetCount)")
        add("Records", "\(summary.recordCount), and \(summary.asideCount) of the file")
        if let times = summary.times {
            add("First time", Self.seconds(times.lowerBound) + " s")
            add("Last time", Self.seconds(times.upperBound) + " s")
            add("Duration", Self.seconds(times.upperBound - times.lowerBound) + " s")
        }
        if let numbers = summary.sequences { add("Numbers", "\(numbers.lowerBound) to \(numbers.upperBound)") }
        for (kind, count) in summary.kinds.enumerated() where count > 0 {
            add("  \(FlowKind(rawValue: UInt8(truncatingIfNeeded: kind)).word)", "\(count)")
        }
        add("Gaps", "\(summary.gapCount), which tell of \(summary.missingCount) records")
        if summary.skippedCount > 0 { add("Missing numbers", "\(summary.skippedCount)") }
        if summary.cutCount > 0 { add("Cut records", "\(summary.cutCount)") }
        add("Interfaces", "\(summary.interfaces.count)")
        for (number, state) in summary.interfaces.enumerated() {
            add("  \(number)", "\(state.interface.name): \(state.packets) packets, \(state.bytes) bytes")
        }
        add("Damage", summary.damages.isEmpty ? "none" : "\(summary.damages.count), \(summary.damages.byteCount) bytes")
        for damage in summary.damages.first { add("  ", "\(damage)") }
        return Self.text(lines)
    }

    private static func text(_ lines: [(String, String)]) -> String {
        lines.map { title, value in
            title + String(repeating: " ", count: max(1, 18 - title.count)) + PrintableText.harmless(value) + "\n"
        }.joined()
    }

    /// Nanoseconds as seconds, exactly.
    private static func seconds(_ time: UInt64) -> String {
        let digits = String(time % 1_000_000_000)
        return "\(time / 1_000_000_000)." + String(repeating: "0", count: 9 - digits.count) + digits
    }

    /// One JSON document, schema `vmbusscope.capture/1`.
    var json: String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("schema", "vmbusscope.capture/1")
            writer.member("file", name)
            writer.member("bytes", byteCount)
            writer.member("tool", summary.manifest?.tool)
            writer.member("source", summary.manifest?.source?.rawValue)
            writer.member("title", summary.manifest?.title)
            writer.member("epoch_ns", summary.manifest?.epoch)
            writer.member("snaplen", summary.manifest?.snapLength)
            writer.member("packets", summary.packetCount)
            writer.member("records", summary.recordCount)
            writer.member("records_of_file", summary.asideCount)
            writer.member("first_time_ns", summary.times?.lowerBound)
            writer.member("last_time_ns", summary.times?.upperBound)
            writer.member("first_seq", summary.sequences?.lowerBound)
            writer.member("last_seq", summary.sequences?.upperBound)
            writer.memberObject("kinds") { writer in
                for (kind, count) in summary.kinds.enumerated() where count > 0 {
                    writer.member(FlowKind(rawValue: UInt8(truncatingIfNeeded: kind)).word, count)
                }
            }
            writer.member("gaps", summary.gapCount)
            writer.member("gap_records", summary.missingCount)
            writer.member("missing_numbers", summary.skippedCount)
            writer.member("cut_records", summary.cutCount)
            writer.memberObjects("interfaces", summary.interfaces) { writer, state in
                writer.member("name", state.interface.name)
                writer.member("description", state.interface.description)
                writer.member("link_type", state.interface.linkType)
                writer.member("packets", state.packets)
                writer.member("bytes", state.bytes)
            }
            writer.memberObjects("damage", summary.damages.first) { writer, damage in
                writer.member("offset", damage.offset)
                writer.member("bytes", damage.length)
                writer.member("text", "\(damage)")
            }
            writer.member("damages", summary.damages.count)
        }
        writer.endLine()
        return writer.text
    }

    /// What was replaced, and what was not.
    static func text(of report: Anonymiser.Report) -> String {
        text([
            ("Replaced", "\(report.identifiers) instance and connection GUIDs"),
            ("", "\(report.hardwareAddresses) Ethernet addresses, \(report.internetAddresses) IP addresses"),
            ("", "\(report.transactions) transaction ids, \(report.pages) guest page numbers"),
            ("", "\(report.texts) names and texts"),
            ("Now zero", "\(report.contentBytes) bytes of contents, \(report.checksums) checksums of frames"),
            ("Kept", "classes, well-known instances, eth0, sda, host0, drivers, kernel release, times, sizes, relids"),
        ])
    }
}
