import CLinux
import Glibc

/// A file descriptor with one owner, closed when the owner is gone.
public struct OwnedDescriptor: ~Copyable, Sendable {
    /// The number of the descriptor; valid as long as its owner lives.
    public let rawValue: Int32

    /// Takes over an open descriptor.
    public init(owning rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Takes over what a system call returned; throws the failure of `call` if that is negative.
    init(checking result: Int32, _ call: String, path: String? = nil) throws(SystemError) {
        let error = SystemError.last(call, path: path)
        guard result >= 0 else { throw error }
        self.init(owning: result)
    }

    deinit {
        close(rawValue)
    }

    /// Reads at most `count` bytes; empty at the end of the file, nil if there is nothing now on a descriptor that does
    /// not block.
    public borrowing func read(atMost count: Int) throws(SystemError) -> [UInt8]? {
        try DescriptorAccess.read(rawValue, atMost: count)
    }

    /// Writes all bytes.
    public borrowing func write(_ bytes: [UInt8]) throws(SystemError) {
        try DescriptorAccess.write(rawValue, bytes)
    }
}

extension OwnedDescriptor {
    /// Makes a hole in a file: the bytes read as zeros and take no room. False where the file system has none.
    public borrowing func punchHole(offset: Int, count: Int) -> Bool {
        cl_punch_hole(rawValue, Int64(offset), Int64(count)) == 0
    }
}

/// Reading and writing descriptors that somebody else owns, such as standard input and output.
public enum DescriptorAccess {
    /// Reads at most `count` bytes; empty at the end of the file, nil if there is nothing now on a descriptor that does
    /// not block.
    public static func read(_ descriptor: Int32, atMost count: Int) throws(SystemError) -> [UInt8]? {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: max(0, count)) { buffer, initialized in
            var result: Int
            repeat {
                result = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            } while result < 0 && errno == EINTR
            failure = result < 0 ? errno : 0
            initialized = max(0, result)
        }
        if failure == EAGAIN { return nil }
        guard failure == 0 else { throw SystemError(call: "read", code: failure) }
        return bytes
    }

    /// Writes all bytes, waiting where the descriptor does not take them at once.
    public static func write(_ descriptor: Int32, _ bytes: [UInt8]) throws(SystemError) {
        var written = 0
        while written < bytes.count {
            let result = bytes.withUnsafeBytes { buffer in
                Glibc.write(descriptor, buffer.baseAddress?.advanced(by: written), buffer.count - written)
            }
            if result >= 0 {
                written += result
            } else if errno == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&waiting, 1, -1)
            } else if errno != EINTR {
                throw SystemError.last("write")
            }
        }
    }

    /// Whether the descriptor is a terminal.
    public static func isTerminal(_ descriptor: Int32) -> Bool {
        isatty(descriptor) == 1
    }
}

extension OwnedDescriptor {
    /// Opens a regular file for reading that gives what is there now and never waits, such as a trace buffer.
    public init(streaming path: String) throws(SystemError) {
        try self.init(checking: open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), "open", path: path)
    }
}

extension OwnedDescriptor {
    /// Opens a TAP device of the kernel, making it where there is none: each read gives a frame, each write takes one.
    public init(tap interface: String) throws(SystemError) {
        try self.init(checking: cl_tap(interface), "open TAP device", path: "/dev/net/tun (\(interface))")
    }

    /// Writes all bytes with one call, as what keeps the borders of messages wants; false where it does not take them now.
    public borrowing func writeAtOnce(_ bytes: [UInt8]) throws(SystemError) -> Bool {
        while true {
            let written = bytes.withUnsafeBytes { Glibc.write(rawValue, $0.baseAddress, $0.count) }
            if written == bytes.count { return true }
            if written >= 0 || errno == EAGAIN || errno == ENOBUFS { return false }
            if errno != EINTR { throw SystemError.last("write") }
        }
    }

    /// Opens a file or a device node that is there already, for reading and writing.
    public init(changing path: String) throws(SystemError) {
        try self.init(checking: open(path, O_RDWR | O_CLOEXEC), "open", path: path)
    }
}

extension OwnedDescriptor {
    /// A file to write to, which is empty, whatever was in it. A new one is for its owner alone.
    public static func newFile(_ path: String) throws(SystemError) -> OwnedDescriptor {
        try OwnedDescriptor(checking: open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600), "open", path: path)
    }

    /// Lets the terminal of the process become its standard input, so that keys can be read; false where it has none.
    public static func makeTerminalStandardInput() -> Bool {
        let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        guard terminal >= 0 else { return false }
        defer { close(terminal) }
        return dup2(terminal, STDIN_FILENO) == STDIN_FILENO
    }

    /// Another number for an open descriptor of somebody else's, such as standard output.
    public static func duplicate(of descriptor: Int32) throws(SystemError) -> OwnedDescriptor {
        try OwnedDescriptor(checking: fcntl(descriptor, F_DUPFD_CLOEXEC, 0), "fcntl")
    }
}
