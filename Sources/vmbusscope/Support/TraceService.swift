import Glibc
import Inspector
import LinuxGuest
import Platform

/// High-rate tracing through an instance of its own: says what it will do, does it, prints what fires, and takes all of it
/// back, also when it is killed.
struct TraceService {
    let files: TracingFiles
    let instance: TraceInstance
    let leftovers: [InstanceDirectory]
    /// The most events that a second may bring.
    let budget: Int
    /// When it ends by itself; nil for not before it is told to.
    let duration: Duration?

    private static let second: UInt64 = 1_000_000_000
    private static let pause = Duration.milliseconds(50)

    /// Everything that will be written, in order.
    var plan: [String] {
        leftovers.flatMap(TraceInstance.end).map { "\($0)    # left behind by a dead vmbusscope" }
            + instance.begin.map(\.description)
            + instance.end.map { "\($0)    # at the end, whatever it is" }
    }

    /// Traces until the time is over, the budget is exceeded or a signal comes.
    func run(_ lines: TraceLines) throws {
        // Before anything else, so that the child inherits that these signals are blocked.
        let signals = try SignalSource([.terminate, .interrupt, .hangUp])
        for directory in leftovers {
            do throws(SystemError) {
                try TraceInstance.remove(directory)
            } catch {
                Output.complain("\(directory.path) stays: \(error)")
            }
        }
        let directory = instance.directory
        let watchdog = try Watchdog.start { _ in Self.clean(directory) }
        let result = Result { try trace(lines, signals) }
        // The buffers are closed now, so it can go.
        let removal = Result { () throws(SystemError) in try TraceInstance.remove(directory) }
        watchdog.dismiss()
        let ending = try result.get()
        if case .failure(let error) = removal {
            throw CommandFailure(
                .failure, "the instance is still there: \(error); 'rmdir \(directory.path)' removes it")
        }
        switch ending {
        case .signal(let signal): SignalSource.die(of: signal)
        case .budget(let text): throw CommandFailure(.failure, text)
        case .time: return
        }
    }

    private enum Ending {
        case time
        case signal(Signal)
        case budget(String)
    }

    /// What the child does when the program is gone: the kernel closes its files a moment later, so it is patient.
    private static func clean(_ directory: InstanceDirectory) {
        for _ in 0..<200 {
            if (try? TraceInstance.remove(directory)) != nil { return }
            usleep(50_000)
        }
    }

    private func trace(_ lines: TraceLines, _ signals: borrowing SignalSource) throws -> Ending {
        var lines = lines
        let processors = files.onlineProcessors()
        for write in instance.begin { try write.perform() }
        var reader = try InstanceReader(instance, processors: processors)
        var loop = PollLoop<Void>()
        loop.add(signals.fileDescriptor, token: ())
        let begin = MonotonicClock.now()
        let end = duration.map { begin &+ UInt64(clamping: $0.components.seconds) &* Self.second }
        var (window, inWindow) = (begin, 0)
        var (events, lost): (UInt64, UInt64) = (0, 0)
        var ending: Ending?
        while ending == nil {
            _ = try loop.wait(timeout: Self.pause)
            let now = MonotonicClock.now()
            if let signal = try signals.next() { ending = .signal(signal) }
            if let end, now >= end { ending = ending ?? .time }
            let look = try reader.look(upTo: now)
            var text = ""
            for (processor, count) in look.losses {
                lost += count ?? 1
                text += lines.lost(count, processor: processor)
            }
            if now &- window >= Self.second { (window, inWindow) = (now, 0) }
            inWindow += look.fired.count
            if inWindow > budget {
                ending =
                    ending
                    ?? .budget(
                        "stopped by itself: more than \(budget) events in a second; name fewer channels with --relid, or "
                            + "raise --budget")
            }
            for fired in look.fired.prefix(budget) { text += lines.line(fired) }
            events += UInt64(look.fired.count)
            if !text.isEmpty { try Output.write(text) }
        }
        let reason =
            switch ending {
            case .budget: "budget exceeded"
            case .signal: "asked to end"
            case .time, nil: "time is over"
            }
        try Output.write(lines.end(reason, events: events, lost: lost))
        return ending ?? .time
    }
}
