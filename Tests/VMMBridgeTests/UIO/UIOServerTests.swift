import Glibc
import LinuxGuest
import Platform
import Testing
import VMBusDevices
import VMBusRing
import VMBusWire

@testable import VMMBridge

/// A host behind a device node on a thread of its own.
final class ServedNode: Sendable {
    let directory: String
    let sysfs: String
    private let stop: StopRequest
    private let outcome: Outcome

    final class Outcome: Sendable {
        nonisolated(unsafe) var counts: UIOCounts?
        nonisolated(unsafe) var violations: [ProtocolViolation] = []
        nonisolated(unsafe) var failure: SystemError?
    }

    private let thread: Thread

    /// Holds what can be joined once.
    private final class Thread: @unchecked Sendable {
        var worker: WorkerThread?
        init(_ worker: consuming WorkerThread) { self.worker = consume worker }
    }

    init(_ configuration: UIOHostConfiguration) throws {
        var template = Array("/tmp/uio-test-XXXXXX".utf8CString)
        directory = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) } ?? ""
        }
        sysfs = directory + "/sys/7ad35d50-c05b-47ab-b3a0-56a9a845852b"
        let stop = try StopRequest()
        let outcome = Outcome()
        self.stop = stop
        self.outcome = outcome
        let (directory, sysfs) = (directory, sysfs)
        let ready = try StopRequest()
        let worker = try WorkerThread(name: "uio") {
            do throws(SystemError) {
                var server = try UIOServer(configuration, directory: directory, sysfs: sysfs)
                ready.request()
                try server.serve(until: stop.fileDescriptor) { outcome.violations.append($0) }
                outcome.counts = server.counts
            } catch {
                outcome.failure = error
                ready.request()
            }
        }
        thread = Thread(worker)
        var loop = PollLoop<Void>()
        loop.add(ready.fileDescriptor, token: ())
        _ = try loop.wait(timeout: .seconds(20))
    }

    var place: UIOPlace { .files(directory: directory, sysfs: sysfs) }

    /// Ends it: what it counted, and the rules that were broken.
    func end() throws -> (counts: UIOCounts, violations: [ProtocolViolation]) {
        stop.request()
        thread.worker.take()?.join()
        if let failure = outcome.failure { throw failure }
        rmdir(directory + "/sys")
        #expect(rmdir(directory) == 0, "something is left in \(directory)")
        return (try #require(outcome.counts), outcome.violations)
    }
}

@Suite(.serialized) struct UIOServerTests {
    static func configuration(_ change: (inout UIOHostConfiguration) -> Void = { _ in }) -> UIOHostConfiguration {
        var configuration = UIOHostConfiguration()
        configuration.ringBytes = 64 << 10
        configuration.receiveBytes = 256 << 10
        configuration.sendBytes = 256 << 10
        change(&configuration)
        return configuration
    }

    struct Variant: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var channels = 1
        let configuration: UIOHostConfiguration

        init(_ name: String, channels: Int = 1, _ change: (inout UIOHostConfiguration) -> Void) {
            testDescription = name
            self.channels = channels
            configuration = UIOServerTests.configuration {
                $0.echoes = true
                $0.queues = channels
                change(&$0)
            }
        }
    }

    static let variants = [
        Variant("default") { _ in },
        Variant("a ring that always wraps") { $0.ringBytes = 8192 },
        Variant("doorbells only") { $0.waitsForDoorbells = true },
        Variant("the monitor page") {
            $0.waitsForDoorbells = true
            $0.monitorID = 77
        },
        Variant("pending-send size") {
            $0.waitsForDoorbells = true
            $0.asksForSpace = true
            $0.ringBytes = 8192
        },
        Variant("four channels", channels: 4) { $0.waitsForDoorbells = true },
        Variant("control messages without completion") { $0.network.completesControlMessages = false },
        Variant("NVSP 1") { $0.network.maximumVersion = .version1 },
        Variant("NVSP 5") { $0.network.maximumVersion = .version5 },
    ]

    @Test(arguments: variants)
    func `our own consumer exchanges frames through the node`(variant: Variant) throws {
        let count: UInt32 = 1000
        let served = try ServedNode(variant.configuration)
        var settings = NetworkConsumer.Configuration()
        settings.channels = variant.channels
        var driver = try UIODriver(NetworkConsumer(configuration: settings), at: served.place)
        var (next, back, isReady) = (UInt32(0), UInt32(0), false)
        var wrong: [String] = []
        let limit = MonotonicClock.now() + 60_000_000_000
        while back < count, wrong.isEmpty, MonotonicClock.now() < limit {
            for event in try driver.run(patience: .milliseconds(50)) {
                switch event {
                case .ready: isReady = true
                case .frame(let frame):
                    let own = NumberedFrame.frame(back, to: settings.own)
                    if frame != own { wrong.append("frame \(back) came as \(frame.prefix(20))") }
                    back += 1
                default: wrong.append("\(event)")
                }
            }
            while isReady, next < count, next < back + 12 {
                driver.transmit(frame: NumberedFrame.frame(next, to: NumberedFrame.source, from: settings.own))
                next += 1
            }
        }
        #expect(wrong.isEmpty, "\(wrong)")
        #expect(back == count)
        #expect(driver.sleeps > 0)
        #expect(driver.signals > 0)
        let (channels, version) = (driver.endpoint.grantedSubchannels + 1, driver.endpoint.version)
        #expect(channels == variant.channels)
        #expect(version == variant.configuration.network.maximumVersion)
        _ = consume driver
        let (counts, violations) = try served.end()
        #expect(violations.isEmpty, "\(violations)")
        #expect(counts.bad == 0)
        #expect(counts.whole == Int(count))
        #expect(counts.lost == 0)
    }

    @Test func `nonsense at the node is told and harms nobody`() throws {
        let served = try ServedNode(Self.configuration { $0.echoes = true })
        do {
            let stream = try UnixStream(connectingTo: served.directory + "/uio0.sock", keepsMessages: true)
            for message in [[1, 0, 0], [7, 0, 0, 0], [], [], [1, 2, 3, 4, 5, 6, 7, 8, 9], [0, 0, 0, 0]] as [[UInt8]] {
                _ = try stream.send(message[...])
            }
            let map = try OwnedDescriptor(changing: served.directory + "/uio0.map0")
            let rings = try SharedMapping(map, offset: 0, byteCount: 8192)
            // The masks are set once the last word has been heard.
            let down = try SharedMapping(map, offset: 64 << 10, byteCount: 4096)
            let limit = MonotonicClock.now() + 20_000_000_000
            while down.base.load(fromByteOffset: 8, as: UInt32.self) == 0, MonotonicClock.now() < limit {
                sched_yield()
            }
            #expect(down.base.load(fromByteOffset: 8, as: UInt32.self) == 1)
            // A write index outside the ring, then one in the middle of nothing.
            rings.base.storeBytes(of: 0xFFFF_FFF8, as: UInt32.self)
            let pages = try SharedMapping(
                OwnedDescriptor(changing: served.directory + "/uio0.map1"), offset: 0, byteCount: 4096)
            pages.base.storeBytes(of: 0xFFFF_FFFF, toByteOffset: 0x800, as: UInt32.self)
            while pages.base.load(fromByteOffset: 0x800, as: UInt32.self) != 0, MonotonicClock.now() < limit {
                sched_yield()
            }
        }
        var driver = try UIODriver(NetworkConsumer(), at: served.place)
        var isReady = false
        let limit = MonotonicClock.now() + 20_000_000_000
        while !isReady, MonotonicClock.now() < limit {
            isReady = try driver.run(patience: .milliseconds(50)).contains(.ready)
        }
        #expect(isReady)
        _ = consume driver
        let (counts, violations) = try served.end()
        #expect(counts.clients == 2)
        #expect(counts.bad == violations.count)
        let rules = violations.map(\.rule)
        #expect(rules.filter { $0 == "uio-control" }.count == 5)
        #expect(rules.contains("uio-doorbell"))
        #expect(rules.contains("ring-sane"))
    }

    @Test func `pages that a program does not have are a violation`() throws {
        var memory = UIOMemory()
        memory.clients = [ProcessMemory(process: getpid())]
        var bytes: [UInt8] = [1, 2, 3, 4]
        let address = bytes.withUnsafeBytes { UInt64(UInt(bitPattern: $0.baseAddress)) }
        #expect(try memory.bytes(address, count: 4) == bytes)
        bytes[0] = 9
        var failure: GuestMemoryFailure?
        do throws(GuestMemoryFailure) { _ = try memory.bytes(16, count: 4) } catch { failure = error }
        #expect(failure == .outside(address: 16, count: 4))
        let isAlive = !memory.takeGone()
        #expect(isAlive)
        memory.clients = [ProcessMemory(process: Int32.max)]
        failure = nil
        do throws(GuestMemoryFailure) { _ = try memory.bytes(address, count: 4) } catch { failure = error }
        #expect(failure != nil)
        let isGone = memory.takeGone()
        #expect(isGone)
    }
}

extension NetworkConsumer.Configuration {
    /// The address that the test's frames come from.
    fileprivate var own: [UInt8] { [2, 0, 0, 0, 0, 0x77] }
}
