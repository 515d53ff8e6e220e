public import VMBusWire

/// Which end of the bus a saved state describes.
public enum SavedRole: UInt8, Sendable, Hashable {
    /// A guest's end.
    case guest = 1
    /// A host's end.
    case host = 2
}

/// What every saved connection begins with. 16 bytes; a form of our own.
///
/// The rest is declared like any structure on the wire, so that encoder, decoder and field tree are the same ones.
public struct SavedStateHeader: WireStructure {
    public static let structureName: StaticString = "SAVED_STATE"

    /// "VMBSTATE" in ASCII, read as a little-endian number.
    public static let magic: UInt64 = 0x4554_4154_5342_4D56
    /// The form that is written today. A reader refuses a newer one, as it cannot know what it left out.
    public static let currentForm: UInt16 = 1

    /// `magic`.
    public var magic = SavedStateHeader.magic
    /// The form of what follows.
    public var form = SavedStateHeader.currentForm
    /// Whose end it is: the raw value of a `SavedRole`.
    public var role: UInt8 = 0

    public init() {}
    /// Begins the state of one end.
    public init(role: SavedRole) { self.role = role.rawValue }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("magic", &magic, .hexadecimal, "the letters VMBSTATE")
        try visitor.field("form", &form, "the version of the form")
        try visitor.field("role", &role, "1 for a guest's end, 2 for a host's")
        try visitor.reserved(5)
    }

    /// Checks that a reader of `role` may go on.
    ///
    /// - Throws: what the header says instead.
    func check(_ expected: SavedRole) throws(RestoreError) {
        guard magic == Self.magic else { throw .notASavedState }
        guard form <= Self.currentForm, form > 0 else { throw .unknownForm(form) }
        guard role == expected.rawValue else { throw .otherRole(role) }
    }
}

/// Why a saved state was not taken up.
public enum RestoreError: Error, Sendable, Hashable {
    /// The first bytes are not those of a saved state.
    case notASavedState
    /// A form that this program does not know.
    case unknownForm(UInt16)
    /// The other end's state, or nobody's.
    case otherRole(UInt8)
    /// A field breaks its rule, or the bytes end before it.
    case damaged(WireError)
    /// The state needs a version that the new side does not allow.
    case version(ProtocolVersion, allowed: ProtocolVersion)
    /// The state needs features that the new side does not have.
    case features(FeatureFlags, allowed: FeatureFlags)
    /// Fields that are right alone contradict each other; the text says which.
    case inconsistent(String)
}

extension RestoreError: CustomStringConvertible {
    /// One line: what is wrong, with the value.
    public var description: String {
        switch self {
        case .notASavedState: "this is no saved state: it does not begin with VMBSTATE"
        case .unknownForm(let form):
            "the saved state has form \(form); this program reads 1 to \(SavedStateHeader.currentForm)"
        case .otherRole(let role): "the saved state is of role \(role) (1 guest, 2 host), not of this end"
        case .damaged(let error): "the saved state is damaged: \(error)"
        case .version(let version, let allowed):
            "the saved state speaks version \(version); this side allows up to \(allowed)"
        case .features(let features, let allowed):
            "the saved state uses \(features.meaning ?? "no feature"); this side has \(allowed.meaning ?? "none")"
        case .inconsistent(let what): "the saved state contradicts itself: \(what)"
        }
    }
}
