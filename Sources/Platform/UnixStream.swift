import CLinux
import Glibc

/// One end of a connection between two processes of this machine: bytes, and descriptors that travel along. It never waits.
public struct UnixStream: ~Copyable, Sendable {
    private let descriptor: OwnedDescriptor

    /// Descriptors that are taken along with one piece of bytes; more are closed by the kernel.
    public static let maximumDescriptors = 8

    /// Takes over an open socket that does not block.
    public init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }

    /// Connects to a name at which somebody listens.
    ///
    /// - Parameter keepsMessages: as for ``UnixListener/init(path:keepsMessages:)``.
    public init(connectingTo path: String, keepsMessages: Bool = false) throws(SystemError) {
        guard var address = UnixListener.address(path) else {
            throw SystemError(call: "connect", code: path.isEmpty ? ENOENT : ENAMETOOLONG, path: path)
        }
        let descriptor = try UnixListener.socket(keepsMessages)
        guard UnixListener.call(&address, { connect(descriptor.rawValue, $0, $1) }) == 0 else {
            throw SystemError.last("connect", path: path)
        }
        self.init(descriptor)
    }

    /// Readable when bytes have come or the other end is gone.
    public var fileDescriptor: Int32 { descriptor.rawValue }

    /// What came.
    public enum Received: Sendable {
        /// Nothing now.
        case nothing
        /// The other end is gone.
        case end
        /// Bytes, and numbers of descriptors that now belong to whoever called.
        case bytes([UInt8], descriptors: [Int32])
    }

    /// What has come, at most `count` bytes.
    public borrowing func receive(atMost count: Int) throws(SystemError) -> Received {
        var descriptors = [Int32](repeating: -1, count: Self.maximumDescriptors)
        var descriptorCount = 0
        var failure: Int32 = 0
        let stream = descriptor.rawValue
        let bytes = [UInt8](unsafeUninitializedCapacity: max(1, count)) { buffer, initialized in
            var result: Int
            repeat {
                result = cl_receive(
                    stream, buffer.baseAddress, buffer.count, &descriptors, descriptors.count, &descriptorCount)
            } while result < 0 && errno == EINTR
            failure = result < 0 ? errno : 0
            initialized = max(0, result)
        }
        if failure == EAGAIN { return .nothing }
        if failure == ECONNRESET { return .end }
        guard failure == 0 else { throw SystemError(call: "recvmsg", code: failure) }
        return bytes.isEmpty ? .end : .bytes(bytes, descriptors: Array(descriptors.prefix(descriptorCount)))
    }

    /// The process at the other end when it connected.
    public borrowing func peerProcess() throws(SystemError) -> ProcessMemory {
        let process = cl_peer(descriptor.rawValue)
        guard process > 0 else { throw SystemError.last("getsockopt") }
        return ProcessMemory(process: process)
    }

    /// Sends as much as goes now, and tells how many bytes that was.
    public borrowing func send(_ bytes: ArraySlice<UInt8>) throws(SystemError) -> Int {
        while true {
            let sent = bytes.withUnsafeBytes { cl_send(descriptor.rawValue, $0.baseAddress, $0.count) }
            if sent >= 0 { return sent }
            if errno == EAGAIN { return 0 }
            if errno != EINTR { throw SystemError.last("send") }
        }
    }
}

/// A name in the file system at which other processes reach this one. The name goes when the listener does.
public struct UnixListener: ~Copyable, Sendable {
    private let descriptor: OwnedDescriptor
    /// The name.
    public let path: String
    private let identity: FileIdentity

    private struct FileIdentity: Sendable, Equatable {
        let device: UInt64
        let inode: UInt64
        let isSocket: Bool

        /// What is at a path now, a link itself and not what it leads to; nil for nothing.
        init?(_ path: String) throws(SystemError) {
            var status = stat()
            guard lstat(path, &status) == 0 else {
                if errno == ENOENT { return nil }
                throw SystemError.last("lstat", path: path)
            }
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
            isSocket = status.st_mode & S_IFMT == S_IFSOCK
        }
    }

    /// Listens at a name. A socket that nobody listens at any more is replaced; anything else that is there stays.
    ///
    /// - Parameters:
    ///   - path: the name.
    ///   - keepsMessages: whether what is sent at once is received at once and on its own (`SOCK_SEQPACKET`).
    /// - Throws: `EADDRINUSE` where somebody listens, `ENOTSOCK` where something else has the name, `ENAMETOOLONG` for more
    ///   than 107 bytes, or what the system says.
    public init(path: String, keepsMessages: Bool = false) throws(SystemError) {
        guard var address = Self.address(path) else {
            throw SystemError(call: "listen", code: path.isEmpty ? ENOENT : ENAMETOOLONG, path: path)
        }
        let descriptor = try Self.socket(keepsMessages)
        if let present = try FileIdentity(path) {
            guard present.isSocket else { throw SystemError(call: "listen", code: ENOTSOCK, path: path) }
            guard try !Self.isAnswered(path, address, keepsMessages) else {
                throw SystemError(call: "listen", code: EADDRINUSE, path: path)
            }
            guard unlink(path) == 0 || errno == ENOENT else { throw SystemError.last("unlink", path: path) }
        }
        guard Self.call(&address, { bind(descriptor.rawValue, $0, $1) }) == 0 else {
            throw SystemError.last("bind", path: path)
        }
        guard let identity = try FileIdentity(path), listen(descriptor.rawValue, 4) == 0 else {
            throw SystemError.last("listen", path: path)
        }
        self.descriptor = descriptor
        self.path = path
        self.identity = identity
    }

    deinit {
        // Somebody else may have taken the name over.
        if let present = try? FileIdentity(path), present == identity { unlink(path) }
    }

    /// Readable when somebody waits to be let in.
    public var fileDescriptor: Int32 { descriptor.rawValue }

    /// Lets the next one in; nil if nobody waits.
    public borrowing func accept() throws(SystemError) -> UnixStream? {
        let accepted = cl_accept(descriptor.rawValue)
        guard accepted >= 0 else {
            if errno == EAGAIN || errno == EINTR || errno == ECONNABORTED { return nil }
            throw SystemError.last("accept", path: path)
        }
        return UnixStream(OwnedDescriptor(owning: accepted))
    }

    fileprivate static func socket(_ keepsMessages: Bool) throws(SystemError) -> OwnedDescriptor {
        let kind = keepsMessages ? SOCK_SEQPACKET : SOCK_STREAM
        let type = Int32(kind.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        return try OwnedDescriptor(checking: Glibc.socket(AF_UNIX, type, 0), "socket")
    }

    private static func isAnswered(
        _ path: String, _ address: sockaddr_un, _ keepsMessages: Bool
    ) throws(SystemError) -> Bool {
        var address = address
        let descriptor = try socket(keepsMessages)
        if call(&address, { connect(descriptor.rawValue, $0, $1) }) == 0 { return true }
        switch errno {
        case ECONNREFUSED, ENOENT: return false
        // A full queue is somebody's queue, and so is one of another kind.
        case EAGAIN, EPROTOTYPE: return true
        default: throw SystemError.last("connect", path: path)
        }
    }

    fileprivate static func address(_ path: String) -> sockaddr_un? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        return withUnsafeMutableBytes(of: &address.sun_path) { target -> Bool in
            guard !bytes.isEmpty, bytes.count < target.count, !bytes.contains(0) else { return false }
            target.copyBytes(from: bytes)
            return true
        } ? address : nil
    }

    fileprivate static func call(
        _ address: inout sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
