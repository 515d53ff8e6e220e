/// One message of the kernel's uevent socket: `action@devpath` and then `KEY=value` texts, each ended by a zero byte. Pure; the
/// bytes may hold anything.
public struct Uevent: Hashable, Sendable {
    /// `add`, `remove`, `change`, `bind`, `unbind` and the like.
    public let action: String
    /// Where the object is, or was, below `/sys`.
    public let path: String
    /// What kind of object it is; nil where the message does not say.
    public let subsystem: String?

    /// What the message is about, if it is about the bus.
    public enum Subject: Hashable, Sendable {
        /// A device, by the name of its directory.
        case device(String)
        /// A channel; the device's name is nil where the device itself is gone already.
        case channel(device: String?, relid: UInt32)
    }

    /// Takes a message apart; nil for bytes that are no uevent.
    public init?(parsing message: [UInt8]) {
        var texts = message.split(separator: 0, omittingEmptySubsequences: true)
            .map { PrintableText.harmless(String(decoding: $0, as: UTF8.self)) }
        guard !texts.isEmpty else { return nil }
        let heading = texts.removeFirst().split(separator: "@", maxSplits: 1)
        guard heading.count == 2, heading[1].hasPrefix("/") else { return nil }
        action = String(heading[0])
        path = String(heading[1])
        let prefix = "SUBSYSTEM="
        subsystem = texts.first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }

    /// What of the bus it is about; nil for everything else that happens on a machine.
    public var subject: Subject? {
        let parts = path.split(separator: "/").map(String.init)
        guard let last = parts.last else { return nil }
        if subsystem == "channels", parts.count >= 2, parts[parts.count - 2] == "channels", let relid = UInt32(last) {
            return .channel(device: parts.count >= 3 ? parts[parts.count - 3] : nil, relid: relid)
        }
        return subsystem == "vmbus" ? .device(last) : nil
    }

    /// The message in one line, for the log.
    public var summary: String? {
        switch subject {
        case .device(let name): "uevent \(action) device \(name)"
        case .channel(let device?, let relid): "uevent \(action) channel \(relid) of \(device)"
        case .channel(nil, let relid): "uevent \(action) channel \(relid) of a device that is gone"
        case nil: nil
        }
    }
}
