import BusModel
import Inspector
import Query
import VMBusWire

/// What the screens remember besides the log: a value that keys and clicks turn into another one.
struct ScreenState: Sendable {
    /// The view that is shown.
    var view = InspectorView.partitions
    /// Where the list of each view stands, in the order of the views.
    private var lists = InspectorView.allCases.map { _ in ListPosition() }
    /// Whether the flow's cursor stays at the newest record.
    var isFollowing = true
    /// The pane beside the list.
    var details = DetailsState()
    /// What the view of the rings shows.
    var rings = RingsState()
    /// What the view of the processors shows.
    var cpus = CPUsState()
    /// Where the sequence chart of a session stands.
    var chart = ChartState()
    /// What lies above the view.
    var popup: Popup?
    /// The line that text is typed into.
    var prompt: Prompt?
    /// The prompt that the last key took for the session: it comes back when the session refuses it.
    var accepted: Prompt?
    /// Whether switching tracing on was asked about in this session and the answer was yes.
    var mayTrace = false
    /// What the last action has to say; gone with the next key.
    var message: Message?
    /// The theme's name.
    var theme: String
    /// Whether pictures are drawn with ASCII characters only, whatever the terminal can show.
    var isASCII: Bool
    /// Whether a source that can be stepped goes on by itself.
    var isRunning: Bool
    /// How fast it goes, as a power of two: 0 is the speed of the clock on the wall.
    var speed = 0
    /// How far a journey through the session is; nil while nothing runs to a goal.
    var progress: String?

    init(theme: String = "dark", isASCII: Bool = false, isRunning: Bool = true) {
        self.theme = theme
        self.isASCII = isASCII
        self.isRunning = isRunning
    }

    /// The slowest and the fastest speed.
    static let speeds = -20...10

    /// Where the list of a view stands.
    subscript(list view: InspectorView) -> ListPosition {
        get { lists[view.place] }
        set { lists[view.place] = newValue }
    }

    /// Whether the picture stands still.
    func isPaused(_ inspector: InspectorState) -> Bool {
        inspector.capabilities.canStep ? !isRunning && progress == nil : inspector.isPaused
    }
}

/// Where a list stands.
struct ListPosition: Hashable, Sendable {
    /// The row under the cursor, by what it stands for, so that it survives another order.
    var selected: RowID?
    /// Where that row was last: the cursor stays there when the row goes.
    var index = 0
    /// The row at the top.
    var offset = 0
    /// How many rows there were last.
    var count = 0
}

/// The parts of the screen that keys can go to.
enum Focus: Hashable, Sendable {
    case list
    /// The details, or the fields of a record.
    case fields
    /// The bytes of a record.
    case bytes
}

/// The pane beside the list.
struct DetailsState: Hashable, Sendable {
    var isOpen = false
    /// What the user chose for each view; nil while nothing was chosen.
    private var choices = InspectorView.allCases.map { _ in Bool?.none }
    var focus = Focus.list
    /// The line or field under the pane's cursor.
    var line = 0
    /// The line at the top.
    var offset = 0
    /// The byte under the cursor of the bytes.
    var byte = 0
    /// The line of bytes at the top.
    var byteOffset = 0
    /// Fields whose inside is hidden, by their places in the tree; only looked up.
    var collapsed: Set<[Int]> = []
    /// What is shown: the cursor begins at the top when it changes.
    var subject: RowID?

    /// Opens or closes the pane in a view, by hand.
    mutating func choose(_ isOpen: Bool, in view: InspectorView) {
        choices[view.place] = isOpen
        self.isOpen = isOpen
    }

    /// Takes up what was chosen for a view. The partitions are few, so there the pane is open where there is room.
    mutating func recall(_ view: InspectorView, size: Size) {
        let hasRoom = view == .partitions && size.rows >= 20 && size.columns >= 40
        isOpen = choices[view.place] ?? hasRoom
    }
}

/// What the view of the rings shows.
struct RingsState: Hashable, Sendable {
    /// The chosen channel.
    var channel: ChannelKey?
    /// The ring whose packets are listed.
    var direction = Direction.hostToGuest
    /// The chosen packet, by its place in the ring.
    var block: Int?
    /// Where that packet was in the list.
    var index = 0
    /// The packet at the top of the list.
    var offset = 0
    /// The bytes of the two rings, where the source has them.
    var images: RingImages?
}

/// The bytes of a channel's two rings at one moment.
struct RingImages: Hashable, Sendable {
    var channel: ChannelKey
    var inbound: RingImage?
    var outbound: RingImage?
}

/// Where the sequence chart of a session stands.
struct ChartState: Hashable, Sendable {
    /// Whether keys go to it.
    var hasFocus = false
    /// The chosen record; nil while the chart ends at the moment that is shown.
    var record: UInt64?
}

/// What lies above the view and takes the keys.
enum Popup: Hashable, Sendable {
    /// All keys of the view, from this line on.
    case help(offset: Int)
    /// All actions that fit what was typed, and which of them is chosen.
    case palette(line: InputLine, selected: Int)
}

/// The line that text is typed into.
struct Prompt: Hashable, Sendable {
    enum Purpose: Hashable, Sendable {
        /// A filter of the view; what it was before is kept for Esc.
        case filter(before: String)
        /// The number of a record.
        case goTo
        /// Whether the kernel's tracepoints may be switched on.
        case trace
        /// How far to go.
        case until(TravelDirection)
        /// What to stop at.
        case breakpoint
        /// The name of a new branch.
        case branch
        /// Another value for a decision.
        case choose(UInt64)
        /// What is to go wrong.
        case fault
        /// What to write, and where.
        case write
    }

    var purpose: Purpose
    var line: InputLine
    /// Which of the ways to go on Tab takes.
    var choice = 0
    /// Why the text was refused, until it is changed.
    var refusal: String?
}

/// A sentence for the user.
struct Message: Hashable, Sendable {
    enum Tone: Hashable, Sendable { case info, warning, failure }

    var text: String
    var tone: Tone

    init(_ text: String, _ tone: Tone = .info) {
        self.text = text
        self.tone = tone
    }
}

/// What the screens cannot do themselves.
enum ScreenEffect: Hashable, Sendable {
    case quit
    /// Paint everything anew.
    case redraw
    /// Put a text into the clipboard.
    case copy(String)
    /// Go somewhere in the session.
    case travel(TravelGoal, TravelDirection)
    /// Change something of the session.
    case command(Command)
    /// Say where two branches first differ.
    case compare(String, String)
    /// End a journey where it is.
    case stop
    /// Write the session, or records of it, into a file, which must not be there yet unless it may be replaced.
    case write(SessionExport, ClosedRange<UInt64>, path: String, replaces: Bool)
    /// Look twice as often, or half as often.
    case lookFaster, lookSlower
    /// Switch the guest's tracepoints on or off.
    case trace(Bool)
}
