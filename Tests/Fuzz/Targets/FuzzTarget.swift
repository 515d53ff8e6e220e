/// One thing that takes bytes from outside, with what must hold whatever they are.
public struct FuzzTarget: Sendable {
    /// The name: of its corpus, on the command line and in the environment.
    public let name: String
    /// Feeds it with bytes.
    public let run: @Sendable ([UInt8]) throws(Finding) -> Void

    /// All targets.
    public static let all: [FuzzTarget] = [
        FuzzTarget(name: "channel-message", run: fuzzChannelMessage),
        FuzzTarget(name: "packet", run: fuzzPacket),
        FuzzTarget(name: "ring-receiver", run: fuzzRingReceiver),
        FuzzTarget(name: "ring-dump", run: fuzzRingDump),
        FuzzTarget(name: "page-list", run: fuzzPageList),
        FuzzTarget(name: "guest-connection", run: fuzzGuestConnection),
        FuzzTarget(name: "host-connection", run: fuzzHostConnection),
        FuzzTarget(name: "guest-saved-state", run: fuzzGuestSavedState),
        FuzzTarget(name: "host-saved-state", run: fuzzHostSavedState),
        FuzzTarget(name: "dissector", run: fuzzDissector),
        FuzzTarget(name: "network-provider", run: fuzzNetworkProvider),
        FuzzTarget(name: "network-consumer", run: fuzzNetworkConsumer),
        FuzzTarget(name: "integration-provider", run: fuzzIntegrationProvider),
        FuzzTarget(name: "integration-consumer", run: fuzzIntegrationConsumer),
        FuzzTarget(name: "console-provider", run: fuzzConsoleProvider),
        FuzzTarget(name: "console-consumer", run: fuzzConsoleConsumer),
        FuzzTarget(name: "storage-provider", run: fuzzStorageProvider),
        FuzzTarget(name: "storage-consumer", run: fuzzStorageConsumer),
        FuzzTarget(name: "balloon", run: fuzzBalloon),
        FuzzTarget(name: "vpci", run: fuzzVPCI),
        FuzzTarget(name: "tracepoint", run: fuzzTracepoint),
        FuzzTarget(name: "text-file", run: fuzzTextFile),
        FuzzTarget(name: "flow-frame", run: fuzzFlowFrame),
        FuzzTarget(name: "responder", run: fuzzResponder),
        FuzzTarget(name: "recording", run: fuzzRecording),
        FuzzTarget(name: "export", run: fuzzExport),
    ]

    /// The target of that name.
    public static func named(_ name: some StringProtocol) -> FuzzTarget? { all.first { $0.name == name } }
}

/// Something that must never happen, and did.
public struct Finding: Error, Hashable, Sendable, CustomStringConvertible {
    /// What and where, in one sentence.
    public let description: String

    init(_ description: String) { self.description = description }
}

/// States what must hold.
func require(_ condition: Bool, _ what: @autoclosure () -> String) throws(Finding) {
    if !condition { throw Finding(what()) }
}

/// A place deep in a target that only bytes with sense reach. With the trait `FuzzingCanary` reaching it is a finding, which
/// shows that the target would find one.
func canary(_ isReached: @autoclosure () -> Bool, _ place: String) throws(Finding) {
    #if FuzzingCanary
        if isReached() { throw Finding("canary: \(place)") }
    #endif
}
