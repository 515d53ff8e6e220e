/// What something on the screen means. Views speak in roles; only themes know colours.
enum Role: UInt8, CaseIterable, Sendable {
    case text, textDim, textStrong, textUnknown
    case title, titleLive, titleSim, titleFile, titleHost, titleClock
    case tab, tabActive, tabNumber
    case border, borderFocus, borderTitle
    case tableHeader, tableSort
    case cursor, cursorUnfocused
    case mark, match
    case statusOk, statusWarn, statusError, statusInfo
    case stateOpen, stateClosed, statePending, stateGone
    case fkeyKey, fkeyLabel, fkeyDisabled
    case directionIn, directionOut
    case protocolMessage, protocolPacket, protocolSignal, protocolInterrupt, protocolState, protocolSample
    case protocolFault, protocolGap, protocolNote
    case ringFill, ringFree, ringPacketA, ringPacketB, ringSelected, ringIndexRead, ringIndexWrite, ringPending
    case gaugeEmpty, gaugeText
    case graph1, graph2, graph3, graph4, axis
    case hexOffset, hexByte, hexZero, hexAscii, hexField, hexSelected
    case treeLine, treeName, treeValue, treeText, treeBad
    case prompt, promptValid, promptInvalid, promptHint, promptLabel
    case popup, popupTitle, popupKey
    case badge, badgePaused, badgeFollow, badgeReadonly, badgeFilter, badgeFinding
    case diffChanged
    case timePast, timeNow
    case scrollbar, scrollbarThumb
    case help, helpKey, helpHeading

    /// The name in theme files; the part before a dot stands for all that begins with it.
    var name: String { Self.names[Int(rawValue)] }

    /// The role with a name.
    init?(name: String) {
        guard let index = Self.names.firstIndex(of: name) else { return nil }
        self = Self.allCases[index]
    }

    /// The names of ``allCases``, in the same order; a test holds that.
    static let names: [String] = [
        "text", "text.dim", "text.strong", "text.unknown",
        "title", "title.live", "title.sim", "title.file", "title.host", "title.clock",
        "tab", "tab.active", "tab.number",
        "border", "border.focus", "border.title",
        "table.header", "table.sort",
        "cursor", "cursor.unfocused",
        "mark", "match",
        "status.ok", "status.warn", "status.error", "status.info",
        "state.open", "state.closed", "state.pending", "state.gone",
        "fkey.key", "fkey.label", "fkey.disabled",
        "dir.in", "dir.out",
        "proto.message", "proto.packet", "proto.signal", "proto.interrupt", "proto.state", "proto.sample",
        "proto.fault", "proto.gap", "proto.note",
        "ring.fill", "ring.free", "ring.packet.a", "ring.packet.b", "ring.selected", "ring.index.read",
        "ring.index.write", "ring.pending",
        "gauge.empty", "gauge.text",
        "graph.1", "graph.2", "graph.3", "graph.4", "axis",
        "hex.offset", "hex.byte", "hex.zero", "hex.ascii", "hex.field", "hex.selected",
        "tree.line", "tree.name", "tree.value", "tree.text", "tree.bad",
        "prompt", "prompt.valid", "prompt.invalid", "prompt.hint", "prompt.label",
        "popup", "popup.title", "popup.key",
        "badge", "badge.paused", "badge.follow", "badge.readonly", "badge.filter", "badge.finding",
        "diff.changed",
        "time.past", "time.now",
        "scrollbar", "scrollbar.thumb",
        "help", "help.key", "help.heading",
    ]

    /// Whether it colours lines and backgrounds rather than something to be read.
    var isDecoration: Bool {
        switch self {
        case .border, .ringFree, .gaugeEmpty, .axis, .treeLine, .scrollbar, .scrollbarThumb, .fkeyDisabled: true
        default: false
        }
    }
}
