import BusModel
import Inspector
import TestSupport
import Testing
import VMBusSimulator
import VMBusWire

/// Guests with whom nothing is wrong: no rule may say otherwise.
@Suite struct HealthyDoctorTests {
    /// How many seeds, and steps of each; a soak of twenty makes more than a million steps of all scenarios.
    private static let seeds = (1...UInt64(2 * Soak.factor)).map { $0 }
    private static let steps = Soak.factor > 1 ? 8000 : 1000

    /// Where connections are refused and devices taken away the doctor may say so.
    private static let healthy = Scenarios.names.filter { !["hvsock", "rescind", "hibernate"].contains($0) }

    @Test(arguments: healthy, seeds)
    func `a simulated guest that is well has no finding that warns`(_ name: String, _ seed: UInt64) throws {
        let scenario = try #require(try Scenarios.named(name))
        var source = SimulatorSource(scenario, seed: seed)
        var state = InspectorState(capabilities: source.capabilities, title: name)
        for _ in 0..<Self.steps / 100 {
            state.ingest(source.advance(.steps(100)))
            let bad = state.diagnosed().findings.filter { $0.severity > .info }
            #expect(bad.isEmpty, "\(name), seed \(seed), at \(state.lastTime): \(bad)")
        }
    }

    // MARK: Live guests that are well

    private func findings(_ kind: SourceKind = .live, _ build: (inout DoctorSession) -> Void) -> [String] {
        var session = DoctorSession(kind)
        build(&session)
        return session.inspector().diagnosed().findings.filter { $0.severity > .info }
            .map { "\($0.rule): \($0.text) \($0.evidence)" }
    }

    @Test func `an idle card whose traffic a virtual function carries is well`() {
        let found = findings { session in
            session.guest()
            session.state(
                [AttributeReading(.virtualFunction, text: "enP1"), AttributeReading(.virtualFunctionActive, 1)],
                device: DoctorSession.nic)
            session.each(1...120) { session, _ in session.nic() }
        }
        #expect(found.isEmpty, "\(found)")
    }

    @Test func `a virtual function that is serviced once is well`() {
        let found = findings { session in
            session.guest()
            session.each(1...20) { session, second in
                guard second == 3 || second == 9 else { return }
                for fact in [
                    KernelLogFact.virtualFunctionSlot, .virtualFunctionChanged, .virtualFunctionLink, .dataPathSwitched,
                ] {
                    session.line(fact, first: Int64(second / 9), device: DoctorSession.nic, "VF goes or comes")
                }
            }
        }
        #expect(found.isEmpty, "\(found)")
    }

    @Test func `as many lines as a boot writes at once are no flood`() {
        let found = findings { session in
            session.guest()
            session.flood(.deviceVersion, counted: 40, "probing")
            session.each(3...20) { session, _ in session.nic() }
        }
        #expect(found.isEmpty, "\(found)")
    }

    @Test func `a reader that polls with the ring masked is well`() {
        let found = findings { session in
            session.guest()
            session.each(1...120) { session, second in
                session.nic(inUsed: UInt64(second % 7) * 64, inMask: 1, interrupts: 5)
            }
        }
        #expect(found.isEmpty, "\(found)")
    }

    @Test func `a busy channel that always has bytes waiting is well while they change`() {
        let found = findings { session in
            session.guest()
            session.each(1...120) { session, second in
                session.nic(
                    inUsed: 4096 + UInt64(second % 3) * 8, outUsed: 1024 + UInt64(second % 5) * 8,
                    interrupts: UInt64(second) * 900, events: UInt64(second) * 800, outEmpty: UInt64(second) * 800)
            }
        }
        #expect(found.isEmpty, "\(found)")
    }

    @Test func `the same count of bytes in every look is no stall while interrupts come`() {
        let found = findings { session in
            session.guest()
            session.each(1...120) { session, second in session.nic(inUsed: 4096, interrupts: UInt64(second) * 10) }
        }
        #expect(found.isEmpty, "\(found)")
    }

    @Test func `a monitored channel's bit that is seen set now and then is well`() {
        let found = findings { session in
            session.guest()
            session.state(
                [AttributeReading(.monitorID, 3), AttributeReading(.monitorLatency, 1000)], device: DoctorSession.nic,
                relid: 14)
            // The signals go by the page, so that the count of hypercalls stands still.
            session.each(1...120) { session, second in
                session.nic(events: 12, outEmpty: UInt64(second) * 500, more: [AttributeReading(.monitorPending, 8)])
            }
        }
        #expect(found.isEmpty, "\(found)")
    }

    @Test func `devices that Linux leaves alone and closed sub-channels are well`() {
        let found = findings { session in
            session.guest()
            for (index, classID) in [
                GUID(0xF8E6_5716, 0x3CB3, 0x4A06, 0x9A60_1889_C5CC_CAB5),
                GUID(0x276A_ACF4, 0xAC15, 0x426C, 0x98DD_7521_AD3F_01FE),
            ].enumerated() {
                session.device(
                    GUID(UInt32(index + 1), 7, 7, 7), classID, relid: UInt32(50 + index), driver: nil, state: 2)
            }
            session.state(
                [AttributeReading(.channelPhase, ChannelPhase.closed.rawValue)], device: DoctorSession.nic, relid: 15,
                subchannel: 1, code: .appeared)
            session.each(1...120) { session, _ in session.nic() }
        }
        #expect(found.isEmpty, "\(found)")
    }

    @Test func `a kernel without counters is judged by nothing that it does not tell`() {
        let found = findings { session in
            session.guest()
            session.each(1...120) { session, _ in
                session.sample(DoctorSession.nic, relid: 14, [AttributeReading(.inUsed, 64)])
            }
        }
        #expect(found.isEmpty, "\(found)")
    }

    @Test func `a size that was taken over from the primary makes no stall`() {
        let found = findings { session in
            session.guest()
            session.state(
                [
                    AttributeReading(.channelPhase, ChannelPhase.open.rawValue), AttributeReading(.outSize, 520_192),
                    AttributeReading(.outSizeSource, RingSizeSource.inferred.rawValue), AttributeReading(.cpu, 2),
                ], device: DoctorSession.nic, relid: 15, subchannel: 1, code: .appeared)
            session.each(1...120) { session, _ in
                session.sample(
                    DoctorSession.nic, relid: 15, subchannel: 1,
                    [
                        AttributeReading(.outUsed, 393_216), AttributeReading(.outMask, 0),
                        AttributeReading(.interrupts, 3),
                    ]
                )
            }
        }
        #expect(found.isEmpty, "\(found)")
    }

    @Test func `a copied tree stands still and is not called stuck`() {
        var session = DoctorSession()
        session.guest()
        for second in 1...120 {
            session.at(Double(second))
            session.nic(inUsed: 4096, outUsed: 64)
        }
        let diagnosis = session.inspector().diagnosed()
        #expect(diagnosis.findings.allSatisfy { $0.severity == .info })
        #expect(diagnosis.limits.contains { $0.contains("copied tree") })
    }

    @Test func `two looks are not enough to call anything stuck`() {
        let found = findings { session in
            session.guest()
            session.at(0.5)
            session.nic(inUsed: 0, interrupts: 4)
            session.each(1...1) { session, _ in session.nic(inUsed: 4096) }
            session.each(60...60) { session, _ in session.nic(inUsed: 4096) }
        }
        #expect(found.isEmpty, "\(found)")
    }

    @Test func `a socket whose program reads slowly is no trouble of the bus`() {
        let socket = GUID(1, 9, 9, 9)
        let found = findings { session in
            session.guest()
            session.device(socket, DeviceClass.hvSocketClass(port: 1024), relid: 60, driver: "hv_sock")
            session.each(1...120) { session, _ in
                session.sample(
                    socket, relid: 60,
                    [
                        AttributeReading(.inUsed, 4096), AttributeReading(.inMask, 0), AttributeReading(.outUsed, 4096),
                        AttributeReading(.outMask, 0), AttributeReading(.interrupts, 5),
                    ])
            }
        }
        #expect(found.isEmpty, "\(found)")
    }

    @Test func `refused and granted later, taken away and given back: no trouble that lasts`() {
        let found = findings(.host) { session in
            session.boot()
            session.open(relid: 14)
            session.message(
                .openChannelResult(OpenChannelResult(relid: 14, openID: 14, status: .unexpected)))
            session.at(1)
            session.open(relid: 14)
            session.message(.openChannelResult(OpenChannelResult(relid: 14, openID: 14, status: .success)))
            session.at(2)
            session.rescind(relid: 14)
            session.message(.relidReleased(ChannelReference(relid: 14)))
            session.at(3)
            session.offer(relid: 14)
        }
        #expect(found.isEmpty, "\(found)")
    }

    @Test func `a move below 5.3 is answered by nobody, and nobody waits for it`() {
        let found = findings { session in
            session.guest()
            session.state([AttributeReading(.loggedVersion, text: "5.2")])
            session.at(1)
            session.trace("vmbus_send_modifychannel", [TraceField("child_relid", 14), TraceField("target_vp", 3)])
            session.each(2...60) { session, _ in session.nic() }
        }
        #expect(found.isEmpty, "\(found)")
    }

    @Test func `single errors of a probe and of a boot are only told`() {
        let found = findings { session in
            session.guest()
            session.line(.storageError, first: 2, second: 6, device: DoctorSession.disk, "tag#62 cmd 0x85")
            session.line(.probeFailed, first: -19, device: DoctorSession.nic, "probe failed, then bound again")
            session.line(.messageUnknown, first: 3, "Unhandled message: type: 3")
            session.each(1...120) { session, _ in session.nic() }
        }
        #expect(found.isEmpty, "\(found)")
    }
}
