import BusModel
import Platform

/// One value of the guest as it was found, never guessed.
///
/// It is what `BusModel.Reading` is made from: the scan must tell one errno from another to know a closed ring from a
/// missing permission, while the log carries symbols and the moment.
public enum Readout<Value> {
    /// The kernel gave it.
    case known(Value)
    /// This kernel, or this state of the device, has no such value; nothing is wrong.
    case missing
    /// It should be there and could not be had.
    case failed(ReadFailure)

    /// The value, or nil if there is none to show.
    public var value: Value? {
        if case .known(let value) = self { value } else { nil }
    }

    /// The same as the log has it, with the value as the log holds it.
    func reading<Other>(_ transform: (Value) -> Other) -> Reading<Other> {
        switch self {
        case .known(let value): .known(transform(value))
        case .missing: .unavailable
        case .failed(let failure) where failure.isPermissionDenied: Reading(.denied)
        case .failed(let failure): Reading(.failed(failure.symbol))
        }
    }

    /// Why there is no value, if that is a failure.
    public var failure: ReadFailure? {
        if case .failed(let failure) = self { failure } else { nil }
    }
}

extension Readout: Sendable where Value: Sendable {}
extension Readout: Equatable where Value: Equatable {}
extension Readout: Hashable where Value: Hashable {}

/// Why a value could not be had.
public enum ReadFailure: Hashable, Sendable {
    /// A system call failed with that `errno`.
    case refused(Int32)
    /// The file is empty, which in a copied tree stands for a read that failed.
    case empty
    /// The file holds something else than the kernel prints there.
    case malformed(FormatError)
    /// The kernel itself says that the value is not valid now, as for the relid of a device that is suspended or rescinded.
    case invalid
    /// The two halves of a ring's size never fitted together while they were read.
    case unsettled
    /// The kernel has not answered yet; the file may be read later.
    case hanging

    /// The word that JSON shows: the errno's name, or one of EMPTY, MALFORMED, INVALID, UNSETTLED, HANGING.
    public var symbol: String {
        switch self {
        case .refused(let code): SystemError.symbol(of: code)
        case .empty: "EMPTY"
        case .malformed: "MALFORMED"
        case .invalid: "INVALID"
        case .unsettled: "UNSETTLED"
        case .hanging: "HANGING"
        }
    }
}

/// A file that did not give what it should.
public struct ScanProblem: Hashable, Sendable {
    /// The file, relative to the device's directory, or to `/sys/bus/vmbus` for the bus itself.
    public let path: String
    /// What went wrong.
    public let failure: ReadFailure

    /// A problem with the file at `path`.
    public init(path: String, failure: ReadFailure) {
        self.path = path
        self.failure = failure
    }
}
