public import BusModel

/// Something that a key, a click or the palette can do. The raw value is its lasting name.
public enum ActionID: String, CaseIterable, Sendable, Hashable {
    case quit
    case help
    case palette
    case redraw
    case theme
    case toggleASCII = "toggle-ascii"
    case viewPartitions = "view-partitions"
    case viewChannels = "view-channels"
    case viewRings = "view-rings"
    case viewFlow = "view-flow"
    case viewLedger = "view-ledger"
    case viewDoctor = "view-doctor"
    case viewCPUs = "view-cpus"
    case viewSession = "view-session"
    case viewNext = "view-next"
    case viewPrevious = "view-previous"
    case up
    case down
    case left
    case right
    case pageUp = "page-up"
    case pageDown = "page-down"
    case top
    case bottom
    case open
    case back
    case focusNext = "focus-next"
    case expand
    case collapse
    case filter
    case clearFilter = "clear-filter"
    case sortNext = "sort-next"
    case sortReverse = "sort-reverse"
    case copy
    case follow
    case goTo = "go-to"
    case pauseRun = "pause-run"
    case stepEvent = "step-event"
    case stepPacket = "step-packet"
    case stepMessage = "step-message"
    case backEvent = "back-event"
    case backPacket = "back-packet"
    case backMessage = "back-message"
    case stepSignal = "step-signal"
    case stepInterrupt = "step-interrupt"
    case stepTransaction = "step-transaction"
    case stepState = "step-state"
    case backSignal = "back-signal"
    case backInterrupt = "back-interrupt"
    case backTransaction = "back-transaction"
    case backState = "back-state"
    case runOn = "run-on"
    case runBack = "run-back"
    case runUntil = "run-until"
    case backUntil = "back-until"
    case toBeginning = "to-beginning"
    case toEnd = "to-end"
    case addBreakpoint = "add-breakpoint"
    case toggleBreakpoint = "toggle-breakpoint"
    case remove
    case choose
    case addBranch = "add-branch"
    case showBranch = "show-branch"
    case compareBranch = "compare-branch"
    case armFault = "arm-fault"
    case askPerson = "ask-person"
    case export
    case faster
    case slower
    case previousChannel = "previous-channel"
    case nextChannel = "next-channel"
    case trace
    case tryMove = "try-move"
    case mapByDevice = "map-by-device"
}

/// The headings under which the help lists actions.
public enum ActionCategory: String, CaseIterable, Sendable, Hashable {
    case views = "Views"
    case moving = "Moving"
    case looking = "Looking"
    case filtering = "Filter and order"
    case time = "Time"
    case session = "Session"
    case program = "Program"
}

/// What a source must be able to do before an action makes sense.
public enum ActionNeed: String, Sendable, Hashable {
    case nothing
    /// Time stands still until it is asked to advance.
    case step
    /// There is a past to go to.
    case seek
    /// Stepping, in a source that has a past.
    case stepBack
    /// What happens can still be another thing: a simulation.
    case change
    /// A live guest, whose kernel can be asked to tell more.
    case live

    /// Whether a source can do it.
    public func isMet(by capabilities: Capabilities) -> Bool {
        switch self {
        case .nothing: true
        case .step: capabilities.canStep
        case .seek: capabilities.canSeek
        case .stepBack: capabilities.canStep && capabilities.canSeek
        case .change: capabilities.canStep && capabilities.kind == .simulator
        case .live: capabilities.kind == .live
        }
    }
}

/// One row of the action table: keys, help, palette and the bar at the bottom all come from it.
public struct Action: Sendable, Hashable, Identifiable {
    /// Its lasting name.
    public let id: ActionID
    /// Its name on the screen and in the palette.
    public let title: String
    /// What it does, in one sentence.
    public let help: String
    /// Where the help lists it.
    public let category: ActionCategory
    /// Its keys, the first shown first: a printed character or `Space`, `Enter`, `Esc`, `Tab`, `Shift-Tab`, `Up`, `Down`,
    /// `Left`, `Right`, `PageUp`, `PageDown`, `Home`, `End`, `F1` to `F12`, `Ctrl-` and a capital letter.
    public let keys: [String]
    /// Where it is valid.
    public let views: [InspectorView]
    /// What the source must be able to do.
    public let need: ActionNeed
    /// The word in the bar of F-keys; nil for an action that is not in the bar.
    public let barLabel: String?

    init(
        _ id: ActionID, _ title: String, _ help: String, _ category: ActionCategory, keys: [String],
        views: [InspectorView] = InspectorView.allCases, need: ActionNeed = .nothing, bar: String? = nil
    ) {
        self.id = id
        self.title = title
        self.help = help
        self.category = category
        self.keys = keys
        self.views = views
        self.need = need
        barLabel = bar
    }

    /// The F-key, for an action in the bar.
    public var barKey: String? {
        barLabel == nil ? nil : keys.first { $0.first == "F" && $0.count > 1 && $0.dropFirst().allSatisfy(\.isNumber) }
    }
}
