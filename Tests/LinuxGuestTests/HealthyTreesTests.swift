import BusModel
import Glibc
import Inspector
import LinuxGuest
import Platform
import Testing
import VMBusWire

/// Trees of guests that are well: the doctor must not say otherwise, however long it looks.
@Suite(.enabled(if: SharedFixtures.directory != nil, "\(SharedFixtures.absence)"))
struct HealthyTreesTests {
    static let trees = [
        "trees/a-wsl2", "trees/b-azure-d16s-gen2", "trees/c-extreme-128cpu", "real-linux-6.12/bridge-life-6.12",
        "real-linux-6.12/bridge-uio-6.12", "real-linux-6.12/bridge-v4-6.12", "real-linux-6.12/qemu-vmbus-6.12",
    ]

    /// The roots inside an unpacked archive: itself, or `NAME/tree` for each step of a session.
    private func roots(_ place: String) throws -> [String] {
        let files = SystemFiles()
        if (try? files.kind(of: place + "/sys")) == .directory { return [place] }
        return try files.names(in: place).sorted().map { "\(place)/\($0)/tree" }
            .filter { (try? files.kind(of: $0 + "/sys/bus/vmbus")) == .directory }
    }

    /// Looks at a tree second by second; `before` is called in front of each look.
    private func watched(_ root: String, looks: Int, before: (InspectorState) throws -> Void) throws -> InspectorState {
        let clock = Clock()
        var source = LinuxGuestSource(files: SystemFiles(sysroot: root), title: "tree", clock: { clock.now })
        var state = InspectorState(capabilities: source.capabilities)
        for _ in 0..<looks {
            clock.advance()
            try before(state)
            state.ingest(try source.advance(.steps(1)))
            state.look(at: clock.now)
        }
        return state
    }

    private final class Clock: @unchecked Sendable {
        private(set) var now: UInt64 = 0
        func advance() { now += 1_000_000_000 }
    }

    @Test(arguments: trees) func `nothing is wrong with a tree that stands still`(_ name: String) throws {
        try SharedFixtures.withUnpacked(name + ".tar.xz") { place in
            let roots = try roots(place)
            #expect(!roots.isEmpty)
            for root in roots {
                let looks = name.contains("extreme") ? 4 : 8
                let diagnosis = try watched(root, looks: looks) { _ in }.diagnosed()
                let bad = diagnosis.findings.filter { $0.severity == .critical }
                #expect(bad.isEmpty, "\(root): \(bad)")
            }
        }
    }

    @Test(arguments: ["trees/a-wsl2", "trees/b-azure-d16s-gen2"])
    func `nothing is wrong with a tree of which one channel goes on`(_ name: String) throws {
        try SharedFixtures.withUnpacked(name + ".tar.xz") { place in
            // One channel's interrupts go on, so that the tree looks alive; all others stand still.
            let state = try watched(place, looks: 15) { state in
                for device in state.snapshot.partition(1)?.devices ?? [] {
                    guard device.deviceClass.kind != .network, let channel = device.channels.first,
                        let count = channel.interrupts.value
                    else { continue }
                    let path = "\(place)/sys/bus/vmbus/devices/\(device.name)/channels/\(channel.relid)/interrupts"
                    let file = try #require(fopen(path, "w"))
                    fputs("\(count + 1)\n", file)
                    fclose(file)
                    return
                }
            }
            let diagnosis = state.diagnosed()
            #expect(diagnosis.limits.allSatisfy { !$0.contains("copied tree") }, "\(diagnosis.limits)")
            let bad = diagnosis.findings.filter { $0.severity > .info }
            #expect(bad.isEmpty, "\(name): \(bad)")
        }
    }
}
