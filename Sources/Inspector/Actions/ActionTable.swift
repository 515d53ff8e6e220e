public import BusModel

/// Every action, once.
///
/// Stepping: `n` is the smallest step, `N` the next packet, `m` the next control message; the same keys with `p`, `P` and `M`
/// go back.
public enum ActionTable {
    private static let tables: [InspectorView] = [.partitions, .channels, .flow, .ledger, .doctor, .cpus]

    /// All actions, in the order of the help.
    public static let all: [Action] = [
        Action(
            .viewPartitions, "Partitions", "Show the root and the guests, with version, devices and traffic.", .views,
            keys: ["1"]),
        Action(
            .viewChannels, "Channels", "Show every offer as a tree of device, primary channel and sub-channels.",
            .views, keys: ["2"]),
        Action(.viewRings, "Rings", "Show the two rings of the chosen channel, drawn to scale.", .views, keys: ["3"]),
        Action(
            .viewFlow, "Flow", "Show the log: messages, packets, signals and interrupts in their order.", .views,
            keys: ["4"]),
        Action(
            .viewLedger, "Ledger", "Show requests of the control plane by age, and who waits for whom.", .views,
            keys: ["5"]),
        Action(
            .viewDoctor, "Doctor", "Show what is wrong, worst first, and who must act next.", .views, keys: ["6"]),
        Action(
            .viewCPUs, "CPUs", "Show which processor serves which channel, how evenly, and what a move would change.",
            .views, keys: ["7"]),
        Action(
            .viewSession, "Session",
            "Show a simulation's choices, rules, breakpoints, faults and branches, a sequence chart and a time bar.",
            .views,
            keys: ["8"]),
        Action(.viewNext, "Next view", "Go to the view on the right.", .views, keys: ["Tab"]),
        Action(.viewPrevious, "Previous view", "Go to the view on the left.", .views, keys: ["Shift-Tab"]),
        Action(.up, "Up", "Go one row up.", .moving, keys: ["Up", "k"]),
        Action(.down, "Down", "Go one row down.", .moving, keys: ["Down", "j"]),
        Action(
            .left, "Left", "Close the chosen branch, or scroll to the left.", .moving, keys: ["Left", "h"]),
        Action(.right, "Right", "Open the chosen branch, or scroll to the right.", .moving, keys: ["Right", "l"]),
        Action(.pageUp, "Page up", "Go one page up.", .moving, keys: ["PageUp", "Ctrl-U"]),
        Action(.pageDown, "Page down", "Go one page down.", .moving, keys: ["PageDown", "Ctrl-D"]),
        Action(.top, "Top", "Go to the first row.", .moving, keys: ["Home", "g"]),
        Action(.bottom, "Bottom", "Go to the last row.", .moving, keys: ["End", "G"]),
        Action(
            .previousChannel, "Previous channel", "Go to the channel in front of this one.", .moving, keys: ["["],
            views: [.rings, .cpus]),
        Action(
            .nextChannel, "Next channel", "Go to the channel behind this one.", .moving, keys: ["]"],
            views: [.rings, .cpus]),
        Action(
            .tryMove, "Try a move",
            "Show the map as if the chosen channel were on another CPU: up and down choose it, Esc ends. Nothing is written.",
            .looking, keys: ["x"], views: [.cpus]),
        Action(
            .mapByDevice, "Devices or channels", "Show a column for each device, or for each channel.", .looking,
            keys: ["v"], views: [.cpus]),
        Action(
            .open, "Details", "Open the details of the chosen row: every value with what it means.", .looking,
            keys: ["Enter", "F2"], bar: "Details"),
        Action(.back, "Back", "Close the details, the prompt or this help.", .looking, keys: ["Esc"]),
        Action(
            .focusNext, "Other pane", "Go to the next pane: list, chart, fields, bytes.", .looking,
            keys: ["w", "Ctrl-W"]),
        Action(
            .expand, "Expand", "Show what is inside the chosen row.", .looking, keys: ["+"], views: [.channels, .flow]),
        Action(
            .collapse, "Collapse", "Hide what is inside the chosen row.", .looking, keys: ["-"],
            views: [.channels, .flow]),
        Action(.copy, "Copy", "Copy the chosen row as text to the clipboard.", .looking, keys: ["y"]),
        Action(
            .filter, "Filter", "Show only what fits: a word, or a comparison such as relid == 14.", .filtering,
            keys: ["/", "F3"], views: tables, bar: "Filter"),
        Action(
            .clearFilter, "Clear filter", "Show everything again.", .filtering, keys: ["c"], views: tables),
        Action(
            .sortNext, "Sort", "Order the rows by the next column.", .filtering, keys: ["s", "F4"],
            views: [.partitions, .channels, .cpus], bar: "Sort"),
        Action(
            .sortReverse, "Reverse order", "Turn the order of the rows around.", .filtering, keys: ["S"],
            views: [.partitions, .channels, .cpus]),
        Action(
            .pauseRun, "Pause or run",
            "Hold the picture still or stop a run, or let time go on; recording never stops.", .time,
            keys: ["Space", "F5"], bar: "Pause"),
        Action(
            .stepEvent, "Step", "Let the next event happen.", .time, keys: ["n", "F6"], need: .step, bar: "Step"),
        Action(.stepPacket, "Step to packet", "Run until the next ring packet.", .time, keys: ["N"], need: .step),
        Action(
            .stepMessage, "Step to message", "Run until the next control message.", .time, keys: ["m", "F7"],
            need: .step, bar: "Msg"),
        Action(
            .backEvent, "Step back", "Undo the last event.", .time, keys: ["p", "F8"], need: .stepBack, bar: "Back"),
        Action(
            .backPacket, "Back to packet", "Go back to the ring packet before.", .time, keys: ["P"], need: .stepBack),
        Action(
            .backMessage, "Back to message", "Go back to the control message before.", .time, keys: ["M"],
            need: .stepBack),
        Action(.stepSignal, "Step to signal", "Run until a guest signals its host.", .time, keys: ["e"], need: .step),
        Action(
            .backSignal, "Back to signal", "Go back to the signal before.", .time, keys: ["E"], need: .stepBack),
        Action(
            .stepInterrupt, "Step to interrupt", "Run until a guest is interrupted.", .time, keys: ["i"], need: .step),
        Action(
            .backInterrupt, "Back to interrupt", "Go back to the interrupt before.", .time, keys: ["I"],
            need: .stepBack),
        Action(
            .stepTransaction, "Step to answer", "Run until a request on a ring has its answer.", .time, keys: ["o"],
            need: .step),
        Action(
            .backTransaction, "Back to answer", "Go back to the answer before.", .time, keys: ["O"], need: .stepBack),
        Action(
            .stepState, "Step to change", "Run until something comes, goes or changes.", .time, keys: ["d"],
            need: .step),
        Action(
            .backState, "Back to change", "Go back to the change before.", .time, keys: ["D"], need: .stepBack),
        Action(
            .runOn, "Run to breakpoint", "Run until a breakpoint stops it.", .time, keys: ["r"], need: .step),
        Action(
            .runBack, "Run back", "Go back to where a breakpoint would have stopped it last.", .time, keys: ["R"],
            need: .stepBack),
        Action(
            .runUntil, "Run until",
            "Run to a time such as 12ms, a step or record such as #120, or until a filter fits.",
            .time, keys: ["u"], need: .step),
        Action(
            .backUntil, "Back until", "Go back to a time, a step or record, or to where a filter fitted last.", .time,
            keys: ["U"], need: .stepBack),
        Action(.toBeginning, "To the beginning", "Go back to the first step.", .time, keys: ["{"], need: .stepBack),
        Action(.toEnd, "To the end", "Go to the last step that was reached.", .time, keys: ["}"], need: .stepBack),
        Action(
            .addBreakpoint, "Breakpoint",
            "Stop at records that a filter fits, at 'watch ring(1/network/0).out.write_index', at 'fault', at 'invariant ID'.",
            .session, keys: ["b"], need: .step),
        Action(
            .armFault, "Fault",
            "Let something go wrong from here on: lost-signal guest=NAME. In the past that begins another branch.",
            .session, keys: ["F"], need: .change),
        Action(
            .toggleBreakpoint, "Breakpoint on or off", "Switch the chosen breakpoint off, or on again.", .session,
            keys: ["z"], views: [.session], need: .step),
        Action(
            .remove, "Remove", "Remove the chosen breakpoint or branch, or let go of the chosen fault.", .session,
            keys: ["X"], views: [.session],
            need: .step),
        Action(
            .choose, "Choose", "Give the chosen decision another value, which begins another branch in front of it.",
            .session, keys: ["C"], views: [.session], need: .change),
        Action(.addBranch, "Branch", "Begin another history here.", .session, keys: ["B"], need: .change),
        Action(
            .showBranch, "Show branch",
            "Show the chosen branch where it was left, or go to the record where two differ.", .session,
            keys: ["J"], views: [.session], need: .change),
        Action(
            .compareBranch, "Compare", "Find where the chosen branch first differs from the one that is shown.",
            .session, keys: ["="], views: [.session], need: .change),
        Action(
            .askPerson, "Ask me", "Be asked who acts next where several may, or leave that to the seed again.",
            .session, keys: ["A"], need: .change),
        Action(
            .export, "Write",
            "Write the session, a sequence chart of records, or a Swift test that replays it, into a file.",
            .session, keys: ["W"], need: .step),
        Action(.faster, "Faster", "Let time run twice as fast, or look twice as often.", .time, keys: [">"]),
        Action(.slower, "Slower", "Let time run half as fast, or look half as often.", .time, keys: ["<"]),
        Action(
            .follow, "Follow", "Stay at the newest record, or stop doing so.", .time, keys: ["f"], views: [.flow]),
        Action(
            .goTo, "Go to record", "Go to the record with a sequence number.", .time, keys: ["Ctrl-G"],
            views: [.flow]),
        Action(
            .trace, "Trace",
            "Switch the kernel's tracepoints of the bus on, after a question, or off again: Flow shows every message.",
            .time, keys: ["T"], need: .live),
        Action(
            .help, "Help", "List every key of this view.", .program, keys: ["?", "F1"], bar: "Help"),
        Action(
            .palette, "Command", "Find an action by its name and run it.", .program, keys: [":", "F9"], bar: "Command"),
        Action(.theme, "Theme", "Change to the next theme.", .program, keys: ["t"]),
        Action(
            .toggleASCII, "ASCII", "Draw with plain characters, or with lines and blocks.", .program, keys: ["a"]),
        Action(.redraw, "Redraw", "Draw the whole screen again.", .program, keys: ["Ctrl-L"]),
        Action(.quit, "Quit", "Leave the program.", .program, keys: ["q", "F10"], bar: "Quit"),
    ]

    /// The row of an action.
    public static func action(_ id: ActionID) -> Action? { all.first { $0.id == id } }

    /// The actions that are valid in a view of a source, in the order of the help.
    public static func actions(for view: InspectorView, _ capabilities: Capabilities) -> [Action] {
        all.filter { $0.views.contains(view) && $0.need.isMet(by: capabilities) }
    }

    /// What a key does in a view; nil for nothing. Whether the source can do it is the caller's question, so that it can
    /// say why not.
    public static func lookup(key: String, view: InspectorView) -> Action? {
        all.first { $0.views.contains(view) && $0.keys.contains(key) }
    }

    /// The actions with an F-key in a view, in the order of the keys.
    public static func bar(for view: InspectorView, _ capabilities: Capabilities) -> [Action] {
        actions(for: view, capabilities).filter { $0.barKey != nil }
            .sorted { barNumber($0) < barNumber($1) }
    }

    private static func barNumber(_ action: Action) -> Int { action.barKey.flatMap { Int($0.dropFirst()) } ?? 0 }

    /// The actions that fit what was typed into the palette, best first: the name or id starts with it, holds it, holds its
    /// letters in order, or the help holds it. Everything for an empty text.
    public static func search(_ text: String) -> [Action] {
        let wanted = text.lowercased().filter { $0 != " " }
        guard !wanted.isEmpty else { return all }
        var ranked: [(rank: Int, place: Int, action: Action)] = []
        for (place, action) in all.enumerated() {
            let names = [action.title, action.id.rawValue].map { $0.lowercased().filter { $0 != " " } }
            let rank: Int? =
                if names.contains(wanted) {
                    0
                } else if names.contains(where: { $0.hasPrefix(wanted) }) {
                    1
                } else if names.contains(where: { holds($0, wanted) }) {
                    2
                } else if holds(action.help.lowercased().filter { $0 != " " }, wanted) {
                    3
                } else if names.contains(where: { holdsLetters($0, wanted) }) {
                    4
                } else {
                    nil
                }
            if let rank { ranked.append((rank, place, action)) }
        }
        return ranked.sorted { ($0.rank, $0.place) < ($1.rank, $1.place) }.map(\.action)
    }

    private static func holds(_ text: String, _ part: String) -> Bool {
        let (text, part) = (Array(text.utf8), Array(part.utf8))
        guard part.count <= text.count else { return false }
        return (0...(text.count - part.count)).contains { text[$0..<$0 + part.count].elementsEqual(part) }
    }

    private static func holdsLetters(_ text: String, _ letters: String) -> Bool {
        var rest = Substring(letters)
        for character in text where character == rest.first { rest = rest.dropFirst() }
        return rest.isEmpty
    }
}
