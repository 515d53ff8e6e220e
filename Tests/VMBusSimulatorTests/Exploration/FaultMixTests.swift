import BusModel
import Configuration
import Testing
import VMBusPartitions
import VMBusWire

@testable import VMBusSimulator

@Suite struct FaultMixTests {
    private func subject(
        _ name: String, _ honesty: FaultClass?, by offender: Direction = .hostToGuest, steps: Int = 300
    ) throws -> MachineSubject {
        let scenario = try #require(try ExplorationScenarios.named(name))
        return MachineSubject(scenario, stepLimit: steps, mix: FaultMix(honesty, by: offender))
    }

    private func campaign(_ subject: MachineSubject, seed: UInt64, runs: Int) -> FuzzCampaign<MachineSubject> {
        var campaign = FuzzCampaign(subject, seed: seed)
        while campaign.runs < runs, campaign.failure == nil { campaign.runNext() }
        return campaign
    }

    @Test(
        arguments: [nil, FaultClass.legalAdversity, .buggyPeer, .hostilePeer], [Direction.hostToGuest, .guestToHost])
    func `each fault of a mix has a bit, a name, and a text that is read as the same fault`(
        honesty: FaultClass?, offender: Direction
    ) throws {
        let subject = try subject("network", honesty, by: offender)
        let mix = subject.mix
        #expect(subject.variationBits <= 64)
        #expect(mix.faults.isEmpty == (honesty == nil))
        for bit in mix.faults.indices {
            let trial = FuzzCase(variation: 1 << UInt64(bit + 3))
            #expect(subject.variationName(bit + 3) == mix.name(bit))
            let text = try #require(ExplorationScenarios.text("network")) + subject.faultText(of: trial)
            let scenario = try Scenario(ConfigurationDocument(parsing: Array(text.utf8), file: "x.toml"))
            #expect(scenario.faults == mix.chosen(1 << UInt64(bit)))
        }
    }

    @Test(arguments: ["network", "rescind", "reboot", "move"])
    func `legal adversity breaks no rule, and everything comes to rest`(name: String) throws {
        let campaign = campaign(try subject(name, .legalAdversity), seed: 1, runs: 12)
        #expect(campaign.failure?.breach == nil)
        let names = Set(campaign.coverage.keys.map { campaign.subject.name(of: $0).event })
        #expect(names.count { $0.hasPrefix("fault ") } > 8)
    }

    @Test(arguments: [FaultClass.buggyPeer, .hostilePeer])
    func `a host that is buggy or hostile makes no guest break a rule`(honesty: FaultClass) throws {
        let campaign = campaign(try subject("network", honesty), seed: 1, runs: 6)
        #expect(campaign.failure?.breach == nil)
    }

    @Test func `a case with faults is the same run as its session`() throws {
        let subject = try subject("rescind", .legalAdversity)
        let text = Array(try #require(ExplorationScenarios.text("rescind")).utf8)
        let trial = FuzzCase(variation: 0xFF_FFFB, seed: 5)
        let run = subject.run(trial)
        let file = try subject.found(trial, text: text, file: "rescind.toml").session()
        let again = try SessionFile(ConfigurationDocument(parsing: Array(file.text.utf8), file: "found.session"))
        #expect(again == file)
        let source = try SimulatorSource(again)
        #expect(Int(source.steps) == run.steps)
        var simulation = subject.simulation(of: trial)
        for _ in 0..<run.steps { _ = simulation.step() }
        #expect(source.fingerprint == simulation.fingerprint)
    }

    @Test func `a schedule is the same run as its session`() throws {
        let scenario = try #require(try ExplorationScenarios.named("move"))
        let text = Array(try #require(ExplorationScenarios.text("move")).utf8)
        for order in MemoryOrder.allCases {
            var model = MachineModel(scenario, window: 1_000_000, until: 2_000_000, memoryOrder: order)
            let schedule = Schedule([0, 0, 1, 0, 1, 0, 2, 1, 0, 1])
            let found = model.found(schedule, text: text, file: "move.toml")
            let steps = model.run(schedule).count
            let file = try found.session()
            let read = try SessionFile(ConfigurationDocument(parsing: Array(file.text.utf8), file: "found.session"))
            let source = try SimulatorSource(read)
            #expect(Int(source.steps) == steps)
            #expect(source.fingerprint == model.simulation.fingerprint)
        }
    }

    #if Mutations
        @Test func `what a search finds of a planted bug is a session that ends in the same state, with a chart`()
            throws
        {
            let lines = "[[guest]]\nmutation = \"release-before-move-answer\""
            let text = try #require(ExplorationScenarios.text("move")).replacing("[[guest]]", with: lines)
            let scenario = try Scenario(ConfigurationDocument(parsing: Array(text.utf8), file: "move.toml"))
            let model = MachineModel(scenario, window: 1_000_000, until: 2_000_000)
            let exploration = explored(model, limits: ExplorationLimits(states: 2000))
            guard case .broken(let breach, let schedule)? = exploration.verdict else {
                Issue.record("\(String(describing: exploration.verdict))")
                return
            }
            let file = try model.found(schedule, text: Array(text.utf8), file: "move.toml").session()
            let read = try SessionFile(ConfigurationDocument(parsing: Array(file.text.utf8), file: "found.session"))
            let source = try SimulatorSource(read)
            var again = model
            _ = again.run(schedule)
            #expect(again.breach == breach)
            #expect(source.fingerprint == again.simulation.fingerprint)
            let chart = try source.export(.mermaid, 1...source.position.sequence)
            #expect(chart.hasPrefix("sequenceDiagram\n"))
        }
    #endif
}
