import BusModel
import Configuration
import Platform
import VMBusPartitions
import VMMBridge

/// Faults that `host` tries on its first guest, and what is printed of them.
struct FaultTrial {
    private var campaign: FaultCampaign
    /// Whether KTAP takes the place of the records.
    let replacesRecords: Bool
    /// The file in which the guest's console comes.
    private let console: String?
    private var goesByItself = false

    /// A console longer than this is looked at no more.
    private static let limit = 64 << 20

    /// Reads the file with the cases.
    init(
        _ path: String, guests: [GuestConfiguration], seed: UInt64, asKTAP: Bool, console: String?
    ) throws(CommandFailure) {
        let bytes = try ScenarioFile.bytes(path)
        do throws(ConfigurationError) {
            let document = try ConfigurationDocument(parsing: bytes, file: path)
            campaign = FaultCampaign(try FaultCase.list(document, guests: guests), seed: seed)
        } catch {
            throw CommandFailure(.failure, error.description)
        }
        replacesRecords = asKTAP
        self.console = console
    }

    /// What was said on the console until now; nothing while there is no such file.
    private static func text(of console: String?) -> [UInt8] {
        guard let console else { return [] }
        return (try? SystemFiles().readTable(console.hasPrefix("/") ? console : "./" + console, limit: limit)) ?? []
    }

    /// Prints the first lines, and lets the first case wait for the first contact unless somebody says which is when.
    ///
    /// - Returns: what is to be asked of the guest's session.
    mutating func begin(byItself: Bool) throws(CommandFailure) -> BridgeCommand? {
        goesByItself = byItself
        try write(campaign.opening)
        return byItself ? campaign.start()?.command : nil
    }

    /// Follows the log.
    ///
    /// - Returns: what is to be asked of the guest's session.
    mutating func follow(_ batch: FlowBatch) throws(CommandFailure) -> BridgeCommand? {
        guard goesByItself else {
            try write(campaign.note(batch))
            return nil
        }
        let console = console
        let (lines, request) = campaign.follow(batch) { Self.text(of: console) }
        try write(lines)
        return request?.command
    }

    /// Takes `case NAME`, `case NAME contact`, `end` and `end REASON`; false for another line.
    mutating func obey(_ line: String, _ command: inout BridgeCommand?) throws(CommandFailure) -> Bool {
        let words = line.split(separator: " ", maxSplits: 1).map(String.init)
        switch words.first {
        case "case" where words.count == 2:
            let parts = words[1].split(separator: " ").map(String.init)
            let atContact = parts.count == 2 && parts[1] == "contact"
            guard let (lines, request) = campaign.begin(parts[0], atContact: atContact, Self.text(of: console)) else {
                Output.complain("there is no case '\(words[1])'; there is: \(campaign.names.joined(separator: ", "))")
                return true
            }
            try write(lines)
            command = request.command
        case "end":
            let (lines, request) = campaign.end(words.count == 2 ? words[1] : nil, Self.text(of: console))
            try write(lines)
            command = request.command
        default: return false
        }
        return true
    }

    /// The last verdict. True when the guest did not stand a case.
    mutating func end() throws(CommandFailure) -> Bool {
        try write(campaign.end(Self.text(of: console)))
        return campaign.failures > 0
    }

    private func write(_ lines: [String]) throws(CommandFailure) {
        guard replacesRecords, !lines.isEmpty else { return }
        try Output.write(lines.joined(separator: "\n") + "\n")
    }
}
