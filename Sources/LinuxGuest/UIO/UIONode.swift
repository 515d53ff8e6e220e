import Glibc
import Platform
import VMBusRing
import VMBusWire

/// Where a device is that a program may drive: a node of the kernel's driver uio_hv_generic, or files and a socket that stand
/// for one.
public enum UIOPlace: Sendable, Hashable {
    /// A node such as `/dev/uio0`, and the device's directory in sysfs.
    case kernel(node: String, sysfs: String)
    /// `uio0.map0` to `uio0.map4` and `uio0.sock` in a directory, and what stands for the device's directory in sysfs.
    case files(directory: String, sysfs: String)

    /// The device's directory in sysfs.
    public var sysfs: String {
        switch self {
        case .kernel(_, let sysfs), .files(_, let sysfs): sysfs
        }
    }
}

/// A device node that is open: its maps, its interrupts and its way to change the interrupt masks (reference §7.6).
struct UIONode: ~Copyable {
    private enum Handle: ~Copyable {
        case node(OwnedDescriptor)
        case socket(UnixStream)
    }

    /// One of the maps.
    struct Map: Sendable {
        /// What the driver calls it; `recv:` and `send:` have the page list's number behind them.
        let name: String
        let memory: SharedMapping

        /// The page list that the host knows a buffer by, if the name says one.
        var gpadl: UInt32? { name.split(separator: ":").dropFirst().first.flatMap { UInt32($0) } }
    }

    private let handle: Handle
    /// By number.
    let maps: [Map]
    /// Whether the host sees this program's memory by its virtual addresses.
    let hostSeesMemory: Bool

    /// Opens a node, which opens the channel.
    init(_ place: UIOPlace) throws(SystemError) {
        switch place {
        case .kernel(let path, let sysfs):
            let node = try OwnedDescriptor(changing: path)
            let name = path.split(separator: "/").last.map(String.init) ?? ""
            maps = try Self.maps(of: node, "\(sysfs)/uio/\(name)/maps")
            handle = .node(node)
            hostSeesMemory = false
        case .files(let directory, let sysfs):
            let stream = try UnixStream(connectingTo: "\(directory)/uio0.sock", keepsMessages: true)
            maps = try Self.maps(in: directory, "\(sysfs)/uio/uio0/maps")
            handle = .socket(stream)
            hostSeesMemory = true
        }
    }

    private static func maps(
        of node: borrowing OwnedDescriptor, _ directory: String
    ) throws(SystemError) -> [Map] {
        var maps: [Map] = []
        // A map's number is told to mmap(2) in pages of the system.
        let page = UInt64(clamping: sysconf(Int32(_SC_PAGESIZE)))
        for number in 0..<5 {
            guard let bytes = try? SystemFiles().read("\(directory)/map\(number)/size", limit: 64),
                let size = try? AttributeText.hexadecimal(bytes)
            else { break }
            maps.append(
                Map(
                    name: text("\(directory)/map\(number)/name"),
                    memory: try SharedMapping(node, offset: UInt64(number) * page, byteCount: Int(clamping: size))))
        }
        return maps
    }

    private static func maps(in files: String, _ directory: String) throws(SystemError) -> [Map] {
        var maps: [Map] = []
        for number in 0..<5 {
            maps.append(
                Map(
                    name: text("\(directory)/map\(number)/name"),
                    memory: try wholeFile("\(files)/uio0.map\(number)")))
        }
        return maps
    }

    /// A whole file as shared memory, such as the rings of a sub-channel.
    static func wholeFile(_ path: String) throws(SystemError) -> SharedMapping {
        let file = try OwnedDescriptor(changing: path)
        return try SharedMapping(file, offset: 0, byteCount: Int(clamping: file.regularFileSize()))
    }

    private static func text(_ path: String) -> String {
        let bytes = (try? SystemFiles().read(path, limit: 256)) ?? []
        return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }

    /// A kernel opens the channel before it returns from open(2). Whoever stands for it does so once it has seen the last user
    /// go, which may be just now: then all indices are 0. Not for long, as somebody else may use the node, too.
    func waitForFreshRings() {
        guard hostSeesMemory, let rings = maps.first?.memory else { return }
        let limit = MonotonicClock.now() + 1_000_000_000
        let (up, down) = (rings.base, rings.base + rings.byteCount / 2)
        while up.load(as: UInt64.self) | down.load(as: UInt64.self) != 0, MonotonicClock.now() < limit {
            sched_yield()
        }
    }

    /// Readable when the count of interrupts has changed.
    var fileDescriptor: Int32 {
        switch handle {
        case .node(let node): node.rawValue
        case .socket(let stream): stream.fileDescriptor
        }
    }

    /// Takes the count of interrupts, once there is something to read.
    /// - Returns: false when the device is gone.
    borrowing func takeInterrupts() throws(SystemError) -> Bool {
        switch handle {
        case .node(let node):
            do throws(SystemError) {
                return try node.read(atMost: 4)?.isEmpty != true
            } catch {
                // What the driver says when the host has taken the device back.
                if error.symbol == "EIO" { return false }
                throw error
            }
        case .socket(let stream):
            while true {
                switch try stream.receive(atMost: 16) {
                case .nothing: return true
                case .end: return false
                case .bytes: continue
                }
            }
        }
    }

    /// Lets interrupts through and signals the channels without a monitor bit (1), or keeps interrupts back (0).
    borrowing func control(_ word: UInt8) throws(SystemError) {
        switch handle {
        case .node(let node): try node.write([word, 0, 0, 0])
        case .socket(let stream): _ = try stream.send([word, 0, 0, 0])
        }
    }
}
