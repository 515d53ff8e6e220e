public import BusModel
public import VMBusWire

/// An interface of a recording: what the packets that name it are about.
///
/// Its description is text for people, in which words `key=value` tell our own reader what it needs.
public struct RecordingInterface: Sendable, Hashable {
    /// What its packets are.
    public enum Role: Sendable, Hashable {
        /// Records that belong to no device.
        case bus
        /// Records of one channel; its class is zero where it is not known.
        case channel(ChannelKey, classID: GUID)
        /// Records of channels that have no interface of their own.
        case channels
        /// Frames of a network adapter.
        case frames(partition: UInt16, device: GUID)
        /// Streams of hv_sock.
        case streams
        /// Something that other programs capture.
        case foreign
    }

    /// What its packets are.
    public let role: Role
    /// The link type in the file.
    public let linkType: UInt16
    /// The interface's name.
    public let name: String
    /// What it is, for people.
    public let description: String

    /// An interface as the writer makes it.
    init(_ role: Role, name: String, description: String) {
        self.role = role
        self.name = name
        self.description = description
        linkType =
            switch role {
            case .bus, .channel, .channels, .foreign: RecordingFormat.records
            case .frames: RecordingFormat.ethernet
            case .streams: RecordingFormat.vsock
            }
    }

    /// An interface as a file tells it. What has no description of ours is foreign.
    init(linkType: UInt16, name: String, description: String, isUsable: Bool) {
        self.linkType = linkType
        self.name = name
        self.description = description
        role = isUsable ? Self.role(linkType, description) : .foreign
    }

    private static let busDescription = "VMBus"
    private static let channelDescription = "VMBus channel"
    private static let channelsDescription = "VMBus channels"
    private static let framesDescription = "Network adapter"
    private static let streamsDescription = "hv_sock streams"

    private static func role(_ linkType: UInt16, _ description: String) -> Role {
        var title: [Substring] = []
        var device: GUID?
        var (partition, subchannel, classID) = (UInt16(0), UInt16(0), GUID.zero)
        for word in description.split(separator: " ") {
            guard let equals = word.firstIndex(of: "=") else {
                title.append(word)
                continue
            }
            let value = word[word.index(after: equals)...]
            switch word[..<equals] {
            case "partition": partition = UInt16(value) ?? partition
            case "subchannel": subchannel = UInt16(value) ?? subchannel
            case "device": device = GUID(value)
            case "class_id": classID = GUID(value) ?? classID
            default: break
            }
        }
        switch (linkType, title.joined(separator: " "), device) {
        case (RecordingFormat.records, busDescription, _): return .bus
        case (RecordingFormat.records, channelsDescription, _): return .channels
        case (RecordingFormat.records, channelDescription, let device?):
            let key = ChannelKey(partition: partition, device: device, subchannel: subchannel)
            return .channel(key, classID: classID)
        case (RecordingFormat.ethernet, framesDescription, let device?):
            return .frames(partition: partition, device: device)
        case (RecordingFormat.vsock, streamsDescription, _): return .streams
        default: return .foreign
        }
    }

    static let bus = RecordingInterface(.bus, name: "vmbus", description: busDescription)
    static let channels = RecordingInterface(.channels, name: "vmbus:more", description: channelsDescription)
    static let streams = RecordingInterface(.streams, name: "hv_sock", description: streamsDescription)

    /// The interface of a channel.
    static func channel(_ key: ChannelKey, relid: UInt32, classID: GUID) -> RecordingInterface {
        let kind = DeviceClass.of(classID).kind.word
        return RecordingInterface(
            .channel(key, classID: classID),
            name: "vmbus:\(key.partition)/\(kind)-\(short(key.device))/\(key.subchannel)",
            description: "\(channelDescription) kind=\(kind) partition=\(key.partition) device=\(key.device) "
                + "class_id=\(classID) subchannel=\(key.subchannel) relid=\(relid)")
    }

    /// The interface of an adapter's frames, under the name that the guest's kernel gave it, where that is known.
    static func frames(partition: UInt16, device: GUID, name: String?) -> RecordingInterface {
        let plain = (name ?? "").unicodeScalars.filter { $0.isASCII && $0.properties.isGraphemeBase && $0 != " " }
        return RecordingInterface(
            .frames(partition: partition, device: device),
            name: plain.isEmpty ? "nic:\(partition)/\(short(device))" : String(String.UnicodeScalarView(plain)),
            description: "\(framesDescription) partition=\(partition) device=\(device)")
    }

    /// So much of an instance as tells devices apart that people look at side by side.
    private static func short(_ device: GUID) -> Substring { device.description.prefix(18) }

    /// The same interface under a name of its own.
    func named(_ name: String) -> RecordingInterface {
        RecordingInterface(role, name: name, description: description)
    }

    /// Whether its packets are records.
    var holdsRecords: Bool {
        switch role {
        case .bus, .channel, .channels: true
        case .frames, .streams, .foreign: false
        }
    }

    /// Whether its packets are parts of records.
    var holdsParts: Bool {
        switch role {
        case .frames, .streams: true
        case .bus, .channel, .channels, .foreign: false
        }
    }
}
