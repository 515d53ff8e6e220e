import BusModel
import Platform
import VMBusWire

/// What the kinds of evidence look at.
struct WatchedGuest: Sendable {
    /// The guest's files.
    let files: any FileLayer
    /// What else can be asked; nil for a copied tree.
    let machine: (any MachineProbe)?
    /// What the processor says of the hypervisor; nil where it says nothing or another hypervisor answers.
    let hypervisor: HypervisorIdentity?
    /// The devices of the bus.
    let devices: [WatchedDevice]
}

/// A device of the bus, as far as evidence needs it.
struct WatchedDevice: Sendable, Hashable {
    /// Its name in the log.
    let instance: GUID
    /// Its directory's name.
    let name: String
    /// What it is.
    let kind: DeviceKind
    /// What people know it by.
    let names: KernelNames

    /// Its directory.
    var directory: String { "/sys/bus/vmbus/devices/" + name }
}

extension FileLayer {
    /// The value in a small file, which may not be there at all.
    func readout<Value>(
        _ path: String, limit: Int = 4096, as parse: ([UInt8]) throws(FormatError) -> Value
    ) -> Readout<Value> {
        Self.readout({ () throws(SystemError) in try read(path, limit: limit) }, as: parse)
    }

    /// The value in a table that the kernel hands over piece by piece.
    func readoutOfTable<Value>(
        _ path: String, limit: Int, as parse: ([UInt8]) throws(FormatError) -> Value
    ) -> Readout<Value> {
        Self.readout({ () throws(SystemError) in try readTable(path, limit: limit) }, as: parse)
    }

    private static func readout<Value>(
        _ read: () throws(SystemError) -> [UInt8], as parse: ([UInt8]) throws(FormatError) -> Value
    ) -> Readout<Value> {
        do {
            let bytes = try read()
            do {
                return .known(try parse(bytes))
            } catch .empty {
                return .failed(.empty)
            } catch {
                return .failed(.malformed(error))
            }
        } catch {
            let failure = ReadFailure.refused(error.code)
            return failure.isAbsence ? .missing : .failed(failure)
        }
    }

    /// The names in a directory; nothing where it cannot be listed.
    func namesIfAny(in path: String) -> [String] { (try? names(in: path)) ?? [] }
}

extension Readout {
    /// Why a system call gave nothing.
    init(_ error: SystemError) {
        let failure = ReadFailure.refused(error.code)
        self = failure.isAbsence ? .missing : .failed(failure)
    }

    /// The same for another value.
    func map<Other>(_ transform: (Value) -> Other) -> Readout<Other> {
        switch self {
        case .known(let value): .known(transform(value))
        case .missing: .missing
        case .failed(let failure): .failed(failure)
        }
    }
}

extension AttributeReading {
    /// A number that may not be had.
    init(_ attribute: Attribute, number: Readout<UInt64>) {
        self.init(attribute, reading: number.reading { $0 })
    }
}
