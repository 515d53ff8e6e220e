import Glibc
import Platform
import Testing

struct EventSourceTests {
    @Test func `messages arrive in order from several threads`() throws {
        let mailbox = try Mailbox<Int>()
        var threads: [Int] = []
        let first = try WorkerThread(name: "first") { for number in 0..<500 { _ = mailbox.post(number) } }
        let second = try WorkerThread(name: "second") { for number in 1_000..<1_500 { _ = mailbox.post(number) } }
        var loop = PollLoop<String>()
        loop.add(mailbox.fileDescriptor, token: "mail")
        while threads.count < 1_000 {
            let events = try loop.wait(timeout: .seconds(10))
            #expect(events.first?.token == "mail")
            if events.isEmpty { break }
            threads += mailbox.takeAll()
        }
        first.join()
        second.join()
        #expect(threads.filter { $0 < 1_000 } == Array(0..<500))
        #expect(threads.filter { $0 >= 1_000 } == Array(1_000..<1_500))
        #expect(try loop.wait(timeout: .zero).isEmpty)
    }

    @Test func `a full mailbox refuses`() throws {
        let mailbox = try Mailbox<Int>(limit: 2)
        #expect(mailbox.post(1) && mailbox.post(2) && !mailbox.post(3))
        #expect(mailbox.takeAll() == [1, 2])
        #expect(mailbox.post(4))
    }

    @Test func `a stop request wakes the thread that waits for it`() throws {
        let stop = try StopRequest()
        let mailbox = try Mailbox<Bool>()
        let thread = try WorkerThread(name: "waits for its end") {
            var loop = PollLoop<Int>()
            loop.add(stop.fileDescriptor, token: 7)
            let events = (try? loop.wait(timeout: .seconds(10))) ?? []
            _ = mailbox.post(events.map(\.token) == [7] && stop.isRequested)
        }
        stop.request()
        thread.join()
        #expect(mailbox.takeAll() == [true])
    }

    @Test func `a timer expires and can be stopped`() throws {
        let timer = try TimerSource()
        var loop = PollLoop<Int>()
        loop.add(timer.fileDescriptor, token: 1)
        #expect(try timer.takeExpirations() == 0)
        try timer.start(after: .milliseconds(1))
        #expect(try loop.wait(timeout: .seconds(10)).count == 1)
        #expect(try timer.takeExpirations() == 1)
        try timer.start(after: .seconds(3_600), every: .seconds(1))
        try timer.stop()
        #expect(try loop.wait(timeout: .zero).isEmpty)
    }

    @Test func `a pipe is read to its end`() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let reader = OwnedDescriptor(owning: ends[0])
        let writer = OwnedDescriptor(owning: ends[1])
        try writer.write([1, 2, 3])
        #expect(try reader.read(atMost: 2) == [1, 2])
        #expect(try reader.read(atMost: 2) == [3])
        var loop = PollLoop<Int>()
        loop.add(reader.rawValue, token: 1)
        _ = consume writer
        let events = try loop.wait(timeout: .seconds(10))
        #expect(events.map(\.isHungUp) == [true])
        #expect(try reader.read(atMost: 2) == [])
        #expect(throws: SystemError(call: "read", code: EBADF)) { try DescriptorAccess.read(-1, atMost: 1) }
    }

    @Test func `signals are read instead of interrupting`() throws {
        let seen = try Mailbox<[Signal]>()
        // On a thread of its own, so that the signal mask of the test runner stays as it was.
        let thread = try WorkerThread(name: "signals") {
            guard let source = try? SignalSource([.windowChanged]) else { return }
            _ = pthread_kill(pthread_self(), SIGWINCH)
            var signals: [Signal] = []
            while let signal = try? source.next() { signals.append(signal) }
            _ = seen.post(signals)
        }
        thread.join()
        #expect(seen.takeAll() == [[.windowChanged]])
    }

    @Test func `the environment has what the shell gave`() {
        #expect(ProcessEnvironment.variables()["PATH"]?.isEmpty == false)
    }
}
