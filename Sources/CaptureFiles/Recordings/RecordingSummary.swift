import BusModel
import VMBusWire

/// What is in a recording: counted in one walk, so that a file of any length costs no memory.
public struct RecordingSummary: Sendable {
    /// What an interface has.
    public struct Interface: Sendable {
        /// What it is.
        public var interface: RecordingInterface
        /// Packets in the file, those of the file itself included.
        public var packets: UInt64 = 0
        /// Bytes of them in the file.
        public var bytes: UInt64 = 0
    }

    /// What the recording says of itself; nil where it says nothing.
    public private(set) var manifest: RecordingManifest?
    /// Of all sections, in their order.
    public private(set) var interfaces: [Interface] = []
    /// Records of the log by their kind's number.
    public private(set) var kinds = [UInt64](repeating: 0, count: 256)
    /// Manifests and keyframes of the file.
    public private(set) var asideCount: UInt64 = 0
    /// Lowest and highest time of a packet, in the log's nanoseconds.
    public private(set) var times: ClosedRange<UInt64>?
    /// First and last number of a record of the log.
    public private(set) var sequences: ClosedRange<UInt64>?
    /// Records of the kind gap.
    public private(set) var gapCount: UInt64 = 0
    /// How many records the gaps say are missing.
    public private(set) var missingCount: UInt64 = 0
    /// How many numbers are missing in the log.
    public private(set) var skippedCount: UInt64 = 0
    /// Records of which bytes are missing.
    public private(set) var cutCount: UInt64 = 0
    /// What could not be read.
    public private(set) var damages = RecordingDamages()

    /// Counts a whole file.
    ///
    /// - Parameter goesOn: asked from time to time; false ends the walk.
    public init(_ bytes: RawSpan, goesOn: (Int) -> Bool = { _ in true }) {
        var walk = PcapngWalk()
        var turns = 0
        while case .packet(let packet, let interface) = walk.next(in: bytes, isWhole: true) {
            while interfaces.count < walk.interfaces.count {
                interfaces.append(Interface(interface: walk.interfaces[interfaces.count]))
            }
            interfaces[interface].packets += 1
            interfaces[interface].bytes += UInt64(packet.captured)
            let known = times ?? packet.time...packet.time
            times = min(known.lowerBound, packet.time)...max(known.upperBound, packet.time)
            if walk.interfaces[interface].holdsRecords { add(packet, interface, bytes, &walk) }
            turns += 1
            if turns & 0xFFFF == 0, !goesOn(walk.offset) { break }
        }
        while interfaces.count < walk.interfaces.count {
            interfaces.append(Interface(interface: walk.interfaces[interfaces.count]))
        }
        damages = walk.damages
    }

    /// How many packets there are, as other tools count them.
    public var packetCount: UInt64 { interfaces.reduce(0) { $0 + $1.packets } }
    /// How many records of the log there are.
    public var recordCount: UInt64 { kinds.reduce(0, +) }

    private mutating func add(
        _ packet: PcapngPacket, _ interface: Int, _ bytes: RawSpan, _ walk: inout PcapngWalk
    ) {
        guard let place = RecordPlace(packet, interface: interface, number: 0, partsStart: 0, in: bytes) else {
            return walk.damage(.record, packet.block.start, packet.block.count)
        }
        if place.isManifest { manifest = manifest ?? RecordingManifest.decode(bytes.array(place.payload))?.manifest }
        guard place.isOfLog else {
            asideCount += 1
            return
        }
        kinds[Int(place.kind)] += 1
        if Int(packet.original) > packet.captured { cutCount += 1 }
        if place.kind == FlowKind.gap.rawValue {
            gapCount += 1
            missingCount += UInt64(place.code)
        }
        guard let known = sequences else {
            sequences = place.sequence...place.sequence
            return
        }
        if place.sequence > known.upperBound { skippedCount += place.sequence - known.upperBound - 1 }
        sequences = min(known.lowerBound, place.sequence)...max(known.upperBound, place.sequence)
    }
}
