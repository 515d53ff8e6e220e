import Benchmarks
import Glibc
import Platform
import TestSupport
import Testing
import VMBusRing

/// A ring in a file, one end of it here and the other one in another process.
@Suite struct TwoProcessTests {
    private static let ringBytes = 4096 * 3

    /// Packets in each direction and by each rule.
    private static let packets = 50_000 * Soak.factor

    @Test(arguments: RingExercise.Role.allCases, [WakeRule.strictlyMore, .atLeast])
    func `two processes lose neither packet nor wake-up`(role: RingExercise.Role, rule: WakeRule) throws {
        var template = Array("/tmp/vmbusscope-ring-XXXXXX".utf8CString)
        let number = mkstemp(&template)
        guard number >= 0 else { throw SystemError.last("mkstemp") }
        let file = OwnedDescriptor(owning: number)
        unlink(template)
        guard ftruncate(file.rawValue, off_t(Self.ringBytes)) == 0 else { throw SystemError.last("ftruncate") }
        let settings = RingSettings(wakeRule: rule)
        do {
            let mapping = try BackToBackMapping(of: file.rawValue, parts: [0..<Self.ringBytes])
            var memory = try MappedRingMemory(
                controlPage: mapping.address, data: mapping.address + 4096, dataSize: Self.ringBytes - 4096,
                isMappedTwice: false)
            try RingSender(settings).initialize(&memory)
            try RingReceiver(settings).initialize(&memory)
        }
        let own = try Bell()
        let other = try Bell()
        // One end maps the data once and the other one twice.
        let isMappedTwice = role == .send
        let arguments =
            ["bench", "ring-peer", "--packets", "\(Self.packets)", "--ring-bytes", "\(Self.ringBytes)"]
            + (role == .receive ? ["--send"] : []) + (rule == .atLeast ? ["--at-least"] : [])
            + (isMappedTwice ? ["--mapped-once"] : [])
        let peer = try Program.start(
            arguments, descriptors: [file.rawValue, other.fileDescriptor, own.fileDescriptor])
        let ours: Result<RingExercise.Outcome, any Error>
        do {
            ours = .success(
                try RingExercise(role, packets: Self.packets, settings: settings).run(
                    file: file.rawValue, ringBytes: Self.ringBytes, isMappedTwice: isMappedTwice, own: own,
                    other: other))
        } catch {
            ours = .failure(error)
        }
        if case .failure = ours { kill(peer, SIGKILL) }
        var status: Int32 = 0
        #expect(waitpid(peer, &status, 0) == peer)
        let outcome = try ours.get()
        #expect(status == 0, "the other process ended with wait status \(status)")
        #expect(outcome.sleeps > 0 && outcome.signals > 0, "\(outcome): sleeping was not tried")
    }
}
