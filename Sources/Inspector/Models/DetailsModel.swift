/// One label with its value.
public struct DetailPair: Sendable, Hashable {
    /// What it is.
    public var label: String
    /// The value.
    public var value: Cell
    /// What it means, in plain words.
    public var help: String
    /// How old the value is, or why there is none; empty where that says nothing.
    public var note: String

    /// A pair.
    public init(_ label: String, _ value: Cell, _ help: String = "", note: String = "") {
        self.label = label
        self.value = value
        self.help = help
        self.note = note
    }
}

/// Pairs that belong together.
public struct DetailSection: Sendable, Hashable {
    /// The heading.
    public var title: String
    /// The pairs, in order.
    public var pairs: [DetailPair]

    /// A section.
    public init(_ title: String, _ pairs: [DetailPair]) {
        self.title = title
        self.pairs = pairs
    }
}

/// What the details pane shows of one partition, device, channel or record.
public struct DetailsModel: Sendable, Hashable {
    /// What it is about.
    public var title: String
    /// The sections, in order.
    public var sections: [DetailSection]

    /// Details.
    public init(title: String, sections: [DetailSection]) {
        self.title = title
        self.sections = sections
    }

    /// Details of one section.
    public init(title: String, section: String, _ pairs: [DetailPair]) {
        self.init(title: title, sections: [DetailSection(section, pairs)])
    }
}
