/// A rule of the protocol that holds at every moment (reference, ecosystem §6.4): what a checker folds records for.
///
/// The raw value is the rule's number, which stays, as its `id` does.
public enum ProtocolRule: Int, CaseIterable, Sendable, Hashable {
    case contactFirst = 1
    case versionDown
    case offersAfterRequest
    case relidUnique
    case relidReleasedBeforeReuse
    case openPreconditions
    case openAnsweredOnce
    case noTrafficBeforeAccept
    case gpadlComplete
    case gpadlLifecycle
    case closeBeforeTeardown
    case rescindReleasedOnce
    case subchannelFamily
    case unloadLast
    case modifyNeedsVersion
    case synicSlot
    case indexRange
    case oneByteFree
    case singleWriter
    case descriptorSane
    case trailerLinks
    case bytesPreserved
    case noLostWakeupData
    case noLostWakeupSpace
    case signalEconomy
    case pendingNeedsFeature
    case completionMatches
    case idsUnique
    case monitorOwned
    case interruptTarget
    case sendSectionExclusive
    case receiveSectionReturnedOnce
    case rndisBounds
    case netvscOrder

    /// What is said of a rule.
    struct Facts: Sendable {
        let id: String
        let text: String
        let source: String
        let needs: EvidenceKinds
    }

    var facts: Facts { Self.table[rawValue - 1] }

    /// The lasting name, in lower case with hyphens.
    public var id: String { facts.id }
    /// The rule in one or two sentences.
    public var text: String { facts.text }
    /// Where the reference has it from: sections of the protocol reference, joined by commas.
    public var source: String { facts.source }
    /// Whether a breach does no harm by itself: a signal too many costs time, and hosts throttle who sends many.
    public var isWarning: Bool { self == .signalEconomy }
    /// What must be seen for the rule to be checked.
    public var needs: EvidenceKinds { facts.needs }

    /// The rule with a name; nil for a name that no rule has.
    public init?(id: some StringProtocol) {
        guard let rule = Self.allCases.first(where: { $0.id == id }) else { return nil }
        self = rule
    }
}

/// What a source shows of a bus, as far as rules need it.
public struct EvidenceKinds: OptionSet, Sendable, Hashable {
    /// The bits.
    public let rawValue: UInt8

    /// Any set.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Records of channel messages.
    public static let messages = EvidenceKinds(rawValue: 1)
    /// Records of packets, with all their bytes.
    public static let packets = EvidenceKinds(rawValue: 2)
    /// Records of signals and interrupts.
    public static let signals = EvidenceKinds(rawValue: 4)
    /// Both rings of a channel as they are after a step.
    public static let rings = EvidenceKinds(rawValue: 8)
    /// The message slots of the processors after a step.
    public static let slots = EvidenceKinds(rawValue: 16)
    /// The guest's monitor page after a step.
    public static let monitorPages = EvidenceKinds(rawValue: 32)

    /// All kinds.
    public static let all = EvidenceKinds(rawValue: 63)

    /// The kinds in words, joined by commas.
    public var words: String {
        let names = ["messages", "packets", "signals", "rings", "message slots", "monitor pages"]
        return names.indices.filter { rawValue & 1 << UInt8($0) != 0 }.map { names[$0] }.joined(separator: ", ")
    }
}
