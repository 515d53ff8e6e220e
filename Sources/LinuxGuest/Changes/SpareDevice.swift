public import BusModel
public import Platform
public import VMBusWire

/// A device of the bus as it is before anybody takes it over.
public struct SpareDevice: Sendable, Hashable {
    /// The driver that gives devices to programs.
    public static let programsDriver = "uio_hv_generic"
    static let drivers = "/sys/bus/vmbus/drivers/"
    private static let devices = "/sys/bus/vmbus/devices/"

    /// Its directory's name, by which drivers know it.
    public let name: String
    /// Which device it is.
    public let instance: GUID
    /// Its class.
    public let classID: GUID
    /// What people know it by.
    public let names: KernelNames
    /// The driver that has it.
    public let driver: String?
    /// The only driver that may have it; empty for any, nil where the kernel has no such setting.
    public let onlyDriver: String?
    /// Whether its primary channel is open.
    public let isOpen: Bool
    /// Its node in `/dev`, where a program may have it.
    public let node: String?

    /// Its directory.
    public var directory: String { Self.devices + name }
    /// What it is.
    public var kind: DeviceKind { DeviceClass.of(classID).kind }
    /// What somebody types who means this device and no other: the first group of the instance.
    public var confirmation: String { String(instance.description.prefix(8)) }

    /// The driver that a device has now.
    static func driver(of directory: String, _ files: any FileLayer) -> String? {
        (try? files.linkTarget(of: directory + "/driver")).flatMap { $0.split(separator: "/").last.map(String.init) }
    }

    /// Looks at a device whose directory's name is known; nil where there is none that can be told.
    init?(named name: String, names: KernelNames, _ files: any FileLayer) {
        let directory = Self.devices + name
        func read<Value>(_ file: String, _ parse: ([UInt8]) throws(FormatError) -> Value) -> Value? {
            files.readout("\(directory)/\(file)", limit: 256, as: parse).value
        }
        // What is written into the kernel's files must mean one thing.
        guard name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            let classID = read("class_id", AttributeText.identifier),
            let instance = read("device_id", AttributeText.identifier)
        else { return nil }
        (self.name, self.instance, self.classID, self.names) = (name, instance, classID, names)
        driver = Self.driver(of: directory, files)
        if let kind = try? files.kind(of: directory + "/driver_override"), kind == .regular {
            let text = read("driver_override", AttributeText.text) ?? ""
            onlyDriver = text == "(null)" ? "" : text
        } else {
            onlyDriver = nil
        }
        isOpen = read("state", AttributeText.unsigned) == 3
        node = Self.node(of: directory, files)
    }

    /// The node in `/dev` of a device that uio_hv_generic has.
    public static func node(of directory: String, _ files: any FileLayer) -> String? {
        files.namesIfAny(in: directory + "/uio").first { $0.hasPrefix("uio") && $0.dropFirst(3).allSatisfy(\.isNumber) }
            .map { "/dev/" + $0 }
    }

    /// Finds the one device that is meant.
    ///
    /// - Parameter word: an instance or its beginning, a network interface, or a node such as `/dev/uio0`.
    /// - Throws: why there is none, or which there are.
    public static func find(_ word: String, _ files: any FileLayer) throws(ChangeRefusal) -> SpareDevice {
        let all: [String]
        do throws(SystemError) {
            all = try files.names(in: String(devices.dropLast()))
        } catch {
            throw ChangeRefusal("no VMBus here: \(error)", isPermission: error.symbol == "EACCES")
        }
        let finder = KernelNameFinder(files: files, devices: Set(all))
        let known = all.compactMap { name in
            SpareDevice(named: name, names: finder.names(of: name, directory: devices + name), files)
        }
        let digits = word.lowercased().filter { $0 != "{" && $0 != "}" }
        let found = known.filter { device in
            device.names.net.contains(word) || device.node == word || device.name == word
                || digits.utf8.count >= 4 && device.instance.description.hasPrefix(digits)
        }
        guard let device = found.first else {
            throw ChangeRefusal(
                "no device '\(word)' on the bus; name an instance or at least four digits of one, an interface such as eth1, "
                    + "or a node such as /dev/uio0; 'vmbusscope ls -vv' lists them")
        }
        guard found.count == 1 else {
            let which = found.map(\.name).joined(separator: ", ")
            throw ChangeRefusal("'\(word)' is \(found.count) devices (\(which)); name more digits")
        }
        return device
    }
}
