import BusModel
import Testing
import VMBusEngine
import VMBusPartitions
import VMBusWire

@testable import VMBusSimulator

@Suite struct MachineModelTests {
    private func model(_ name: String, window: UInt64 = 1_000_000, until: UInt64 = 300_000) throws -> MachineModel {
        let scenario = try #require(try ExplorationScenarios.named(name))
        return MachineModel(scenario, window: window, until: until)
    }

    @Test(arguments: ExplorationScenarios.names)
    func `every shipped machine is read and keeps the rules in its first states`(name: String) throws {
        let exploration = explored(try model(name), limits: ExplorationLimits(states: 60))
        #expect(exploration.verdict == .holds || exploration.verdict == .bounded(.states))
        #expect(exploration.progress.depth > 5)
    }

    @Test func `the choices of a model are those of its successors`() throws {
        var model = try model("rescind")
        for choice in [0, 0, 0, 1, 0, 0, 1, 0] {
            let successors = model.successors()
            guard !successors.isEmpty else { break }
            let taken = min(choice, successors.count - 1)
            let expected = successors[taken]
            let steps = model.take(taken)
            #expect(steps?.isEmpty == false)
            #expect(model.fingerprint == expected.fingerprint)
        }
        let nothing = model.take(1000)
        #expect(nothing == nil)
    }

    @Test func `a machine that came to rest breaks nothing, whatever the order`() throws {
        let scenario = try #require(try ExplorationScenarios.named("rescind"))
        let subject = MachineSubject(scenario, stepLimit: 150)
        var campaign = FuzzCampaign(subject, seed: 3)
        for _ in 0..<4 { campaign.runNext() }
        #expect(campaign.failure?.breach == nil)
        #expect(campaign.coverage.count > 10)
        let names = Set(campaign.coverage.keys.map { subject.name(of: $0).event })
        #expect(names.contains { $0.hasPrefix("OPENCHANNEL") || $0.hasPrefix("OPEN_CHANNEL") })
    }

    /// What a guest with Linux's habits does: it gives a number back although its move is not answered.
    @Test func `a search finds what a profile does against a rule`() throws {
        var scenario = try #require(try ExplorationScenarios.named("move"))
        scenario.guests[0].profile = try #require(GuestProfile.all.first { $0.name == "linux" })
        let model = MachineModel(scenario, window: 1_000_000, until: 2_000_000)
        let exploration = explored(model, limits: ExplorationLimits(states: 2000))
        guard case .broken(let breach, _)? = exploration.verdict else {
            Issue.record("\(String(describing: exploration.verdict))")
            return
        }
        #expect(breach.rule == "modify-needs-version")
    }

    #if Mutations
        @Test(arguments: [
            (Mutation.offersBeforeRequest, "open"), (.interruptBeforeResultIgnored, "open"),
            (.reopenBeforeTorndown, "reboot"), (.releaseBeforeMoveAnswer, "move"),
        ])
        func `a planted bug of the control plane is found, and its schedule leads to it again`(
            mutation: Mutation, name: String
        ) throws {
            var scenario = try #require(try ExplorationScenarios.named(name))
            scenario.guests[0].mutation = mutation
            scenario.guests[0].host.mutation = mutation
            let model = MachineModel(scenario, window: 1_000_000, until: 2_000_000)
            let exploration = explored(model, limits: ExplorationLimits(states: 2000))
            guard case .broken(let breach, let schedule)? = exploration.verdict else {
                Issue.record("\(String(describing: exploration.verdict))")
                return
            }
            #expect(breach.rule == mutation.rule)
            var again = model
            _ = again.run(schedule)
            #expect(again.breach == breach)
        }
    #endif
}
