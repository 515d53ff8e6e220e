import BusModel
import Glibc
import Platform
import Testing
import VMBusDevices
import VMBusPartitions
import VMBusRing
import VMBusWire

@testable import VMMBridge

/// A server on a thread, and what a monitor does to it through a real socket.
private final class ServedSocket {
    let path: String
    let reports: Mailbox<BridgeServer.Report>
    private var thread: BridgeThread?
    private(set) var records = FlowBatch()

    init(mode: InterruptMode = .monitorPages) throws {
        path = "/tmp/vmbusscope-test-\(getpid())-\(UInt64.random(in: 0 ... .max)).sock"
        reports = try Mailbox(limit: 4096)
        let scenario = try TestScenario.scenario(TestScenario.heartbeat)
        let guest = try #require(scenario.guests.first)
        var setup = BridgeSetup(scenario, mode: mode)
        setup.add(guest, at: try UnixListener(path: path))
        thread = try BridgeThread(setup, to: reports)
    }

    func end() { thread.take()?.end() }

    deinit { end() }

    /// Waits until a note or fault with this text has come, counted from the last one that was waited for.
    func expect(_ text: String) throws {
        var loop = PollLoop<Void>()
        loop.add(reports.fileDescriptor, token: ())
        let end = MonotonicClock.now() + 60_000_000_000
        while !isNoted(text) {
            guard MonotonicClock.now() < end else {
                Issue.record("waited in vain for '\(text)'")
                throw SystemError(call: "wait", code: ETIMEDOUT)
            }
            _ = try loop.wait(timeout: .seconds(1))
            for case .batch(let batch) in reports.takeAll() { records.append(batch) }
        }
        records.removeAll()
    }

    private func isNoted(_ text: String) -> Bool {
        records.headers.contains {
            ($0.kind == .note || $0.kind == .fault)
                && String(decoding: records.payload(of: $0), as: UTF8.self).contains(text)
        }
    }
}

/// The monitor's end of a socket, waiting for what it reads.
private struct MonitorEnd: ~Copyable {
    private let descriptor: OwnedDescriptor
    private var unread: [UInt8] = []

    init(_ path: String) throws {
        descriptor = OwnedDescriptor(owning: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let number = descriptor.rawValue
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(result == 0)
    }

    func send(_ bytes: [UInt8]) throws { try descriptor.write(bytes) }

    func send(_ frame: MonitorFrame) throws { try send(frame.encoded) }

    /// Sends bytes with descriptors.
    func send(_ bytes: [UInt8], descriptors: [Int32]) throws {
        var control = [UInt8](repeating: 0, count: 16 + (descriptors.count * 4 + 7) / 8 * 8)
        let length = 16 + descriptors.count * 4
        control.withUnsafeMutableBytes { buffer in
            buffer.storeBytes(of: length, as: Int.self)
            buffer.storeBytes(of: SOL_SOCKET, toByteOffset: 8, as: Int32.self)
            buffer.storeBytes(of: 1, toByteOffset: 12, as: Int32.self)
            for (index, descriptor) in descriptors.enumerated() {
                buffer.storeBytes(of: descriptor, toByteOffset: 16 + index * 4, as: Int32.self)
            }
        }
        let number = descriptor.rawValue
        var bytes = bytes
        let sent = bytes.withUnsafeMutableBytes { data in
            control.withUnsafeMutableBytes { control in
                var part = iovec(iov_base: data.baseAddress, iov_len: data.count)
                return withUnsafeMutablePointer(to: &part) { part in
                    var message = msghdr()
                    message.msg_iov = part
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = control.count
                    return sendmsg(number, &message, 0)
                }
            }
        }
        try #require(sent == bytes.count)
    }

    /// Shows a guest's memory.
    func hello(_ file: borrowing SharedFile) throws {
        let hello = MonitorFrame.hello(Hello(processors: 2, regions: [file.region]))
        try send(hello.encoded, descriptors: [file.descriptor.rawValue])
    }

    /// The next frame of the host; nil when it has let go.
    mutating func receive() throws -> HostFrame? {
        while true {
            if unread.count >= 16 {
                let length = Int(try FrameHeader.decode(unread[...]).length)
                if unread.count >= length {
                    defer { unread.removeFirst(length) }
                    return try HostFrame.decode(unread[..<length])
                }
            }
            // A host that lets go of what it has not read resets the connection.
            guard let bytes = try? descriptor.read(atMost: 4096), !bytes.isEmpty else { return nil }
            unread += bytes
        }
    }

    /// Makes contact and reads the answer.
    mutating func contact() throws {
        let contact = ChannelMessage.initiateContact(InitiateContact(version: .iron)).encoded()
        try send(.postMessage(PostedMessage(processor: 0, connectionID: 4, payload: contact), sequence: 1))
        let answer = try receive()
        #expect(answer == .result(.success, sequence: 1))
        guard case .postToProcessor(let message, _)? = try receive() else {
            Issue.record("no answer to the contact")
            return
        }
        #expect(message.payload.first == 15)
    }
}

@Suite(.timeLimit(.minutes(2))) struct `A server for monitors` {
    private static func garbage(_ name: String) -> [UInt8] {
        switch name {
        case "short length": [15, 0, 0, 0, 1, 0, 0, 0] + [UInt8](repeating: 0, count: 8)
        case "long length": [1, 16, 0, 0, 1, 0, 0, 0] + [UInt8](repeating: 0, count: 8)
        case "text": Array("GET / HTTP/1.1\r\nHost: example\r\n\r\n".utf8)
        case "no memory": MonitorFrame.hello(Hello(processors: 1, regions: [MemoryRegion()])).encoded
        case "bad magic": MonitorFrame.unknown(.hello).encoded.enumerated().map { $0.offset == 0 ? 16 : $0.element }
        default: []
        }
    }

    @Test(arguments: ["short length", "long length", "text", "no memory", "bad magic"])
    func `lets go of one that sends garbage and serves the next`(name: String) throws {
        let server = try ServedSocket()
        do {
            var monitor = try MonitorEnd(server.path)
            try monitor.send(Self.garbage(name))
            let frame = try monitor.receive()
            #expect(frame == nil)
        }
        try server.expect("let go of the guest")
        let file = try SharedFile(pages: 16)
        var monitor = try MonitorEnd(server.path)
        try monitor.hello(file)
        try monitor.contact()
        server.end()
    }

    @Test(arguments: [0, 1, 15, 16, 20, 55])
    func `survives one that leaves in the middle of a frame`(count: Int) throws {
        let server = try ServedSocket()
        let file = try SharedFile(pages: 16)
        let frame = MonitorFrame.hello(Hello(processors: 2, regions: [file.region])).encoded
        do {
            let monitor = try MonitorEnd(server.path)
            if count > 0 { try monitor.send(Array(frame[..<count])) }
        }
        try server.expect(count == 0 ? "has disconnected" : "in the middle of a frame")
        var monitor = try MonitorEnd(server.path)
        try monitor.hello(file)
        try monitor.contact()
        server.end()
    }

    @Test(arguments: [InterruptMode.monitorPages, .ownPages])
    func `serves ten monitors one after another`(mode: InterruptMode) throws {
        let server = try ServedSocket(mode: mode)
        let file = try SharedFile(pages: 16)
        for _ in 0..<10 {
            do {
                var monitor = try MonitorEnd(server.path)
                try monitor.hello(file)
                try monitor.send(.reset)
                if mode == .monitorPages {
                    try monitor.contact()
                } else {
                    try monitor.send(.signalEvent(SignalledEvent(processor: 0, connectionID: 9), sequence: 4))
                    let answer = try monitor.receive()
                    #expect(answer == .result(.invalidConnectionID, sequence: 4))
                }
            }
            try server.expect("the monitor has disconnected")
        }
        server.end()
    }

    @Test func `keeps one descriptor and closes the others`() throws {
        let server = try ServedSocket()
        let file = try SharedFile(pages: 16)
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        let reader = OwnedDescriptor(owning: ends[0])
        var monitor = try MonitorEnd(server.path)
        let hello = MonitorFrame.hello(Hello(processors: 2, regions: [file.region])).encoded
        try monitor.send(hello, descriptors: [file.descriptor.rawValue, ends[1]])
        close(ends[1])
        // The pipe ends when the server has closed its copy of the other end.
        #expect(try reader.read(atMost: 1) == [])
        try monitor.contact()
        try monitor.send(hello)
        var last = try monitor.receive()
        while last != nil { last = try monitor.receive() }
        try server.expect("hello-once")
        server.end()
    }

    @Test func `survives memory that is cut short and lets go of its guest`() throws {
        let server = try ServedSocket()
        let file = try SharedFile(pages: 64)
        var monitor = try MonitorEnd(server.path)
        try monitor.hello(file)
        try monitor.contact()
        try post(.requestOffers, 2, &monitor)
        let answered = try monitor.receive()
        guard case .postToProcessor(let offer, _)? = answered,
            case .offerChannel(let offered) = try ChannelMessage.decode(offer.payload)
        else {
            Issue.record("\(String(describing: answered)) is no offer")
            return
        }
        _ = try monitor.receive()
        let words: [UInt64] = [8 * 4096] + (40..<48)
        let header = GPADLHeader(
            relid: offered.relid, gpadl: 7, rangeBufferLength: UInt16(words.count * 8), rangeCount: 1, words: words)
        try post(.gpadlHeader(header), 3, &monitor)
        _ = try monitor.receive()
        try file.descriptor.truncate(to: 4096)
        var open = OpenChannel()
        (open.relid, open.openID, open.ringGPADL, open.downstreamPageOffset) = (offered.relid, 1, 7, 4)
        try post(.openChannel(open), 4, &monitor)
        var last = try monitor.receive()
        while last != nil { last = try monitor.receive() }
        try server.expect("was cut short")
        let next = try SharedFile(pages: 16)
        var other = try MonitorEnd(server.path)
        try other.hello(next)
        try other.contact()
        server.end()
    }

    private func post(_ message: ChannelMessage, _ sequence: UInt64, _ monitor: inout MonitorEnd) throws {
        let bytes = message.encoded(context: WireContext(version: .iron))
        try monitor.send(
            .postMessage(PostedMessage(processor: 0, connectionID: 4, payload: bytes), sequence: sequence))
        let answer = try monitor.receive()
        #expect(answer == .result(.success, sequence: sequence))
    }

    @Test func `takes its name away when it ends`() throws {
        let server = try ServedSocket()
        #expect(access(server.path, F_OK) == 0)
        server.end()
        #expect(access(server.path, F_OK) != 0)
    }
}

@Suite(.timeLimit(.minutes(2))) struct `A server with several sockets` {
    @Test func `serves two monitors at a time, each a partition of the log`() throws {
        let scenario = try TestScenario.scenario(
            TestScenario.heartbeat + "\n[[guest]]\nname = \"other\"\n" + TestScenario.heartbeat)
        let reports = try Mailbox<BridgeServer.Report>(limit: 4096)
        let paths = (0..<2).map { "/tmp/vmbusscope-test-\(getpid())-\(UInt64.random(in: 0 ... .max))-\($0).sock" }
        var setup = BridgeSetup(scenario, mode: .monitorPages)
        for (path, guest) in zip(paths, scenario.guests) { setup.add(guest, at: try UnixListener(path: path)) }
        let thread = try BridgeThread(setup, to: reports)
        let file = try SharedFile(pages: 16)
        let otherFile = try SharedFile(pages: 16)
        var other = try MonitorEnd(paths[1])
        try other.hello(otherFile)
        try other.contact()
        do {
            var monitor = try MonitorEnd(paths[0])
            try monitor.hello(file)
            try monitor.contact()
        }
        // The first one's end is not the other's.
        try other.send(.signalEvent(SignalledEvent(processor: 0, connectionID: 9), sequence: 4))
        let answer = try other.receive()
        #expect(answer == .result(.invalidConnectionID, sequence: 4))
        thread.end()
        var records = FlowBatch()
        for case .batch(let batch) in reports.takeAll() { records.append(batch) }
        let contacts = records.headers.filter { $0.kind == .message && $0.code == 14 }.map(\.partition)
        #expect(contacts == [2, 1])
        #expect(records.headers.map(\.time) == records.headers.map(\.time).sorted())
        let guests = records.headers.filter { $0.kind == .state && $0.code == StateCode.appeared.rawValue }
        #expect(guests.map(\.partition) == [0, 2, 1])
    }
}

@Suite struct `A port to the world outside` {
    private func ends() throws -> [Int32] {
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let result = socketpair(AF_UNIX, type, 0, &ends)
        try #require(result == 0)
        return ends
    }

    @Test func `keeps the borders of frames, both ways`() throws {
        let ends = try ends()
        var port = FramePort(OwnedDescriptor(owning: ends[0]), name: "pair")
        let far = OwnedDescriptor(owning: ends[1])
        port.send([1, 2, 3])
        port.send([4, 5])
        #expect(try far.read(atMost: 100) == [1, 2, 3])
        #expect(try far.read(atMost: 100) == [4, 5])
        try far.write([7, 7])
        try far.write([8])
        let frames = try port.receive()
        #expect(frames == [[7, 7], [8]])
        let nothing = try port.receive()
        #expect(nothing == [])
        let counts = port.counts
        #expect(counts.received == 2 && counts.sent == 2 && counts.lost == 0)
    }

    @Test func `loses what nobody takes, and waits for nothing`() throws {
        let ends = try ends()
        var port = FramePort(OwnedDescriptor(owning: ends[0]), name: "pair")
        let far = OwnedDescriptor(owning: ends[1])
        for _ in 0..<5000 { port.send([UInt8](repeating: 1, count: 1500)) }
        let counts = port.counts
        #expect(counts.sent > 0 && counts.lost > 0 && counts.sent + counts.lost == 5000)
        #expect(try far.read(atMost: 2000)?.count == 1500)
    }

    private func drop(_ descriptor: consuming OwnedDescriptor) {}

    @Test func `says when the other side is gone`() throws {
        let ends = try ends()
        var port = FramePort(OwnedDescriptor(owning: ends[0]), name: "pair")
        let far = OwnedDescriptor(owning: ends[1])
        try far.write([1])
        drop(far)
        let last = try port.receive()
        #expect(last == [[1]])
        let end = try port.receive()
        #expect(end == nil)
    }

    @Test func `that is not allowed says where and why`() {
        do throws(SystemError) {
            _ = try FramePort(tap: "a name/with a slash")
            Issue.record("it was made")
        } catch {
            #expect(error.description.contains("/dev/net/tun"))
        }
    }
}

@Suite struct `Records that nobody takes` {
    @Test func `wait, and are told of when they are lost`() throws {
        let mailbox = try Mailbox<BridgeServer.Report>(limit: 1)
        var outbox = ReportOutbox(mailbox)
        func batch(_ count: Int) -> FlowBatch {
            var batch = FlowBatch()
            for _ in 0..<count { batch.append(FlowRecordHeader(kind: .note, time: 1, partition: 1), [1]) }
            return batch
        }
        outbox.post(batch(1))
        outbox.post(batch(60_000))
        outbox.post(batch(10_000))
        var found = mailbox.takeAll()
        outbox.post(batch(1))
        found += mailbox.takeAll()
        outbox.flush()
        found += mailbox.takeAll()
        var headers: [FlowRecordHeader] = []
        for case .batch(let batch) in found { headers += batch.headers }
        // The 10,000 in the middle are gone; a record in their place says so, under the number of the last of them.
        #expect(headers.count == 60_003)
        let gap = try #require(headers.first { $0.kind == .gap })
        #expect(gap.sequence == 70_001)
        #expect(headers.last?.sequence == 70_002)
    }
}

@Suite struct `Commands to a host` {
    @Test func `name a device by kind or instance`() throws {
        let guest = try TestScenario.guest(TestScenario.heartbeat)
        let instance = guest.host.devices[0].instance
        #expect(try BridgeCommand("rescind heartbeat", for: guest) == .rescind(instance))
        #expect(try BridgeCommand(" offer   \(instance) ", for: guest) == .offer(instance))
    }

    @Test func `ask a device for what it knows`() throws {
        let guest = try TestScenario.guest(TestScenario.monitoredNetwork)
        let adapter = try #require(guest.host.devices.first { $0.kind == .network })
        #expect(
            try BridgeCommand("network link  down", for: guest)
                == .device(adapter.instance, .network(.link(connected: false))))
    }

    @Test func `that a device does not know are answered with those that it knows`() throws {
        let guest = try TestScenario.guest(TestScenario.monitoredNetwork)
        var reason = ""
        do throws(BridgeCommandError) {
            _ = try BridgeCommand("network link sideways", for: guest)
        } catch {
            reason = error.description
        }
        #expect(reason.hasPrefix("'link sideways' is no command for a network: it knows link up, link down"))
    }

    @Test func `go to the guest that is named`() throws {
        let scenario = try TestScenario.scenario(
            TestScenario.heartbeat + "\n[[guest]]\nname = \"other\"\n" + TestScenario.monitoredNetwork)
        let guests = scenario.guests
        guard case .command(.rescind, guest: 0) = try BridgeServer.Request("rescind heartbeat", for: guests),
            case .command(.rescind, guest: 1) = try BridgeServer.Request("other: rescind network", for: guests),
            case .tellSwitch = try BridgeServer.Request("switch", for: guests)
        else {
            Issue.record("a command went astray")
            return
        }
        for line in ["nobody: rescind heartbeat", "other: rescind heartbeat", "other:"] {
            do throws(BridgeCommandError) {
                _ = try BridgeServer.Request(line, for: guests)
                Issue.record("'\(line)' was understood")
            } catch {}
        }
    }

    @Test(arguments: ["", "rescind", "rescind network", "offer 0", "remove heartbeat", "offer heartbeat now"])
    func `that are none are refused`(line: String) throws {
        let guest = try TestScenario.guest(TestScenario.heartbeat)
        var reason = ""
        do throws(BridgeCommandError) { _ = try BridgeCommand(line, for: guest) } catch { reason = error.description }
        #expect(!reason.isEmpty)
    }
}
