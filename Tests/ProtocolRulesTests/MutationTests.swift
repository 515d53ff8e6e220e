import BusModel
import Configuration
import ProtocolRules
import Testing
import VMBusPartitions
import VMBusSimulator
import VMBusWire

/// The engine, the rings and the devices as they are shipped break no rule; with one planted bug they break just that rule first.
@Suite struct MutationTests {
    /// The checker after so many steps, or when the first rule is broken.
    static func checked(_ scenario: Scenario, seed: UInt64? = nil, steps: Int) -> RuleChecker {
        var simulation = Simulation(scenario, seed: seed)
        simulation.checkRules()
        for _ in 0..<steps {
            guard simulation.step() != nil, simulation.checker?.breaches.isEmpty == true else { break }
        }
        return simulation.checker ?? RuleChecker()
    }

    static func parsed(_ text: String) throws -> Scenario {
        try Scenario(ConfigurationDocument(parsing: Array(text.utf8), file: "test"))
    }

    @Test(arguments: Scenarios.names, [1, 2] as [UInt64])
    func `a shipped scenario breaks no rule`(name: String, seed: UInt64) throws {
        let scenario = try #require(try Scenarios.named(name))
        let checker = Self.checked(scenario, seed: seed, steps: 3000)
        #expect(checker.breaches.map { "\($0.sequence) \($0.description)" } == [])
        #expect(checker.checks(of: .contactFirst) > 0)
    }

    @Test func `a breach is a record of the log with the rule's number and its text`() throws {
        var simulation = Simulation(try Self.parsed(Self.text(guest: "processors = 2")))
        simulation.checkRules()
        while let batch = simulation.step(), !batch.headers.contains(where: { $0.kind == .message }) {}
        simulation.checkRules()
        #expect(simulation.checker?.breaches == [])
    }

    /// One guest with a heartbeat and a network adapter, and what happens to them.
    static func text(guest: String, network: String = "channels = 2", events: String = "") -> String {
        """
        name = "test"
        [root]
        version = "6.0"
        [[guest]]
        name = "guest"
        \(guest)
        [[guest.device]]
        kind = "heartbeat"
        [[guest.device]]
        kind = "network"
        \(network)
        \(events)
        """
    }

    static func event(_ action: String, at time: String, device: String? = "network") -> String {
        "[[event]]\nat = \"\(time)\"\nguest = \"guest\"\naction = \"\(action)\"\n"
            + (device.map { "device = \"\($0)\"\n" } ?? "")
    }
}

#if Mutations
    extension MutationTests {
        /// The mutations that a run of the simulator shows.
        static let simulated: [Mutation] = Mutation.allCases.filter { scenario(for: $0) != nil }

        /// A fitting run, without the mutation's own line.
        static func scenario(for mutation: Mutation) -> String? {
            let move = event("move", at: "300ms") + "cpu = 1\n"
            return switch mutation {
            case .offersRequestedBeforeContact, .offersBeforeRequest, .relidGivenTwice, .openOutsideList,
                .openAnsweredTwice, .trafficBeforeAccept, .pageListShort, .subchannelOfAnotherClass,
                .messageSlotOverwritten, .pendingWithoutFeature:
                text(guest: "processors = 2")
            case .versionsOutOfOrder: text(guest: "version = \"4.0\"\nhost_version = \"2.4\"")
            case .relidReusedUnreleased:
                text(
                    guest: "processors = 2",
                    events: event("rescind", at: "300ms") + event("offer", at: "300ms"))
            case .torndownTwice, .teardownBeforeClose, .messageAfterUnload:
                text(guest: "processors = 2", events: event("reboot", at: "300ms", device: nil))
            case .releasedTwice: text(guest: "processors = 2", events: event("rescind", at: "300ms"))
            case .moveOfOldVersion: text(guest: "processors = 2\nversion = \"4.0\"", events: move)
            case .interruptOldProcessor:
                text(guest: "processors = 2", events: event("move", at: "300ms", device: "heartbeat") + "cpu = 1\n")
            case .foreignMonitorBit: text(guest: "processors = 2", network: "channels = 2\nmonitored = true")
            default: nil
            }
        }

        /// Whose bug it is.
        static func key(_ mutation: Mutation) -> String {
            switch mutation {
            case .offersBeforeRequest, .relidGivenTwice, .relidReusedUnreleased, .openAnsweredTwice, .torndownTwice,
                .subchannelOfAnotherClass, .messageSlotOverwritten, .interruptOldProcessor:
                "host_mutation"
            default: "mutation"
            }
        }

        @Test(arguments: simulated)
        func `a mutation breaks its rule and no other first`(mutation: Mutation) throws {
            let text = try #require(Self.scenario(for: mutation))
            let line = "name = \"guest\"\n\(Self.key(mutation)) = \"\(mutation.rawValue)\""
            let mutated = try Self.parsed(text.replacingLine("name = \"guest\"", with: line))
            let found = Self.checked(mutated, steps: 20_000)
            #expect(found.breaches.first?.rule.id == mutation.rule, "\(found.breaches.first?.description ?? "nothing")")
            let unmutated = Self.checked(try Self.parsed(text), steps: 20_000)
            #expect(unmutated.breaches.map(\.description) == [])
        }

        @Test func `the log names the rule that was broken`() throws {
            let text = Self.text(guest: "host_mutation = \"offers-before-request\"")
            var simulation = Simulation(try Self.parsed(text))
            simulation.checkRules()
            while simulation.checker?.breaches.isEmpty == true {
                let step = simulation.step()
                let batch = try #require(step)
                guard let fault = batch.headers.last, fault.kind == .fault else { continue }
                #expect(fault.code == 3)
                #expect(fault.direction == .hostToGuest)
                #expect(String(decoding: batch.payload(of: fault), as: UTF8.self).hasPrefix("offers-after-request: "))
                #expect(batch.headers.map(\.sequence).sorted() == batch.headers.map(\.sequence))
            }
        }
    }

    extension String {
        fileprivate func replacingLine(_ line: String, with other: String) -> String {
            split(separator: "\n", omittingEmptySubsequences: false)
                .map { $0 == line ? other : String($0) }.joined(separator: "\n")
        }
    }
#endif
