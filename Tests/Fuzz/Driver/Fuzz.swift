import FuzzTargets
import Glibc

// With the trait `Fuzzing` libFuzzer brings the main function and calls this one; without it the program replays files.
#if Fuzzing
    /// The target that the environment variable VMBUSSCOPE_FUZZ_TARGET names.
    private let target: FuzzTarget = {
        let name = getenv("VMBUSSCOPE_FUZZ_TARGET").map { String(cString: $0) } ?? ""
        guard let target = FuzzTarget.named(name) else {
            complain("VMBUSSCOPE_FUZZ_TARGET must name one of " + FuzzTarget.all.map(\.name).joined(separator: ", "))
            exit(64)
        }
        return target
    }()

    /// One run of libFuzzer. A finding is a crash, which it keeps with its input.
    @_cdecl("LLVMFuzzerTestOneInput")
    public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
        do throws(Finding) {
            try target.run(Array(UnsafeBufferPointer(start: start, count: count)))
        } catch {
            complain("FINDING in \(target.name): \(error)")
            abort()
        }
        return 0
    }
#else
    /// `fuzz TARGET FILE…` runs files through a target, `fuzz` alone lists the targets.
    @main
    enum Fuzz {
        static func main() {
            let arguments = CommandLine.arguments.dropFirst()
            guard let name = arguments.first else {
                for target in FuzzTarget.all { print(target.name) }
                return
            }
            guard let target = FuzzTarget.named(name) else {
                complain("there is no target '\(name)'")
                exit(64)
            }
            for path in arguments.dropFirst() {
                guard let bytes = contents(of: path) else {
                    complain("cannot read \(path)")
                    exit(1)
                }
                do throws(Finding) {
                    try target.run(bytes)
                } catch {
                    complain("FINDING in \(name) with \(path): \(error)")
                    exit(1)
                }
            }
        }

        private static func contents(of path: String) -> [UInt8]? {
            guard let file = fopen(path, "r") else { return nil }
            defer { fclose(file) }
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65536)
            while true {
                let count = fread(&buffer, 1, buffer.count, file)
                if count == 0 { return bytes }
                bytes += buffer.prefix(count)
            }
        }
    }
#endif

private func complain(_ text: String) {
    let line = Array((text + "\n").utf8)
    _ = write(STDERR_FILENO, line, line.count)
}
