import Glibc
import LinuxGuest
import Platform

/// Standard output and standard error.
enum Output {
    /// Writes text as it is.
    static func write(_ text: String) throws(CommandFailure) {
        try write(Array(text.utf8))
    }

    /// Writes all bytes. A reader that is gone, as in `vmbusscope ls | head`, ends the command quietly.
    static func write(_ bytes: [UInt8]) throws(CommandFailure) {
        do throws(SystemError) {
            try DescriptorAccess.write(STDOUT_FILENO, bytes)
        } catch {
            guard error.code != EPIPE else { throw CommandFailure(.success) }
            throw CommandFailure(.failure, "standard output: \(error)")
        }
    }

    /// One line on standard error.
    static func complain(_ message: String) {
        let line = message.split(whereSeparator: \.isNewline).joined(separator: "; ")
        // Where even this cannot be written the status must say it all.
        try? DescriptorAccess.write(STDERR_FILENO, Array("vmbusscope: \(PrintableText.harmless(line))\n".utf8))
    }
}
