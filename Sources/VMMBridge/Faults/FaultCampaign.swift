public import BusModel
public import VMBusPartitions
import VMBusWire

/// Cases of faults that are tried on a real guest one after another, with a verdict for each, as KTAP
/// (kernel.org, dev-tools/ktap).
///
/// By itself it gives each connection of the guest the next case: one case per boot or reconnect. Whoever drives the guest
/// can also say when a case begins and ends. It is a value without I/O: records go in, lines come out.
public struct FaultCampaign: Sendable {
    /// What is to be asked of the guest's session.
    public struct Request: Sendable {
        /// The faults that are armed; none for the end of a case.
        public let faults: FaultInjector
        /// From the next contact on, not at once.
        public let atContact: Bool

        /// The same as a command.
        public var command: BridgeCommand { .arm(faults, atContact: atContact) }
    }

    /// Lines for faults that were done in one case; later ones are counted only.
    private static let maximumLines = 8
    /// Findings behind the name of a case.
    private static let maximumFindings = 4

    private let cases: [FaultCase]
    private let seed: UInt64
    private var console = KernelConsole()
    private var running: Int?
    private var next = 0
    private var number = 0
    private var isNegotiating = false
    /// Faults that were done in this case, and whether the guest was heard of after the last.
    private var doneCount = 0
    private var isHeard = false
    /// How many cases the guest did not stand.
    public private(set) var failures = 0

    /// Cases in the order in which they are tried.
    public init(_ cases: [FaultCase], seed: UInt64) {
        self.cases = cases
        self.seed = seed
    }

    /// The lines in front of all others.
    public var opening: [String] { ["KTAP version 1", "1..\(cases.count)"] }

    /// The names of the cases.
    public var names: [String] { cases.map(\.name) }

    private func request(_ index: Int, atContact: Bool) -> Request {
        Request(faults: FaultInjector(cases[index].faults, seed: seed &+ UInt64(index)), atContact: atContact)
    }

    private var calm: Request { Request(faults: FaultInjector(seed: seed), atContact: false) }

    // MARK: By itself

    /// The first case waits for the first contact.
    public func start() -> Request? { cases.isEmpty ? nil : request(0, atContact: true) }

    /// Follows the log. A connection after another ends a case and begins the next.
    ///
    /// - Parameter console: gives the guest's console until now.
    public mutating func follow(
        _ batch: FlowBatch, _ console: () -> [UInt8]
    ) -> (lines: [String], request: Request?) {
        var lines: [String] = []
        var request: Request?
        for header in batch.headers {
            let type = header.kind == .message ? MessageType(rawValue: header.code) : nil
            if type == .initiateContact, !isNegotiating {
                isNegotiating = true
                lines += end(console())
                if next < cases.count {
                    begin(next)
                    next += 1
                    if next < cases.count { request = self.request(next, atContact: true) }
                }
            }
            if type == .requestOffers || type == .unload { isNegotiating = false }
            lines += note(header, batch)
        }
        return (lines, request)
    }

    private mutating func begin(_ index: Int) {
        running = index
        (doneCount, isHeard) = (0, false)
    }

    // MARK: Driven

    /// Begins a case; nil when there is none of that name.
    public mutating func begin(_ name: String, atContact: Bool, _ console: [UInt8]) -> (
        lines: [String], request: Request
    )? {
        guard let index = cases.firstIndex(where: { $0.name == name }) else { return nil }
        let lines = end(console)
        _ = self.console.complaints(in: console)
        begin(index)
        return (lines, request(index, atContact: atContact))
    }

    /// Ends the case that is running.
    ///
    /// - Parameter complaint: what whoever drives the guest found wrong with it; nil for nothing, and then it counts as heard.
    public mutating func end(_ complaint: String?, _ console: [UInt8]) -> (lines: [String], request: Request) {
        isHeard = true
        return (end(console, complaint), calm)
    }

    /// Writes down what a batch tells of the case that is running.
    public mutating func note(_ batch: FlowBatch) -> [String] { batch.headers.flatMap { note($0, batch) } }

    private mutating func note(_ header: FlowRecordHeader, _ batch: FlowBatch) -> [String] {
        guard running != nil else { return [] }
        if header.kind == .fault, header.code != 0 {
            doneCount += 1
            isHeard = false
            guard doneCount <= Self.maximumLines else { return [] }
            return ["# \(String(decoding: batch.payload(of: header), as: UTF8.self))"]
        }
        if header.direction == .guestToHost, header.kind != .fault { isHeard = true }
        return []
    }

    /// The verdict of the case that is running, if one is.
    public mutating func end(_ console: [UInt8], _ complaint: String? = nil) -> [String] {
        guard let index = running else { return [] }
        running = nil
        number += 1
        let complaints = self.console.complaints(in: console)
        var findings = complaints.map(\.finding)
        if let complaint { findings.append(complaint) }
        if doneCount > 0, !isHeard, findings.isEmpty { findings = ["nothing was heard of the guest after the fault"] }
        let name = cases[index].name
        var lines = ["# \(name): \(cases[index].honesty.words), \(doneCount) times done"]
        lines += complaints.prefix(Self.maximumLines).map { "# \(name): \($0.line)" }
        if findings.isEmpty {
            lines.append(
                "ok \(number) \(name)" + (doneCount == 0 ? " # SKIP nothing came that it could be done to" : ""))
        } else {
            failures += 1
            lines.append("not ok \(number) \(name) # " + findings.prefix(Self.maximumFindings).joined(separator: "; "))
        }
        return lines
    }
}
