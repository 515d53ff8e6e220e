import BusModel
import Glibc
import LinuxGuest
import Platform
import Synchronization
import Testing
import VMBusWire

@Suite struct `A thread that samples` {
    /// A source whose every look waits until a byte comes through a pipe.
    private struct SlowSource: BusSource, Sendable {
        let gate: Int32
        var count: UInt64 = 0
        var capabilities: Capabilities {
            Capabilities(kind: .live, canStep: false, canSeek: false, hasRingImages: false)
        }
        var title: String { "slow" }

        mutating func advance(_ budget: AdvanceBudget) throws(SourceError) -> FlowBatch {
            do {
                // The end of the pipe stands for a source that cannot go on.
                guard try DescriptorAccess.read(gate, atMost: 1)?.isEmpty == false else { throw SourceError("closed") }
            } catch let error as SystemError {
                throw SourceError(error.description)
            } catch {
                throw SourceError("closed")
            }
            count += 1
            var batch = FlowBatch()
            batch.append(FlowRecordHeader(kind: .note, time: count, partition: 1), [UInt8]())
            return batch
        }

        func ringImage(_ channel: ChannelKey, _ direction: Direction) -> RingImage? { nil }
        func seek(_ position: Position) throws(SourceError) { throw SourceError("no") }
        func perform(_ command: Command) throws(CommandRefusal) { throw CommandRefusal("no") }
    }

    private func waitForMail<Message>(_ mailbox: Mailbox<Message>) throws -> [Message] {
        var loop = PollLoop<Void>()
        loop.add(mailbox.fileDescriptor, token: ())
        #expect(try loop.wait(timeout: .seconds(30)).count == 1, "nothing came for 30 s")
        return mailbox.takeAll()
    }

    @Test func `delays the data and nothing else while a look hangs`() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        let mailbox = try Mailbox<SamplingThread.Report>()
        let thread = try SamplingThread(SlowSource(gate: ends[0]), every: .milliseconds(1), to: mailbox)
        #expect(mailbox.takeAll().isEmpty)
        for expected in 1...3 as ClosedRange<UInt64> {
            try DescriptorAccess.write(ends[1], [0])
            guard case .batch(let batch)? = try waitForMail(mailbox).first else {
                Issue.record("no batch")
                return
            }
            #expect(batch.headers.map(\.time) == [expected])
        }
        close(ends[1])
        guard case .failed(let error)? = try waitForMail(mailbox).first else {
            Issue.record("no failure")
            return
        }
        #expect(error == SourceError("closed"))
        thread.requestStop()
    }

    @Test func `looks more often when it is told to, at once`() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        try DescriptorAccess.write(ends[1], [0, 0])
        let mailbox = try Mailbox<SamplingThread.Report>()
        let thread = try SamplingThread(SlowSource(gate: ends[0]), every: .seconds(86400), to: mailbox)
        #expect(try waitForMail(mailbox).count == 1)
        thread.changeInterval(.zero)
        #expect(try !waitForMail(mailbox).isEmpty)
        close(ends[1])
        thread.requestStop()
    }

    @Test func `waits for a reader whose mailbox is full and loses nothing`() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        try DescriptorAccess.write(ends[1], [UInt8](repeating: 0, count: 5))
        close(ends[1])
        let mailbox = try Mailbox<SamplingThread.Report>(limit: 1)
        let thread = try SamplingThread(SlowSource(gate: ends[0]), every: .zero, to: mailbox)
        var times: [UInt64] = []
        var hasFailed = false
        while !hasFailed {
            let reports = try waitForMail(mailbox)
            if reports.isEmpty { break }
            for report in reports {
                switch report {
                case .batch(let batch): times += batch.headers.map(\.time)
                case .rings: break
                case .failed: hasFailed = true
                }
            }
        }
        #expect(times == [1, 2, 3, 4, 5])
        thread.requestStop()
    }
}
