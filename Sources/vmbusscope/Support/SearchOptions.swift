public import ArgumentParser
import BusModel
import Configuration
import Platform
import VMBusPartitions
import VMBusRing
public import VMBusSimulator
import VMBusWire

/// What `explore` and `fuzz` search: the model of a ring, or a simulated machine.
struct SearchOptions: ParsableArguments {
    /// The name that stands for the model of a ring.
    static let ringName = "ring"

    @Argument(
        help: ArgumentHelp(
            "'ring', a small machine that is shipped for it (\(ExplorationScenarios.names.joined(separator: ", "))), "
                + "a shipped scenario, or a TOML file."))
    var scenario: String

    @Option(
        help: ArgumentHelp(
            "In which order accesses are seen: sc, or tso with store buffers; tso for ring and sc for machines by default.",
            valueName: "order"),
        completion: .list(MemoryOrder.allCases.map(\.rawValue)))
    var memory: MemoryOrder?

    @Option(help: ArgumentHelp("ring: bytes of the data area.", valueName: "n"))
    var ringBytes: UInt32 = 72

    @Option(help: ArgumentHelp("ring: packets that are sent.", valueName: "n"))
    var packets = 4

    @Option(help: ArgumentHelp("ring: bytes of payload in each packet.", valueName: "n"))
    var payload = 8

    @Option(help: ArgumentHelp("ring: wake-ups that nobody has asked for.", valueName: "n"))
    var spurious = 1

    @Flag(inversion: .prefixedNo, help: "ring: a sender without space is signalled, or has to poll.")
    var pendingSend = true

    @Flag(help: "ring: space that just fits wakes a sender, as OpenVMM has it, instead of strictly more.")
    var wakesWhenItJustFits = false

    #if Mutations
        @Option(help: ArgumentHelp("The planted bug of both ends.", valueName: "name"))
        var mutation: String?
    #endif

    @Option(
        help: ArgumentHelp(
            "Machines: write what is found as a session, which 'vmbusscope sim FILE.session' opens.", valueName: "file")
    )
    var recordSession: String?

    func validate() throws {
        guard let recordSession else { return }
        if isRing { throw ValidationError("--record-session: 'ring' is no machine that 'sim' opens; try --mermaid") }
        guard recordSession.hasSuffix(".session") else {
            throw ValidationError("--record-session \(recordSession): choose a name that ends in .session")
        }
    }

    var isRing: Bool { scenario == Self.ringName }

    /// The order of a machine's accesses.
    var machineMemory: MemoryOrder { memory ?? .sc }

    /// The numbers of the ring's model.
    func ring() throws(CommandFailure) -> RingModelSettings {
        var settings = RingModelSettings()
        settings.order = memory ?? .tso
        settings.ringBytes = ringBytes
        settings.packets = packets
        settings.payloadBytes = payload
        settings.spuriousWakeUps = spurious
        settings.ends.usesPendingSendSize = pendingSend
        settings.ends.wakeRule = wakesWhenItJustFits ? .atLeast : .strictlyMore
        #if Mutations
            settings.ends.mutation = try plantedBug()
        #endif
        if let problem = settings.problem { throw CommandFailure(.usage, problem) }
        return settings
    }

    /// The machine, as it is written and read.
    func machine() throws(CommandFailure) -> (scenario: Scenario, text: [UInt8]) {
        var text: [UInt8]
        if let shipped = ExplorationScenarios.text(scenario) {
            text = Array(shipped.utf8)
        } else {
            switch try ScenarioFile.read(scenario).origin {
            case .shipped(let name): text = Scenarios.text(name) ?? []
            case .text(let bytes, _): text = bytes
            }
        }
        #if Mutations
            if let bug = try plantedBug() {
                let lines = "[[guest]]\nmutation = \"\(bug.rawValue)\"\nhost_mutation = \"\(bug.rawValue)\""
                text = Array(String(decoding: text, as: UTF8.self).replacing("[[guest]]", with: lines).utf8)
            }
        #endif
        do throws(ConfigurationError) {
            return (try Scenario(ConfigurationDocument(parsing: text, file: machineFile)), text)
        } catch {
            throw CommandFailure(.failure, error.description)
        }
    }

    /// What the machine's text is called in messages and sessions.
    var machineFile: String { scenario.hasSuffix(".toml") ? scenario : "\(scenario).toml" }

    /// Writes a session if one is wanted.
    func write(_ found: FoundRun) throws {
        guard let recordSession else { return }
        let file: SessionFile
        do throws(ConfigurationError) {
            file = try found.session()
        } catch {
            throw CommandFailure(.failure, error.description)
        }
        try ReplacedFile.write(recordSession, Array(file.text.utf8))
        Output.complain("step through it: vmbusscope sim \(recordSession)")
    }

    #if Mutations
        private func plantedBug() throws(CommandFailure) -> Mutation? {
            guard let mutation else { return nil }
            guard let bug = Mutation(rawValue: mutation) else {
                let names = Mutation.allCases.map(\.rawValue).joined(separator: ", ")
                throw CommandFailure(.usage, "there is no planted bug '\(mutation)'; choose one of \(names)")
            }
            return bug
        }
    #endif

    /// The arguments that name the same search.
    var words: String {
        var words = scenario
        if let memory { words += " --memory \(memory.rawValue)" }
        if isRing {
            words += " --ring-bytes \(ringBytes) --packets \(packets) --payload \(payload)"
            words += " --spurious \(spurious)" + (pendingSend ? "" : " --no-pending-send")
            if wakesWhenItJustFits { words += " --wakes-when-it-just-fits" }
        }
        #if Mutations
            if let mutation { words += " --mutation \(mutation)" }
        #endif
        return words
    }
}

extension MemoryOrder: ExpressibleByArgument {}
