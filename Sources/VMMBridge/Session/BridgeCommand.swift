import Platform
public import VMBusDevices
public import VMBusPartitions
public import VMBusWire

/// What can be done to a guest from outside while it runs.
public enum BridgeCommand: Sendable, Hashable {
    /// The host takes a device back.
    case rescind(GUID)
    /// The host offers a device of the scenario (again).
    case offer(GUID)
    /// Something is asked of a device.
    case device(GUID, DeviceCommand)
    /// What the guest shows on a display is kept as a PNG file.
    case picture(GUID, path: String)
    /// From now on, or from the guest's next contact on, these faults are done and no others.
    case arm(FaultInjector, atContact: Bool)

    /// Reads `rescind DEVICE`, `offer DEVICE` or `DEVICE COMMAND…`; the device is a kind that the guest has, or an
    /// instance.
    ///
    /// - Throws: what is not understood, and what is.
    public init(_ line: String, for guest: GuestConfiguration) throws(BridgeCommandError) {
        let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
        guard words.count >= 2 else {
            throw BridgeCommandError("'\(line)' is no command: rescind DEVICE, offer DEVICE, DEVICE COMMAND or quit")
        }
        let isPlain = words.count == 2 && ["rescind", "offer"].contains(words[0])
        let name = words[isPlain ? 1 : 0]
        let devices = guest.host.devices
        guard
            let device = devices.first(where: { $0.kind.word == name })
                ?? GUID(name).flatMap({ instance in devices.first { $0.instance == instance } })
        else {
            let known = devices.map(\.kind.word).joined(separator: ", ")
            throw BridgeCommandError("the scenario has no device '\(name)'; it has: \(known)")
        }
        guard !isPlain else {
            self = words[0] == "rescind" ? .rescind(device.instance) : .offer(device.instance)
            return
        }
        if device.kind == .video, words[1] == "screenshot", words.count > 2 {
            self = .picture(device.instance, path: words.dropFirst(2).joined(separator: " "))
            return
        }
        do throws(DeviceCommandError) {
            self = .device(device.instance, try DeviceCommand(Array(words.dropFirst()), for: device.kind))
        } catch {
            throw BridgeCommandError(error.description)
        }
    }
}

extension BridgeServer.Request {
    /// Reads `switch`, or a command for the first guest, or `NAME: COMMAND` for the guest of that name.
    ///
    /// - Throws: what is not understood, and what is.
    public init(_ line: String, for guests: [GuestConfiguration]) throws(BridgeCommandError) {
        if line == "switch" {
            self = .tellSwitch
            return
        }
        let parts = line.split(separator: ":", maxSplits: 1)
        let named = guests.firstIndex { parts.count == 2 && parts[0] == $0.name }
        guard guests.indices.contains(named ?? 0) else { throw BridgeCommandError("there is no guest") }
        // A colon may also belong to a command's words, as in 'fcopy pattern:BYTES'.
        if named == nil, parts.count == 2, !parts[0].contains(" ") {
            let known = guests.map(\.name).joined(separator: ", ")
            throw BridgeCommandError("there is no guest '\(parts[0])'; there is: \(known)")
        }
        let index = named ?? 0
        self = .command(
            try BridgeCommand(named == nil ? line : String(parts[1]), for: guests[index]), guest: index)
    }
}

/// Why a command was not understood.
public struct BridgeCommandError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What, and what to say instead.
    public let description: String

    init(_ description: String) { self.description = description }
}

extension BridgeSession {
    /// Carries out a command; the log says what became of it.
    public mutating func perform(_ command: BridgeCommand, at time: UInt64) {
        log.time = time
        switch command {
        case .rescind(let instance): rescind(instance)
        case .offer(let instance): offer(instance)
        case .device(let instance, let command): ask(instance, command)
        case .picture(let instance, let path): keepPicture(of: instance, path)
        case .arm(let faults, let atContact): arm(faults, atContact: atContact)
        }
        settle()
    }

    /// Lets an event of the scenario happen.
    mutating func perform(_ action: ScenarioEvent.Action) {
        switch action {
        case .rescind(let instance): rescind(instance)
        case .offer(let instance): offer(instance)
        case .command(let instance, let command): ask(instance, command)
        case .saveHost: log.note("the scenario's 'save' is left out: a host that serves a machine stays as it is")
        case .move, .reboot, .crash, .hibernate:
            log.note("the scenario's '\(action.word)' is left out: only the guest itself can do that")
        }
    }

    private mutating func ask(_ instance: GUID, _ command: DeviceCommand) {
        var command = command
        if case .storage(.add(var disk)) = command, disk.path != nil {
            do throws(SystemError) {
                disk.byteCount = try FileDisk.open(disk).byteCount
                command = .storage(.add(disk))
            } catch {
                log.note("unit \(disk.lun) was not added: \(error)")
                return
            }
        }
        var isKnown = false
        carryOut(visit { isKnown = $0.perform(command, device: instance, &$1) })
        if !isKnown { log.note("there is no device \(instance) to ask") }
    }

    /// Reads the picture out of the guest's memory, as the guest draws without asking anybody.
    private mutating func keepPicture(of instance: GUID, _ path: String) {
        var outcome = Result<VideoPicture, VideoPictureError>?.none
        carryOut(visit { outcome = $0.picture(of: instance, &$1) })
        switch outcome {
        case .success(let picture):
            do throws(SystemError) {
                try ReplacedFile.write(path, PNGFile.bytes(picture))
                log.note("the guest's picture of \(picture.width)x\(picture.height) is in \(path)")
            } catch {
                log.note("the guest's picture was not kept: \(error)")
            }
        case .failure(let error): log.note("the guest's picture was not kept: \(error)")
        case nil: log.note("there is no display \(instance)")
        }
    }

    /// Opens a disk that has come.
    mutating func plug(_ disk: DiskDescription, _ device: GUID) {
        do throws(SystemError) {
            disks.insert(try FileDisk.open(disk), device: device, lun: disk.lun)
        } catch {
            log.note("unit \(disk.lun) has no bytes: \(error)")
        }
    }

    mutating func rescind(_ instance: GUID) {
        var found = false
        tell(.disconnected(instance))
        carryOut(visit { found = $0.rescind(device: instance, &$1) })
        if !found { log.note("there is no device \(instance) to take back") }
    }

    mutating func offer(_ instance: GUID) {
        guard let device = guest.host.devices.first(where: { $0.instance == instance }),
            !host.devices.contains(where: { $0.configuration.instance == instance })
        else {
            log.note("device \(instance) is on offer already, or the scenario does not have it")
            return
        }
        if device.kind == .network { tell(.connected(instance)) }
        for disk in device.storage?.disks ?? [] where !disks.contains(device: instance, lun: disk.lun) {
            plug(disk, instance)
        }
        carryOut(visit { $0.offer(device, &$1) })
    }
}

extension ScenarioEvent.Action {
    /// The word for it in scenarios.
    fileprivate var word: String {
        switch self {
        case .rescind: "rescind"
        case .offer: "offer"
        case .command: "command"
        case .move: "move"
        case .reboot: "reboot"
        case .crash: "crash"
        case .hibernate: "hibernate"
        case .saveHost: "save"
        }
    }
}
