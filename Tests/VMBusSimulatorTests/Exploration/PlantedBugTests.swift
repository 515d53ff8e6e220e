import BusModel
import Glibc
import ProtocolRules
import Testing
import VMBusPartitions
import VMBusRing
import VMBusWire

@testable import VMBusSimulator

/// The searches find what was planted, and nothing in what is shipped. With VMBUSSCOPE_PLANTED set they print what each took,
/// and the steps without a finding are that many.
@Suite(.serialized) struct PlantedBugTests {
    private static let number: Int? = getenv("VMBUSSCOPE_PLANTED").flatMap { Int(String(cString: $0)) }

    private static func tell(_ line: @autoclosure () -> String) {
        if number != nil { print(line()) }
    }

    /// What a run of a machine is like.
    private static func clean(_ name: String, _ order: MemoryOrder, steps: Int) throws -> MachineSubject {
        let scenario = try Scenarios.named(name) ?? ExplorationScenarios.named(name)
        return MachineSubject(try #require(scenario), stepLimit: min(steps, 2000), memoryOrder: order)
    }

    @Test func `machines as they are shipped break nothing in as many steps as there is time for`() throws {
        let wanted = Self.number ?? 5000
        let names = Scenarios.names + ExplorationScenarios.names.filter { !Scenarios.names.contains($0) }
        let share = wanted / (names.count * 2) + 1
        var (steps, runs, cells) = (0, 0, 0)
        let start = ContinuousClock.now
        for order in MemoryOrder.allCases {
            for name in names {
                let subject = try Self.clean(name, order, steps: share)
                var campaign = FuzzCampaign(subject, seed: 1)
                while campaign.steps < share, campaign.failure == nil { campaign.runNext() }
                #expect(
                    campaign.failure?.breach == nil, "\(name) \(order): \(campaign.failure?.trial.description ?? "")")
                steps += campaign.steps
                runs += campaign.runs
                cells += campaign.coverage.count
                Self.tell(
                    "clean \(name) \(order): \(campaign.steps) steps, \(campaign.runs) runs, "
                        + "\(campaign.coverage.count) cells, \(ContinuousClock.now - start) so far")
            }
        }
        #expect(steps >= wanted)
        Self.tell("clean: \(steps) steps, \(runs) runs, seed 1, \(ContinuousClock.now - start)")
    }

    #if Mutations
        /// The ten that were fixed before the searches were written, and where each is looked for.
        private static let planted: [(mutation: Mutation, place: String)] = [
            (.noRecheckAfterUnmask, "ring"), (.noBarrierBeforeMaskTest, "ring"), (.noBarrierAfterReadIndex, "ring"),
            (.pendingSizeNotRechecked, "ring"), (.pendingSizeOneStepLate, "ring"),
            (.releaseBeforeMoveAnswer, "move"), (.reopenBeforeTorndown, "reboot"), (.completionTwice, "network"),
            (.interruptBeforeResultIgnored, "open"), (.offersBeforeRequest, "open"),
        ]

        private static func scenario(_ place: String, _ mutation: Mutation) throws -> Scenario {
            var scenario = try #require(try ExplorationScenarios.named(place))
            for index in scenario.guests.indices {
                scenario.guests[index].mutation = mutation
                scenario.guests[index].host.mutation = mutation
            }
            return scenario
        }

        /// Searches breadth first and then by random runs of seed 1; the rules that were found, and a line about each search.
        private static func hunt(
            _ model: some ExplorableModel, _ subject: some FuzzSubject, _ mutation: Mutation, _ place: String
        ) -> [String?] {
            let start = ContinuousClock.now
            let exploration = explored(model, limits: ExplorationLimits(states: 100_000))
            let explored = ContinuousClock.now - start
            var found: (rule: String?, steps: Int) = (nil, 0)
            if case .broken(let breach, let schedule)? = exploration.verdict {
                found = (breach.rule, schedule.choices.count)
            }
            tell(
                "\(mutation.rawValue) | explore \(place) | \(found.rule ?? "not found") | "
                    + "\(exploration.progress.states) states, \(exploration.progress.transitions) steps | "
                    + "\(found.steps) steps | \(explored)")
            let second = ContinuousClock.now
            var campaign = FuzzCampaign(subject, seed: 1)
            while campaign.failure == nil, campaign.runs < 2000 { campaign.runNext() }
            tell(
                "\(mutation.rawValue) | fuzz \(place) --seed 1 | \(campaign.failure?.breach.rule ?? "not found") | "
                    + "\(campaign.runs) runs, \(campaign.steps) steps | \(campaign.failure?.steps ?? 0) steps | "
                    + "\(ContinuousClock.now - second)")
            return [found.rule, campaign.failure?.breach.rule]
        }

        @Test func `each of the ten planted bugs is found by both searches, by the rule that it breaks`() throws {
            let start = ContinuousClock.now
            for (mutation, place) in Self.planted {
                let rules: [String?]
                if place == "ring" {
                    var settings = RingModelSettings()
                    settings.ends.mutation = mutation
                    rules = Self.hunt(
                        RingModel(settings), RingSubject(settings, stepLimit: 500), mutation, place)
                } else {
                    let scenario = try Self.scenario(place, mutation)
                    rules = Self.hunt(
                        MachineModel(scenario, window: 1_000_000, until: 2_000_000),
                        MachineSubject(scenario, stepLimit: 500), mutation, place)
                }
                #expect(rules == [mutation.rule, mutation.rule], "\(mutation)")
            }
            let time = ContinuousClock.now - start
            Self.tell("ten planted bugs: \(time)")
            #expect(Self.number == nil || time < .seconds(60))
        }
    #endif
}
