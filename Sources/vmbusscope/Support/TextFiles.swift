import Glibc
import LinuxGuest
import Platform

/// Texts that the command line names.
enum TextFiles {
    /// Reads and recognises them. A file that cannot be taken is told on standard error while others can.
    ///
    /// - Parameters:
    ///   - paths: files; `-` stands for standard input.
    ///   - input: standard input, where somebody has begun to read it.
    /// - Returns: what could be taken, at least one, and how many could not.
    /// - Throws: the last reason if nothing could be taken.
    static func read(
        _ paths: [String], _ input: StandardInput? = nil
    ) throws(CommandFailure) -> (files: [TextFile], refused: Int) {
        var files: [TextFile] = []
        var failures: [CommandFailure] = []
        for path in paths {
            do throws(CommandFailure) {
                files.append(try read(path, input))
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

    private static func read(_ path: String, _ input: StandardInput?) throws(CommandFailure) -> TextFile {
        if path == "-" {
            if let input { return try read(input) }
            return try read(StandardInput())
        }
        var bytes = try contents(path)
        if let compression = Compression(beginning: bytes) {
            do throws(DecompressionError) {
                bytes = try Decompressor.whole(bytes, compression, limit: TextFile.maximumByteCount)
            } catch {
                throw CommandFailure(.failure, "\(path): \(error)")
            }
        }
        return try parsed(bytes, path, path.split(separator: "/").last.map(String.init) ?? path)
    }

    private static func read(_ input: StandardInput) throws(CommandFailure) -> TextFile {
        var bytes = input.beginning
        while let more = try input.next() {
            bytes += more
            guard bytes.count <= TextFile.maximumByteCount else {
                throw CommandFailure(.failure, "standard input: \(TextFileError.tooLong)")
            }
        }
        if let problem = input.problem { throw CommandFailure(.failure, "standard input: \(problem)") }
        return try parsed(bytes, "standard input", "-")
    }

    private static func parsed(_ bytes: [UInt8], _ place: String, _ name: String) throws(CommandFailure) -> TextFile {
        do throws(TextFileError) {
            return try TextFile(parsing: bytes, name: name)
        } catch {
            throw CommandFailure(.failure, "\(place): \(error)")
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
}
