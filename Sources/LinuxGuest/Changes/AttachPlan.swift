import BusModel
public import Platform
import VMBusWire

/// Every write that gives a device to a program through uio_hv_generic, and those that put its old driver back (reference §7.6).
public struct AttachPlan: Sendable, Hashable {
    /// In order; none for a device that is there already.
    public let begin: [GuestWrite]
    /// What takes them back; nil for nothing.
    public let end: Undoing?
    /// What is worth knowing before.
    public let notes: [String]

    /// Plans; nothing is written.
    ///
    /// - Parameter hasDriver: whether uio_hv_generic is loaded.
    public init(_ device: SpareDevice, hasDriver: Bool) {
        guard device.driver != SpareDevice.programsDriver else {
            (begin, end) = ([], nil)
            notes = ["\(SpareDevice.programsDriver) has it already and keeps it"]
            return
        }
        func driver(_ name: String, _ file: String, _ text: String) -> GuestWrite {
            .line(text, path: "\(SpareDevice.drivers)\(name)/\(file)")
        }
        let programs = SpareDevice.programsDriver
        let unbindOld = device.driver.map { driver($0, "unbind", device.name) }
        var (begin, end): ([GuestWrite], [GuestWrite]) = ([], [])
        if !hasDriver { begin.append(.load(module: programs)) }
        if let only = device.onlyDriver {
            let path = device.directory + "/driver_override"
            begin.append(.line(programs, path: path))
            if let unbindOld { begin.append(unbindOld) }
            end += [driver(programs, "unbind", device.name), .line(only, path: path)]
        } else {
            // An identifier that is new to a driver makes it take every device of the class that has none.
            if let unbindOld { begin.append(unbindOld) }
            begin.append(driver(programs, "new_id", device.classID.description))
            end += [driver(programs, "remove_id", device.classID.description), driver(programs, "unbind", device.name)]
        }
        begin.append(driver(programs, "bind", device.name))
        if let old = device.driver { end.append(driver(old, "bind", device.name)) }
        if !hasDriver { end.append(.unload(module: programs)) }
        self.begin = begin
        self.end = Undoing(end, goal: .driver(device: device.directory, name: device.driver))
        var notes: [String] = []
        if let interface = device.names.net.first {
            notes.append("addresses and routes of \(interface) go with it and do not come back by themselves")
        }
        if device.onlyDriver == nil {
            notes.append(
                "this kernel has no driver_override: other \(device.kind.word) devices without a driver go to \(programs), too"
            )
        }
        self.notes = notes
    }

    /// Whether uio_hv_generic is loaded.
    public static func hasDriver(_ files: any FileLayer) -> Bool {
        (try? files.kind(of: SpareDevice.drivers + SpareDevice.programsDriver)) == .directory
    }

    /// Makes the writes.
    ///
    /// - Parameter tell: hears each before it is made.
    /// - Throws: the first that the kernel refuses, unless the device is where it should be all the same.
    public func perform(
        _ device: SpareDevice, in files: SystemFiles, tell: (GuestWrite) -> Void
    ) throws(SystemError) {
        for write in begin {
            tell(write)
            do throws(SystemError) {
                try write.perform(in: files)
            } catch {
                // A driver that was just loaded, or told of a class, may have taken it by itself.
                if SpareDevice.driver(of: device.directory, files) != SpareDevice.programsDriver { throw error }
            }
        }
    }
}
