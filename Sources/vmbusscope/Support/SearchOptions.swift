import ArgumentParser
import Configuration
import Platform
import VMBusPartitions
import VMBusRing
import VMBusSimulator
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
        help: ArgumentHelp("ring: in which order accesses are seen, sc or tso.", valueName: "order"),
        completion: .list(MemoryOrder.allCases.map(\.rawValue)), transform: memoryOrder)
    var memory = MemoryOrder.tso

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

    private static func memoryOrder(_ word: String) throws -> MemoryOrder {
        guard let order = MemoryOrder(rawValue: word) else { throw ValidationError("choose sc or tso") }
        return order
    }

    var isRing: Bool { scenario == Self.ringName }

    /// The numbers of the ring's model.
    func ring() throws(CommandFailure) -> RingModelSettings {
        var settings = RingModelSettings()
        settings.order = memory
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

    /// The machine.
    func machine() throws(CommandFailure) -> Scenario {
        var scenario: Scenario
        if let shipped = try shipped() {
            scenario = shipped
        } else {
            scenario = try ScenarioFile.read(self.scenario).scenario
        }
        #if Mutations
            let bug = try plantedBug()
            for index in scenario.guests.indices where bug != nil {
                scenario.guests[index].mutation = bug
                scenario.guests[index].host.mutation = bug
            }
        #endif
        return scenario
    }

    private func shipped() throws(CommandFailure) -> Scenario? {
        do throws(ConfigurationError) {
            return try ExplorationScenarios.named(scenario)
        } catch {
            throw CommandFailure(.failure, error.description)
        }
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
        if isRing {
            words += " --memory \(memory.rawValue) --ring-bytes \(ringBytes) --packets \(packets) --payload \(payload)"
            words += " --spurious \(spurious)" + (pendingSend ? "" : " --no-pending-send")
            if wakesWhenItJustFits { words += " --wakes-when-it-just-fits" }
        }
        #if Mutations
            if let mutation { words += " --mutation \(mutation)" }
        #endif
        return words
    }
}
