/// How the bytes of a structure lie, worked out from its declaration: what a reader in another language needs.
///
/// A declaration is code that follows its data, so a layout is a tree: steps, then a decision by something that was met on the
/// way, then further steps.
public struct WireLayout: Sendable, Hashable {
    /// What is read, in order.
    public var steps: [LayoutStep]
    /// How it goes on; nil where it ends.
    public var decision: LayoutDecision?

    /// A layout.
    public init(steps: [LayoutStep], decision: LayoutDecision? = nil) {
        (self.steps, self.decision) = (steps, decision)
    }
}

/// One thing that is read.
public struct LayoutStep: Sendable, Hashable {
    /// What it is.
    public enum Kind: Sendable, Hashable {
        /// A number or GUID.
        case field
        /// The same, where its bytes are there.
        case optional
        /// Bytes without a structure; the first number says how many.
        case bytes
        /// Bytes that carry nothing.
        case reserved
        /// The fields up to `close` are inside this one.
        case open
        case close
        /// The fields up to `endRegion` lie at the place and have the length that the numbers say.
        case region
        case endRegion
        /// Structures of the layout that `type` names, as many as the first number says.
        case repeated
        /// A field again and again, to the end.
        case fieldsToEnd
        /// A big-endian number of any width, or bytes, where there are so many.
        case bigEndian
    }

    /// What it is.
    public var kind: Kind
    /// The field's name; empty where there is none.
    public var name = ""
    /// What it is, in plain words.
    public var help = ""
    /// Bytes, where they are always the same.
    public var size = 0
    /// How a number is written; how bytes are.
    public var form = LayoutForm.decimal
    /// The names of its values, or the layout that it repeats.
    public var type = ""
    /// Under which number decisions and numbers refer to its value.
    public var input = 0
    /// What its size and place are made from.
    public var numbers: [LayoutNumber] = []

    /// A step.
    public init(kind: Kind, name: String = "", help: String = "", size: Int = 0) {
        (self.kind, self.name, self.help, self.size) = (kind, name, help, size)
    }
}

/// How a value is written.
public enum LayoutForm: String, Sendable, Hashable {
    case decimal, signed, hexadecimal, guid
    /// Bytes: as they are, as text of one or two bytes a character, as addresses.
    case bytes, text, utf16, ethernet, ipv6
}

/// A number that other values give.
public enum LayoutNumber: Sendable, Hashable {
    /// Always the same, plus values times their factors.
    case sum(Int, [LayoutTerm])
    /// The 4096-byte pages that two values together need.
    case pages(Int, Int)
    /// To the end of what there is.
    case rest
}

/// A value in a sum.
public struct LayoutTerm: Sendable, Hashable {
    /// Whose value.
    public var input: Int
    /// Times how much.
    public var factor: Int
}

/// What decides how a layout goes on.
public struct LayoutDecision: Sendable, Hashable {
    /// By what.
    public enum Subject: Sendable, Hashable {
        /// The value of a field.
        case value(Int)
        /// Bits of the value of a field.
        case bits(Int, mask: UInt64)
        /// How many bytes are left.
        case left
        /// Who sent it (in bits 32 and 33), and what the message is an answer to.
        case context
    }

    /// By what.
    public var subject: Subject
    /// The ways, each from a value up to that of the next one.
    public var ways: [LayoutWay]
}

/// How a layout goes on from a value up to the next.
public struct LayoutWay: Sendable, Hashable {
    /// The first value.
    public var from: UInt64
    /// What follows.
    public var layout: WireLayout
}

/// Names of a scalar's values.
public struct LayoutNames: Sendable, Hashable {
    /// Whether each bit has a name, and not the number.
    public var isBits: Bool
    /// By value, in order.
    public var names: [LayoutName]
}

/// One value's name.
public struct LayoutName: Sendable, Hashable {
    /// The value.
    public var value: UInt64
    /// What it means.
    public var name: String
}
