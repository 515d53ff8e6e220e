public import BusModel
public import Query
import VMBusWire

/// Opening and writing sessions.
extension SimulatorSource {
    /// Opens a session: runs all its branches again, as far as they went, and goes to the place that was shown.
    ///
    /// - Throws: why it cannot be the same session: a breakpoint that cannot be read, or another state than the file says.
    public init(_ file: SessionFile, reader: (any RecordReader)? = nil) throws(SourceError) {
        self.init(
            Simulation(
                file.scenario, choices: file.seed.map { .seed($0) } ?? .exhaustive(), ordering: file.ordering,
                memoryOrder: file.memoryOrder),
            reader: reader, origin: file.origin)
        let start = branches[0]
        branches = []
        for branch in file.branches {
            let parent = branches.first { $0.name == branch.parent } ?? start
            branches.append(SessionBranch(branch, from: parent))
        }
        active = branches.firstIndex { $0.name == file.shown } ?? 0
        moment = branches[active].checkpoints[0]
        jump(to: file.place)
        if moment.simulation.fingerprint != file.fingerprint {
            moment.carryOutDue(branches[active].commands, until: .max)
        }
        guard moment.place == file.place, fingerprint == file.fingerprint else {
            throw SourceError(
                "the state behind step \(steps), record \(moment.place.sequence) is \(Hexadecimal.prefixed(fingerprint)), "
                    + "not \(Hexadecimal.prefixed(file.fingerprint)) as the session says; it was written by another version "
                    + "or was changed")
        }
        for stop in file.stops {
            do throws(CommandRefusal) {
                try addBreakpoint(stop.text, ignoring: stop.ignored)
            } catch {
                throw SourceError("breakpoint \(error)")
            }
            breakpoints[breakpoints.count - 1].isEnabled = stop.isEnabled
        }
    }

    /// The session as it can be written.
    public var file: SessionFile { SessionFile(self) }

    /// The one line that brings a person here; a session with commands needs its file.
    public var reproduction: String {
        let branch = branches[active]
        let name: String =
            switch origin {
            case .shipped(let name): name
            case .text(_, let file): file
            }
        guard branch.commands.isEmpty, let seed = moment.simulation.choices.seed,
            moment.simulation.ordering == .byTime
        else { return "vmbusscope sim FILE.session, of 'sim --export session'" }
        return "vmbusscope sim \(name) --seed \(seed)"
            + (moment.simulation.memoryOrder == .sc ? "" : " --memory \(moment.simulation.memoryOrder.rawValue)")
            + branch.answers.map { " --choose \($0.number)=\($0.value)" }.joined() + " --headless --steps \(steps)"
    }

    public func export(_ form: SessionExport, _ range: ClosedRange<UInt64>) throws(CommandRefusal) -> String {
        switch form {
        case .session: return file.text
        case .test: return ReplayTest.source(of: self)
        case .mermaid:
            var chart = SequenceChart(scenario)
            var moment = start(before: range.lowerBound)
            let end = max(branches[active].end, self.moment.place).step
            while moment.place.sequence < range.upperBound {
                if let (header, payload, subject) = moment.take() {
                    guard header.sequence >= range.lowerBound else { continue }
                    try chart.add(header, payload, subject)
                } else {
                    guard moment.simulation.steps < end, moment.step(branches[active].commands) == .happened else {
                        break
                    }
                }
            }
            return chart.take()
        }
    }

    /// A moment of the past from which records can be read until they reach a number.
    private func start(before sequence: UInt64) -> SessionMoment {
        var branch = branches[active]
        let index = branch.checkpoint { $0.place.sequence < sequence }
        if reader != nil { branch.read(until: index) }
        var moment = branch.checkpoints[index]
        moment.asked = []
        return moment
    }
}
