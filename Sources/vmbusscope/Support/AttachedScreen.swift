import BusModel
import CaptureFiles
import Glibc
import InspectorTUI
import LinuxGuest
import Platform
import VMBusWire

/// The inspector on a device that another process of this program has: that one writes, this one only reads what it records.
struct AttachedScreen {
    private let device: SpareDevice
    private let words: [String]
    /// How long the other process may take to give the device back, in steps of 10 ms.
    private static let patience = 1500

    /// - Parameter words: the options of the other process.
    init(_ device: SpareDevice, _ words: [String]) {
        self.device = device
        self.words = words
    }

    /// Shows it until the user leaves; then the device is given back.
    func show(_ options: InspectorOptions) throws(CommandFailure) {
        let stream: AttachedStream
        do throws(SystemError) {
            stream = AttachedStream(
                try PipedChild(["/proc/self/exe", "attach", device.name, "--confirm", device.confirmation] + words))
        } catch {
            throw CommandFailure(.failure, error.description)
        }
        let capabilities = Capabilities(kind: .live, canStep: false, canSeek: false, hasRingImages: false)
        let title = "\(device.kind.word) \(device.name)"
        let source = PostedSource(capabilities: capabilities, title: title) {
            () throws(SystemError) -> PostedSource.Inbox in
            PostedSource.Inbox(fileDescriptor: stream.fileDescriptor) { stream.takeAll() }
        }
        // Before anything else, as a signal that ended the screen ends the process behind it.
        try Screen.show(posted: source, options) {
            for text in stream.end(patience: Self.patience).suffix(2) { Output.complain(text) }
        }
    }
}

/// What the other process records and says. One thread uses it, the screen's.
private final class AttachedStream {
    private let child: PipedChild
    private var reader = RecordingReader()
    private var errors: [UInt8] = []
    private var isOver = false

    init(_ child: PipedChild) { self.child = child }

    var fileDescriptor: Int32 { child.output }

    /// Everything that has come.
    func takeAll() -> [PostedSource.Report] {
        var reports = sayings().map { PostedSource.Report.said($0) }
        guard !isOver else { return reports }
        // Nothing now is not the end.
        if let bytes = try? DescriptorAccess.read(child.output, atMost: 1 << 20) {
            reader.append(bytes)
            if bytes.isEmpty {
                isOver = true
                reader.finish()
            }
        }
        var batch = FlowBatch()
        reader.read(into: &batch, limit: .max)
        if !batch.isEmpty { reports.append(.batch(batch)) }
        if isOver {
            let last = lastSaying
            reports.append(
                .failed(SourceError("the process that had the device has ended" + (last.map { ": \($0)" } ?? ""))))
        }
        return reports
    }

    private var lastSaying: String?

    /// Lines on its standard error, as far as they are whole.
    private func sayings() -> [String] {
        while let more = try? DescriptorAccess.read(child.errors, atMost: 1 << 16), !more.isEmpty { errors += more }
        guard let end = errors.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
        let lines = String(decoding: errors[..<end], as: UTF8.self).split(separator: "\n").map(String.init)
        errors.removeSubrange(...end)
        lastSaying = lines.last ?? lastSaying
        return lines
    }

    /// Lets the other process give the device back.
    ///
    /// - Returns: what it said.
    func end(patience: Int) -> [String] {
        child.askToEnd()
        for _ in 0..<patience where child.ending() == nil {
            // Its recording has no reader any more and must not keep it.
            while let bytes = try? DescriptorAccess.read(child.output, atMost: 1 << 20), !bytes.isEmpty {}
            _ = poll(nil, 0, 10)
        }
        let said = sayings()
        child.end()
        return said
    }
}
