import Platform
import VMBusWire

/// The host's end of the socket to one virtual machine monitor: frames in and out, and the descriptor that comes along.
struct MonitorLink: ~Copyable {
    private let stream: UnixStream
    private var assembly = FrameAssembly()
    private var unsent: [UInt8] = []
    /// The first descriptor that came, until HELLO takes it.
    private var file: OwnedDescriptor?
    private var memory: GuestMemory?

    /// What a monitor that does not read may leave unread.
    private static let unsentLimit = 1 << 20
    private static let portion = 65_536

    enum Received {
        case nothing
        case bytes
        case end
        case failed(SystemError)
    }

    init(_ stream: consuming UnixStream) { self.stream = stream }

    var fileDescriptor: Int32 { stream.fileDescriptor }

    /// Whether there is something to send that the monitor does not take now.
    var isBehind: Bool { !unsent.isEmpty }

    /// Whether a frame has begun and not ended.
    var isInsideFrame: Bool { assembly.isInsideFrame }

    /// Whether the file of the guest's memory was cut short.
    var isDamaged: Bool { memory?.isDamaged ?? false }

    /// Takes what has come.
    mutating func receive() -> Received {
        do throws(SystemError) {
            switch try stream.receive(atMost: Self.portion) {
            case .nothing: return .nothing
            case .end: return .end
            case .bytes(let bytes, let descriptors):
                for descriptor in descriptors {
                    let received = OwnedDescriptor(owning: descriptor)
                    // One is wanted, before HELLO; the others are closed here.
                    if file == nil, memory == nil { file = consume received }
                }
                assembly.append(bytes)
                return .bytes
            }
        } catch {
            return .failed(error)
        }
    }

    /// The next whole frame.
    mutating func nextFrame() throws(WireError) -> (header: FrameHeader, body: ArraySlice<UInt8>)? {
        try assembly.next()
    }

    /// Maps the memory that HELLO speaks of; its descriptor is closed then.
    mutating func memory(_ hello: Hello) throws(ProtocolViolation) -> GuestMemory {
        guard let file = file.take() else {
            throw ProtocolViolation(
                rule: "hello-memory", place: "HELLO", value: "no descriptor",
                explanation: "the file of the guest's memory travels with the frame")
        }
        let memory = try GuestMemory(hello.regions, of: file)
        self.memory = memory
        return memory
    }

    /// Sends frames, or what can be sent of them now; the reason when the monitor is lost.
    mutating func send(_ frames: [HostFrame]) -> String? {
        for frame in frames { unsent += frame.encoded }
        var sent = 0
        do throws(SystemError) {
            while sent < unsent.count {
                let count = try stream.send(unsent[sent...])
                if count == 0 { break }
                sent += count
            }
        } catch {
            return "the connection to the monitor failed: \(error)"
        }
        unsent.removeFirst(sent)
        return unsent.count > Self.unsentLimit ? "let go of the guest: its monitor does not read what it is sent" : nil
    }
}
