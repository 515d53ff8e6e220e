import BusModel
import Platform
import VMBusWire

/// The connection to one other machine as a state machine: what its program says and how it ends go in, records come out, and
/// what to do next can be asked. It starts nothing itself.
///
/// A machine that cannot be reached, ends, says nothing or talks nonsense keeps its partition, which is then stale, and is tried
/// again, later each time.
struct RemoteLink: Sendable {
    /// How long things may take, in nanoseconds.
    struct Patience: Sendable, Hashable {
        /// From the start of the program to its first frame.
        var start: UInt64 = 20_000_000_000
        /// Between two frames, before its partition is stale.
        var silence: UInt64 = 5_000_000_000
        /// Between two frames, before the program is ended and started again.
        var end: UInt64 = 20_000_000_000
        /// Before the second try; the pause doubles from try to try.
        var firstPause: UInt64 = 1_000_000_000
        /// The longest pause.
        var longestPause: UInt64 = 30_000_000_000

        /// For a program that looks so often.
        init(interval: UInt64 = 1_000_000_000) {
            silence = max(silence, interval.multipliedReportingOverflow(by: 3).partialValue)
            end = silence &+ 15_000_000_000
        }
    }

    /// What is to be done with the program.
    enum Action: Hashable {
        case start
        case end
    }

    private enum State: Sendable {
        /// No program; it is started at that moment.
        case waiting(until: UInt64)
        /// The program runs and has not sent a frame.
        case starting(since: UInt64)
        /// The last frame came at that moment.
        case hearing(last: UInt64)
        /// The same, but too long ago.
        case silent(last: UInt64)
        /// The program is to be ended, as it makes no sense.
        case broken(reason: String)
    }

    let host: RemoteHost
    private let patience: Patience
    private var state: State
    private var translation: RemoteTranslation
    private var decoder = FlowFrameDecoder()
    private var complaint = LastLine()
    private var pause: UInt64
    /// What went wrong or right since the last call of `takeSayings`, for people.
    private var sayings: [String] = []
    private var wasLost = false

    /// A machine that becomes a partition of the log and is tried at once.
    init(_ host: RemoteHost, partition: UInt16, patience: Patience = Patience()) {
        self.host = host
        self.patience = patience
        translation = RemoteTranslation(partition: partition, name: host.name)
        pause = patience.firstPause
        state = .waiting(until: 0)
    }

    /// The first records: the partition is there before anything is heard of it.
    func appearance(at now: UInt64) -> FlowBatch {
        var batch = FlowBatch()
        append(
            .state, now, code: .appeared,
            AttributeList([
                AttributeReading(.name, text: host.name), AttributeReading(.role, PartitionRole.guest.rawValue),
                AttributeReading(.connectionPhase, ConnectionPhase.connecting.rawValue),
            ]).encoded(), &batch)
        return batch
    }

    /// What is to be done at that moment; the caller tells of it by `started`, `failed` or `ended`.
    func action(at now: UInt64) -> Action? {
        switch state {
        case .waiting(let until): now >= until ? .start : nil
        case .starting(let since): now >= since &+ patience.start ? .end : nil
        case .hearing: nil
        case .silent(let last): now >= last &+ patience.end ? .end : nil
        case .broken: .end
        }
    }

    /// When something is to be done if nothing comes before.
    var deadline: UInt64 {
        switch state {
        case .waiting(let until): until
        case .starting(let since): since &+ patience.start
        case .hearing(let last): last &+ patience.silence
        case .silent(let last): last &+ patience.end
        case .broken: 0
        }
    }

    /// The program was started.
    mutating func started(at now: UInt64) {
        decoder = FlowFrameDecoder()
        complaint = LastLine()
        state = .starting(since: now)
    }

    /// The program wrote to its standard output.
    mutating func received(_ bytes: [UInt8], at now: UInt64) -> FlowBatch {
        var batch = FlowBatch()
        if case .broken = state { return batch }
        decoder.append(bytes)
        do throws(FlowFrameError) {
            while let frame = try decoder.next() { take(frame, now, &batch) }
        } catch {
            state = .broken(reason: error.description)
        }
        return batch
    }

    /// The program wrote to its standard error.
    mutating func complained(_ bytes: [UInt8]) { complaint.append(bytes) }

    /// Time has passed: a machine that says nothing for too long becomes stale.
    mutating func passed(to now: UInt64) -> FlowBatch {
        guard case .hearing(let last) = state, now >= last &+ patience.silence else { return FlowBatch() }
        state = .silent(last: last)
        return lose("\(host.name) has said nothing for \((now &- last) / 1_000_000_000) s", now)
    }

    /// The program is gone: `reason` is how it ended, unless this end had a reason of its own to end it.
    mutating func ended(_ reason: String, at now: UInt64) -> FlowBatch {
        var text = "\(host.name): "
        switch state {
        case .broken(let own): text += own
        case .starting(let since) where now >= since &+ patience.start:
            text += "no records came within \(patience.start / 1_000_000_000) s"
        case .silent: text += "ended, as it says nothing"
        default: text += complaint.text.isEmpty ? reason : "\(complaint.text) (\(reason))"
        }
        text += "; next try in \((pause &+ 999_999_999) / 1_000_000_000) s"
        state = .waiting(until: now &+ pause)
        pause = min(pause &* 2, patience.longestPause)
        return lose(text, now)
    }

    /// What people should hear at once.
    mutating func takeSayings() -> [String] {
        defer { sayings.removeAll() }
        return sayings
    }

    /// Whether it was heard of, or has failed, since the beginning: nothing more is to be waited for at first.
    private(set) var isSettled = false

    // MARK: Records

    /// What stands for a connection of which nothing is heard.
    private static let stale = AttributeReading(.connectionPhase, reading: Reading(.failed("STALE")))

    private mutating func take(_ frame: FlowFrame, _ now: UInt64, _ batch: inout FlowBatch) {
        switch state {
        case .hearing: break
        case .silent:
            append(.note, now, Array("\(host.name) is heard again".utf8), &batch)
            sayings.append("\(host.name) is heard again")
            let readings = [translation.connection, AttributeReading(.remoteTrouble, text: "")]
            append(.state, now, code: .changed, AttributeList(readings).encoded(), &batch)
        default:
            // It tells of everything anew, so what was known before is forgotten in the same moment.
            if wasLost {
                append(.state, now, code: .removed, [], &batch)
                batch.append(appearance(at: now))
                sayings.append("\(host.name) is connected")
            }
            translation.begin(sent: frame.sentTime, now: now)
            let text =
                "connected to \(host.name): its clock stood at \(Self.seconds(frame.sentTime)) when ours stood at "
            append(
                .note, now, Array((text + Self.seconds(now) + ", and the times of its records are shown by ours").utf8),
                &batch)
            (wasLost, isSettled) = (false, true)
            pause = patience.firstPause
        }
        state = .hearing(last: now)
        batch.append(translation.records(frame.batch, now: now))
    }

    private mutating func lose(_ text: String, _ now: UInt64) -> FlowBatch {
        var batch = FlowBatch()
        append(.gap, now, Array(text.utf8), &batch)
        let readings = [Self.stale, AttributeReading(.remoteTrouble, text: text)]
        append(.state, now, code: .changed, AttributeList(readings).encoded(), &batch)
        sayings.append(text)
        (wasLost, isSettled) = (true, true)
        return batch
    }

    private func append(
        _ kind: FlowKind, _ time: UInt64, code: StateCode? = nil, _ payload: [UInt8], _ batch: inout FlowBatch
    ) {
        batch.append(
            FlowRecordHeader(kind: kind, time: time, partition: translation.partition, code: code?.rawValue ?? 0),
            payload)
    }

    private static func seconds(_ nanoseconds: UInt64) -> String {
        let milli = String(nanoseconds / 1_000_000 % 1_000)
        return "\(nanoseconds / 1_000_000_000)." + String(repeating: "0", count: 3 - milli.count) + milli + " s"
    }
}

/// The last line of what a program complains of, made fit for a message.
private struct LastLine: Sendable {
    private static let limit = 300
    private var line: [UInt8] = []
    private var isEnded = false

    mutating func append(_ bytes: [UInt8]) {
        for byte in bytes {
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                isEnded = true
            } else {
                if isEnded { line.removeAll(keepingCapacity: true) }
                isEnded = false
                if line.count < Self.limit { line.append(byte) }
            }
        }
    }

    var text: String { PrintableText.harmless(String(decoding: line, as: UTF8.self)) }
}
