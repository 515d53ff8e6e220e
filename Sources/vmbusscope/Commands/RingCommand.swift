import ArgumentParser
import CaptureFiles
import Glibc
import Platform
import VMBusWire

/// `ring`: a dump of ring memory, decoded.
struct RingCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ring",
        abstract: "Decode a dump of ring memory: one ring, or the two of a channel.",
        discussion: """
            A ring is a control page of 4096 bytes and whole pages of data, from a crash dump or a mapping. Two rings of the \
            same size back to back are what map 0 of a UIO device holds, the guest's sending ring first; without --pair or \
            --no-pair they are taken for two where both halves begin with a control page and the second one's feature bit is \
            set, or packets lie where its indices say, or only the halves can be read without damage.

            Packets run from read index to write index, oldest first. Behind the read index, packets that nothing has \
            overwritten yet are found backwards: the trailer of each names its start, and as long as descriptor and trailer \
            agree, and the packet does not reach into what is in use, it is listed as consumed but intact, oldest first.

            With --json one document of schema vmbusscope.ring/1. Offsets count from the start of the data area, also \
            payload_offset; lengths are bytes without the trailer of 8, payloads with their padding; 'trailer' is the \
            trailer's offset word; 'wraps' says that packet or trailer go on at offset 0; the ranges of transfer pages have \
            no page frame numbers. With --device each packet also has a name and an info.

            DAMAGE does not stop it: what is whole before it is listed, and the status is 2. A packet with a damaged trailer \
            or damaged ranges is listed as well, with the ranges that are whole. 'offset' is the packet's, null for an index.
            \(damageKinds)

            EXAMPLES
              vmbusscope ring ring.bin
              vmbusscope ring uio-map0.bin --pair --device network
              vmbusscope ring ring.bin --json | jq '.rings[].packets[].type'
            """)

    private static let damageKinds = RingDumpDamage.Kind.allCases.map { kind in
        let name = kind.rawValue + String(repeating: " ", count: max(1, 14 - kind.rawValue.count))
        return "  \(name)\(kind.explanation)"
    }.joined(separator: "\n")

    @Argument(help: ArgumentHelp("The dump.", valueName: "file"), completion: .file())
    var file: String

    @Flag(inversion: .prefixedNo, help: "Two rings back to back, or one; without either the bytes decide.")
    var pair: Bool?

    @Option(
        help: ArgumentHelp("The device whose packets they are: \(deviceWords).", valueName: "class"),
        completion: .list(DeviceKind.allCases.map(\.word)), transform: deviceKind)
    var device: DeviceKind?

    @Option(help: ArgumentHelp("Who wrote the first ring: guest or host.", valueName: "end"))
    var sender = RingWriter.guest

    @Flag(help: "One JSON document with everything.")
    var json = false

    private static let deviceWords = DeviceKind.allCases.map(\.word).joined(separator: ", ")

    private static func deviceKind(_ word: String) throws -> DeviceKind {
        guard let kind = DeviceKind(word: word) else {
            throw ValidationError("there is no such class; choose one of \(deviceWords)")
        }
        return kind
    }

    func run() throws {
        let dump = try decoded(bytes())
        let decoding = RingDumpDecoding(device ?? .unknown, firstSender: sender.direction)
        if json {
            try RingDumpJSON.write(dump, decoding: device == nil ? nil : decoding, to: Output.write)
        } else {
            try RingDumpText.write(dump, decoding: decoding, to: Output.write)
        }
        let damages = dump.rings.reduce(0) { $0 + $1.damage.count }
        if damages > 0 {
            throw CommandFailure(.damagedInput, "\(file): \(damages) damage\(damages == 1 ? "" : "s") found")
        }
    }

    private func bytes() throws(CommandFailure) -> [UInt8] {
        do throws(SystemError) {
            return try WholeFile.read(file, limit: RingDump.maximumByteCount)
        } catch {
            switch error.code {
            case EFBIG: throw CommandFailure(.failure, "\(file): \(RingDumpError.tooLong)")
            case EISDIR: throw CommandFailure(.failure, "\(file): is a directory; name the dump itself")
            case EOPNOTSUPP:
                throw CommandFailure(.failure, "\(file): is no regular file; copy the ring's memory into one")
            case EACCES, EPERM: throw CommandFailure(.permissionMissing, error.description)
            default: throw CommandFailure(.failure, error.description)
            }
        }
    }

    private func decoded(_ bytes: [UInt8]) throws(CommandFailure) -> RingDump {
        do throws(RingDumpError) {
            return try RingDump(bytes, layout: pair.map { $0 ? .pair : .single } ?? .automatic)
        } catch {
            throw CommandFailure(.failure, "\(file): \(error)")
        }
    }
}

/// Which end of the channel writes a ring.
enum RingWriter: String, CaseIterable, ExpressibleByArgument {
    case guest
    case host

    /// The way its packets go.
    var direction: Direction { self == .guest ? .guestToHost : .hostToGuest }
}
