public import BusModel

/// One line of the help screen.
public struct HelpLine: Sendable, Hashable {
    /// The keys, or empty for a heading.
    public let keys: String
    /// The action's help, or the heading.
    public let text: String
    /// Whether it is a heading.
    public let isHeading: Bool
}

extension ActionTable {
    /// The help of a view: every action with all its keys under the headings of their categories. Actions that the source
    /// cannot do are listed too, and say so.
    public static func help(for view: InspectorView, _ capabilities: Capabilities) -> [HelpLine] {
        var lines: [HelpLine] = []
        for category in ActionCategory.allCases {
            let actions = all.filter { $0.category == category && $0.views.contains(view) }
            if actions.isEmpty { continue }
            lines.append(HelpLine(keys: "", text: category.rawValue, isHeading: true))
            for action in actions {
                let note = action.need.isMet(by: capabilities) ? "" : " " + action.need.refusal
                lines.append(
                    HelpLine(keys: action.keys.joined(separator: " "), text: action.help + note, isHeading: false))
            }
        }
        return lines
    }

    /// The help of a view as text, keys in a column of their own.
    public static func helpText(for view: InspectorView, _ capabilities: Capabilities) -> String {
        let lines = help(for: view, capabilities)
        let width = lines.map(\.keys.count).max() ?? 0
        return lines.map { line in
            line.isHeading
                ? "\(line.text)\n"
                : "  " + line.keys + String(repeating: " ", count: width - line.keys.count) + "  \(line.text)\n"
        }.joined()
    }
}

extension ActionNeed {
    /// Why a source cannot do it.
    public var refusal: String {
        switch self {
        case .nothing: ""
        case .step: "(this source cannot be stepped)"
        case .seek, .stepBack: "(this source has no past to go to)"
        case .change: "(only a simulation can be changed; see 'sim --from FILE')"
        case .live: "(only a live guest has tracepoints)"
        }
    }
}
