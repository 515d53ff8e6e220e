public import BusModel

/// A log in the form of another tool, written while it is read: it costs no more memory the longer it is.
public struct FlowExport: Sendable {
    /// Which form.
    public enum Format: String, CaseIterable, Sendable, Hashable {
        /// One JSON object a line, schema `vmbusscope.flow/1`.
        case jsonl
        /// A line of columns for each record.
        case csv
        /// A trace of Perfetto: protobuf track events.
        case perfetto
        /// A sequence chart.
        case mermaid
        /// One page with a list and a filter, for any browser.
        case html
    }

    private enum Writer: Sendable {
        case jsonl
        case csv
        case perfetto(PerfettoTrace)
        case mermaid(SequenceChart, named: Set<UInt16>)
        case html(HTMLPage)
    }

    private var sieve: FlowSieve
    private var writer: Writer
    private var hasBegun = false

    /// Nothing was read yet.
    ///
    /// - Parameters:
    ///   - title: what the log is called.
    ///   - sieve: which records go into it.
    public init(_ format: Format, title: String, sieve: FlowSieve) {
        self.sieve = sieve
        writer =
            switch format {
            case .jsonl: .jsonl
            case .csv: .csv
            case .perfetto: .perfetto(PerfettoTrace())
            case .mermaid: .mermaid(SequenceChart(), named: [])
            case .html: .html(HTMLPage(title: title))
            }
    }

    /// How many records were written.
    public var count: UInt64 { sieve.count }

    /// Reads the next records and gives what follows in the document.
    ///
    /// - Throws: `CommandRefusal` where the form has no room for more; the document ends well with `finish` all the same.
    public mutating func write(_ batch: FlowBatch, to bytes: inout [UInt8]) throws(CommandRefusal) {
        begin(&bytes)
        for header in batch.headers {
            let payload = batch.payload(of: header)
            guard let entry = sieve.next(header, payload) else { continue }
            switch writer {
            case .jsonl:
                var json = JSONWriter()
                FlowJSON.write(entry, payload, to: &json)
                bytes += json.take()
            case .csv: bytes += FlowCSV.line(entry).utf8
            case .perfetto(var trace):
                writer = .jsonl
                trace.add(entry, payload, to: &bytes)
                writer = .perfetto(trace)
            case .mermaid(var chart, var named):
                for number in [0, header.partition] where named.insert(number).inserted {
                    chart.addPartition(number, sieve.snapshot.partition(number)?.name ?? entry.partitionName)
                }
                let words = [
                    entry.name.split(separator: ".").dropFirst().joined(separator: "."), entry.channelLabel, entry.info,
                ]
                defer {
                    bytes += chart.take().utf8
                    writer = .mermaid(chart, named: named)
                }
                try chart.add(header, label: words.filter { !$0.isEmpty }.joined(separator: " "))
            case .html(var page):
                page.add(entry, payload, to: &bytes)
                writer = .html(page)
            }
        }
    }

    private mutating func begin(_ bytes: inout [UInt8]) {
        guard !hasBegun else { return }
        hasBegun = true
        switch writer {
        case .csv: bytes += FlowCSV.heading.utf8
        case .html(let page): bytes += page.beginning
        case .jsonl, .perfetto, .mermaid: break
        }
    }

    /// Ends the document, which is whole then.
    public mutating func finish(_ bytes: inout [UInt8]) {
        begin(&bytes)
        switch writer {
        case .mermaid(var chart, _): bytes += chart.take().utf8
        case .html: bytes += HTMLPage.end
        case .jsonl, .csv, .perfetto: break
        }
    }
}
