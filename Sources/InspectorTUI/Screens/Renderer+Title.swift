import BusModel
import Inspector
import VMBusWire

extension Renderer {
    /// What the title can say, in its order; of those that do not fit the ones with the highest number go first.
    private struct Piece {
        var spans: [Span]
        var priority: Int
    }

    mutating func drawTitle() {
        let line = layout.title
        guard !line.isEmpty else { return }
        grid.fill(line, role: .title, surface: .title)
        let kind = inspector.capabilities.kind
        let badge: Role =
            switch kind {
            case .live: .titleLive
            case .simulator: .titleSim
            case .file: .titleFile
            case .host: .titleHost
            }
        let start = grid.write(
            [Span(" \(kind.rawValue) ", badge), Span(" ", .title)], at: Position(row: line.row, column: line.column),
            in: line)
        var pieces = titlePieces
        func width() -> Int { pieces.reduce(0) { $0 + Span.columns(of: $1.spans) } }
        let room = line.endColumn - start
        let name = inspector.title
        let leastName = min(16, DisplayText.columns(of: name))
        while width() + leastName + 1 > room,
            let victim = pieces.indices.filter({ pieces[$0].priority > 0 }).max(by: {
                pieces[$0].priority < pieces[$1].priority
            })
        {
            pieces.remove(at: victim)
        }
        let (left, right) = line.cutLeft(start - line.column).rest.cutRight(min(width(), room))
        grid.write(
            name, at: Position(row: left.row, column: left.column), role: .title, in: left.inset(right: 1),
            ellipsis: glyphs.ellipsis)
        grid.write(pieces.flatMap(\.spans), at: Position(row: right.row, column: right.column), in: right)
    }

    private var titlePieces: [Piece] {
        var pieces: [Piece] = []
        let snapshot = inspector.snapshot
        var versions: [String] = []
        for partition in snapshot.partitions {
            if let version = partition.version.value?.description, !versions.contains(version) {
                versions.append(version)
            }
        }
        if !versions.isEmpty {
            pieces.append(
                Piece(
                    spans: [Span("VMBus \(versions.joined(separator: " "))", .title), Span("  ", .title)], priority: 4))
        }
        if let rate = inspector.totalRate {
            pieces.append(Piece(spans: [Span("\(rate)  ", .title)], priority: 5))
        }
        pieces.append(
            Piece(
                spans: [Span(Clock.seconds(snapshot.position.time) + " s", .titleClock), Span("  ", .title)],
                priority: 2))
        pieces.append(
            Piece(spans: [Span("record \(snapshot.position.sequence)", .title), Span("  ", .title)], priority: 3))
        if let diagnosis = inspector.diagnosis, let worst = diagnosis.worst, worst > .info {
            let count = diagnosis.count(worst)
            let text = worst == .critical ? " \(count) critical " : " \(count) warning\(count == 1 ? "" : "s") "
            pieces.append(
                Piece(
                    spans: [Span(text, worst == .critical ? .badgeFinding : .badge), Span("  ", .title)],
                    priority: 0)
            )
        }
        let isPaused = state.isPaused(inspector)
        if inspector.capabilities.canStep, state.speed != 0 || !isPaused {
            pieces.append(
                Piece(spans: [Span(ScreenState.text(ofSpeed: state.speed), .title), Span("  ", .title)], priority: 6))
        }
        if inspector.newCount > 0 {
            pieces.append(Piece(spans: [Span("+\(inspector.newCount) new ", .title)], priority: 1))
        }
        pieces.append(
            Piece(
                spans: [Span(isPaused ? " PAUSED " : " RUNNING ", isPaused ? .badgePaused : .badgeFollow)], priority: 0)
        )
        return pieces
    }
}

/// The log's time as people read it.
enum Clock {
    /// Seconds with three places.
    static func seconds(_ nanoseconds: UInt64) -> String {
        let milli = String(nanoseconds / 1_000_000 % 1_000)
        return "\(nanoseconds / 1_000_000_000)." + String(repeating: "0", count: 3 - milli.count) + milli
    }
}
