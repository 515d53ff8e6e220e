import VMBusWire

extension FaultKind {
    /// How a file of faults is written, and all kinds with what they do, for people.
    public static var text: String {
        var text = example
        for honesty in FaultClass.allCases {
            text += "\n# \(honesty.words): \(honesty.meaning)\n"
            for kind in all where kind.honesty == honesty { text += kind.line }
        }
        return text
    }

    private static let example = """
        # Faults for 'vmbusscope host --fault FILE' are cases, of which each connection of the guest gets one. A scenario has the same
        # as [[faults]]. Such a file:

        [[case]]
        name = "late-offers"
        [[case.faults]]
        kind = "delay-message"
        message = "OFFER_CHANNEL"
        delay = "20ms"
        times = 0

        # Each fault is done once, at the first chance, unless 'times' (0: always), 'nth', 'odds' or 'at' say something else, to all that it
        # fits unless 'device', 'subchannel' or 'message' do; see 'vmbusscope print scenario-schema'.
        # Columns: kind, what it is done to, who commits it (the first one unless 'direction' says the other), further keys.

        """

    private var line: String {
        let parties = directions.map(\.word).joined(separator: " or ")
        let keys = parameters.isEmpty ? "" : " | " + parameters.map(\.rawValue).joined(separator: ", ")
        return "\(id) | \(message?.meaning ?? target.rawValue) | \(parties)\(keys)\n    \(summary)\n"
    }
}

extension FaultClass {
    /// What is asked of the other end.
    fileprivate var meaning: String {
        switch self {
        case .legalAdversity: "the protocol allows it; a correct other end goes on"
        case .buggyPeer: "the sender has a bug; the other end survives, and may lose the device"
        case .hostilePeer: "the sender attacks; the other end stays unharmed, and nothing else is asked"
        }
    }
}
