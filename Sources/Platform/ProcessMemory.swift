import CLinux
import Glibc

/// The memory of another process, by its own addresses. The process may go at any time.
public struct ProcessMemory: Hashable, Sendable {
    /// The number of the process.
    public let process: Int32

    /// The memory of a process.
    public init(process: Int32) { self.process = process }

    /// Fills `buffer` from the process's memory.
    ///
    /// - Throws: `EFAULT` where not all of it is there, `ESRCH` where the process is gone, `EPERM` where it may not be read.
    public func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) {
        guard !buffer.isEmpty else { return }
        let count = cl_process_read(process, address, buffer.baseAddress, buffer.count)
        try Self.check(count, of: buffer.count, "process_vm_readv")
    }

    /// Puts `bytes` into the process's memory.
    ///
    /// - Throws: as for ``read(_:into:)``; what lies in front of a page that is not there has been written then.
    public func write(_ bytes: UnsafeRawBufferPointer, at address: UInt64) throws(SystemError) {
        guard !bytes.isEmpty else { return }
        let count = cl_process_write(process, address, bytes.baseAddress, bytes.count)
        try Self.check(count, of: bytes.count, "process_vm_writev")
    }

    private static func check(_ count: Int, of wanted: Int, _ call: String) throws(SystemError) {
        guard count >= 0 else { throw SystemError.last(call) }
        guard count == wanted else { throw SystemError(call: call, code: EFAULT) }
    }
}
