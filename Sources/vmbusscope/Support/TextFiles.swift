import Glibc
import LinuxGuest
import Platform

/// Texts that the command line names.
enum TextFiles {
    /// Reads and recognises them. A file that cannot be taken is told on standard error while others can.
    ///
    /// - Parameters:
    ///   - paths: files; `-` stands for standard input.
    ///   - beginning: what was read from standard input already.
    /// - Returns: what could be taken, at least one, and how many could not.
    /// - Throws: the last reason if nothing could be taken.
    static func read(
        _ paths: [String], beginning: [UInt8] = []
    ) throws(CommandFailure) -> (files: [TextFile], refused: Int) {
        var files: [TextFile] = []
        var failures: [CommandFailure] = []
        for path in paths {
            do throws(CommandFailure) {
                files.append(try read(path, beginning))
            } catch {
                failures.append(error)
            }
        }
        if files.isEmpty, let last = failures.popLast() {
            for failure in failures { complain(failure) }
            throw last
        }
        for failure in failures { complain(failure) }
        return (files, failures.count)
    }

    private static func complain(_ failure: CommandFailure) {
        if let message = failure.message { Output.complain(message) }
    }

    private static func read(_ path: String, _ beginning: [UInt8]) throws(CommandFailure) -> TextFile {
        let name = path == "-" ? "standard input" : path
        var bytes = try path == "-" ? standardInput(beginning) : contents(path)
        if let compression = Compression(beginning: bytes) {
            do throws(DecompressionError) {
                bytes = try Decompressor.whole(bytes, compression, limit: TextFile.maximumByteCount)
            } catch {
                throw CommandFailure(.failure, "\(name): \(error)")
            }
        }
        do throws(TextFileError) {
            return try TextFile(parsing: bytes, name: path.split(separator: "/").last.map(String.init) ?? path)
        } catch {
            throw CommandFailure(.failure, "\(name): \(error)")
        }
    }

    private static func contents(_ path: String) throws(CommandFailure) -> [UInt8] {
        do throws(SystemError) {
            return try WholeFile.read(path, limit: TextFile.maximumByteCount)
        } catch {
            switch error.code {
            case EFBIG: throw CommandFailure(.failure, "\(path): \(TextFileError.tooLong)")
            case EISDIR:
                throw CommandFailure(.failure, "\(path): is a directory; name files, or see --sysroot of 'live'")
            case EOPNOTSUPP: throw CommandFailure(.failure, "\(path): is no regular file; pipe it in and name -")
            case EACCES, EPERM: throw CommandFailure(.permissionMissing, error.description)
            default: throw CommandFailure(.failure, error.description)
            }
        }
    }

    private static func standardInput(_ beginning: [UInt8]) throws(CommandFailure) -> [UInt8] {
        do throws(SystemError) {
            var bytes = beginning
            while let more = try DescriptorAccess.read(STDIN_FILENO, atMost: 1 << 20) {
                if more.isEmpty { return bytes }
                bytes += more
                guard bytes.count <= TextFile.maximumByteCount else {
                    throw SystemError(call: "read", code: EFBIG, path: nil)
                }
            }
            return bytes
        } catch {
            let reason = error.code == EFBIG ? TextFileError.tooLong.description : error.description
            throw CommandFailure(.failure, "standard input: \(reason)")
        }
    }
}
