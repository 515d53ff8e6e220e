#if Mutations
    import BusModel
    import ProtocolRules
    import Testing
    import VMBusPartitions
    import VMBusSimulator
    import VMBusWire

    /// Each rule has a planted bug that breaks it, and no other rule first.
    @Suite struct RuleMutationTests {
        /// What is run with a mutation: one guest and what happens to it, or guests that send more than their rings hold.
        static func scenario(for mutation: Mutation) throws -> Scenario? {
            let move = MutationTests.event("move", at: "300ms") + "cpu = 1\n"
            let text: String? =
                switch mutation {
                case .offersRequestedBeforeContact, .offersBeforeRequest, .relidGivenTwice, .openOutsideList,
                    .openAnsweredTwice, .trafficBeforeAccept, .pageListShort, .subchannelOfAnotherClass,
                    .messageSlotOverwritten, .pendingWithoutFeature:
                    MutationTests.text(guest: "processors = 2")
                case .versionsOutOfOrder: MutationTests.text(guest: "version = \"4.0\"\nhost_version = \"2.4\"")
                case .relidReusedUnreleased:
                    MutationTests.text(
                        guest: "processors = 2",
                        events: MutationTests.event("rescind", at: "300ms") + MutationTests.event("offer", at: "300ms"))
                case .torndownTwice, .teardownBeforeClose, .messageAfterUnload:
                    MutationTests.text(
                        guest: "processors = 2", events: MutationTests.event("reboot", at: "300ms", device: nil))
                case .releasedTwice:
                    MutationTests.text(guest: "processors = 2", events: MutationTests.event("rescind", at: "300ms"))
                case .moveOfOldVersion:
                    MutationTests.text(guest: "processors = 2\nversion = \"4.0\"", events: move)
                case .interruptOldProcessor:
                    MutationTests.text(
                        guest: "processors = 2",
                        events: MutationTests.event("move", at: "300ms", device: "heartbeat") + "cpu = 1\n")
                case .foreignMonitorBit:
                    MutationTests.text(guest: "processors = 2", network: "channels = 2\nmonitored = true")
                default: nil
                }
            if let text { return try MutationTests.parsed(text) }
            return isOfTraffic(mutation) ? try RingTrafficTests.scenario() : nil
        }

        /// Whether it shows where rings are full most of the time.
        static func isOfTraffic(_ mutation: Mutation) -> Bool {
            switch mutation {
            case .writeIndexUnaligned, .ringFilledUp, .readIndexBySender, .descriptorOffsetShort, .trailerOfNextPacket,
                .byteLostAtWrap, .dataSignalForgotten, .senderNotResumed, .signalEveryPacket, .completionTwice,
                .transactionIDReused, .sendSectionReused, .receiveSectionReturnedTwice, .rndisLengthBeyondMessage,
                .dataBeforeBuffers:
                true
            default: false
            }
        }

        /// The scenario with the mutation in both ends of every guest's bus.
        static func mutated(_ scenario: Scenario, _ mutation: Mutation) -> Scenario {
            var scenario = scenario
            for index in scenario.guests.indices {
                scenario.guests[index].mutation = mutation
                scenario.guests[index].host.mutation = mutation
            }
            return scenario
        }

        @Test(arguments: ProtocolRule.allCases)
        func `a planted bug breaks the rule, and no other first`(rule: ProtocolRule) throws {
            var runs = 0
            for mutation in Mutation.allCases where mutation.rule == rule.id {
                guard let scenario = try Self.scenario(for: mutation) else { continue }
                let found = MutationTests.checked(Self.mutated(scenario, mutation), steps: 20_000)
                #expect(
                    found.breaches.first?.rule == rule, "\(mutation): \(found.breaches.first?.description ?? "nothing")"
                )
                // What it is planted in breaks nothing by itself; rings that are full have a test of their own.
                if !Self.isOfTraffic(mutation) {
                    #expect(MutationTests.checked(scenario, steps: 1000).breaches.map(\.description) == [])
                }
                runs += 1
            }
            #expect(runs > 0, "no planted bug of \(rule.id) is run")
        }

        @Test func `each planted bug names a rule that there is`() {
            for mutation in Mutation.allCases { #expect(ProtocolRule(id: mutation.rule) != nil, "\(mutation)") }
        }

        @Test func `the log names the rule that was broken`() throws {
            let text = MutationTests.text(guest: "host_mutation = \"offers-before-request\"")
            var simulation = Simulation(try MutationTests.parsed(text))
            simulation.checkRules()
            while simulation.checker?.breaches.isEmpty == true {
                let step = simulation.step()
                let batch = try #require(step)
                guard let fault = batch.headers.last, fault.kind == .fault else { continue }
                #expect(fault.direction == .hostToGuest)
                #expect(String(decoding: batch.payload(of: fault), as: UTF8.self).hasPrefix("offers-after-request: "))
                #expect(batch.headers.map(\.sequence).sorted() == batch.headers.map(\.sequence))
            }
        }
    }
#endif
