public import Platform

/// A way for frames out of the switch and into it: a descriptor of which each read gives a frame and each write takes one, such
/// as a TAP device of the kernel.
public struct FramePort: ~Copyable, Sendable {
    private let descriptor: OwnedDescriptor
    /// What it is called.
    public let name: String
    /// Frames that came in, that went out, and that were lost as nobody took them.
    public private(set) var counts = (received: UInt64(0), sent: UInt64(0), lost: UInt64(0))

    /// A frame with the largest payload that kernels let a TAP device have, and a tag.
    static let longestFrame = 65_553
    /// Frames that are taken in one visit; what is left comes with the next one.
    private static let framesAtOnce = 64

    /// Opens a TAP device of the kernel, making it where there is none. Its link must be set up by whoever administers the
    /// machine: `ip link set NAME up`.
    ///
    /// - Throws: what the system says; without the right to administer the network that is EPERM.
    public init(tap name: String) throws(SystemError) {
        self.init(try OwnedDescriptor(tap: name), name: name)
    }

    /// Takes over a descriptor that does not block and keeps the borders of frames.
    public init(_ descriptor: consuming OwnedDescriptor, name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    /// Readable when there is a frame.
    public var fileDescriptor: Int32 { descriptor.rawValue }

    /// The frames that have come; nil when the other side is gone.
    public mutating func receive() throws(SystemError) -> [[UInt8]]? {
        var frames: [[UInt8]] = []
        while frames.count < Self.framesAtOnce {
            guard let frame = try descriptor.read(atMost: Self.longestFrame) else { break }
            guard !frame.isEmpty else { return frames.isEmpty ? nil : frames }
            counts.received += 1
            frames.append(frame)
        }
        return frames
    }

    /// Sends a frame. One that is not taken now is lost, as frames are; so is one to a link that is not up.
    public mutating func send(_ frame: [UInt8]) {
        if (try? descriptor.writeAtOnce(frame)) == true { counts.sent += 1 } else { counts.lost += 1 }
    }
}
