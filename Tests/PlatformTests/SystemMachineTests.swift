import Glibc
import Testing

@testable import Platform

@Suite struct `The machine as something to ask` {
    @Test func `a kernel that does not answer is waited for once and then asked no more until it does`() throws {
        let begun = try Mailbox<Int>()
        let gate = try StopRequest()
        let questions = PatientQuestions<Int, Int>(name: "test") { question throws(SystemError) in
            _ = begun.post(question)
            if question == 1 {
                var loop = PollLoop<Void>()
                loop.add(gate.fileDescriptor, token: ())
                _ = try loop.wait()
            }
            return question * 10
        }
        func ask(_ question: Int) -> Result<Int, SystemError> {
            do throws(SystemError) {
                return .success(try questions.ask(question, patience: .milliseconds(question == 1 ? 1 : 60_000)))
            } catch {
                return .failure(error)
            }
        }
        let late = Result<Int, SystemError>.failure(SystemError(call: "ioctl", code: ETIMEDOUT))
        #expect(ask(1) == late)
        #expect(ask(2) == late)
        gate.request()
        var answer = ask(2)
        while answer == late { answer = ask(2) }
        #expect(answer == .success(20))
        #expect(begun.takeAll() == [1, 2])
    }

    @Test func `an interface without counters and one that is not there say so`() {
        for (name, accepted) in [("lo", [EOPNOTSUPP]), ("no-such-interface", [ENODEV]), ("", [ENODEV])] {
            var code: Int32 = 0
            do throws(SystemError) {
                _ = try SystemMachine().interfaceCounters(name)
            } catch {
                code = error.code
            }
            #expect(accepted.contains(code), "\(name)")
        }
    }

    @Test func `a table is read to its end`() throws {
        let files = SystemFiles()
        let whole = try files.readTable("/proc/self/status", limit: 1 << 20)
        #expect(whole.starts(with: "Name:".utf8))
        var code: Int32 = 0
        do throws(SystemError) {
            _ = try files.readTable("/proc/self/status", limit: 8)
        } catch {
            code = error.code
        }
        #expect(code == EFBIG)
    }
}
