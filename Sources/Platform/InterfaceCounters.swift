import CLinux
import Glibc

/// Reads what `ethtool -S` prints, by the three questions that only read.
enum InterfaceCounters {
    /// Counters that a driver may have; more are no counters of a driver that is in order.
    private static let most = 65_536
    /// Counters that may be added between two of the questions: each channel of a network device brings up to eight.
    private static let slack = 4096
    private static let nameLength = 32
    private static let namesHead = 12
    private static let valuesHead = 8

    /// The counters of one interface, in the driver's order.
    ///
    /// - Throws: What the system said; `EOPNOTSUPP` for an interface without any, `EOVERFLOW` where they are too many, and `EAGAIN` where
    ///   names and values do not belong together, as their number changed in between.
    static func read(_ interface: String) throws(SystemError) -> [InterfaceCounter] {
        let socket = try OwnedDescriptor(checking: cl_interface_socket(), "socket")
        let counted = try checked(cl_interface_counter_count(socket.rawValue, interface), interface)
        guard counted > 0 else { throw SystemError(call: "ioctl", code: EOPNOTSUPP, path: interface) }
        guard counted <= most, let count = UInt32(exactly: counted) else {
            throw SystemError(call: "ioctl", code: EOVERFLOW, path: interface)
        }
        let room = counted + slack
        // As words, so that the kernel's structures at their beginning are aligned.
        var names = [UInt64](repeating: 0, count: (namesHead + room * nameLength) / 8 + 1)
        var values = [UInt64](repeating: 0, count: valuesHead / 8 + room)
        let nameCount = try checked(
            cl_interface_counter_names(socket.rawValue, interface, count, &names), interface)
        let valueCount = try checked(
            cl_interface_counter_values(socket.rawValue, interface, count, &values), interface)
        guard nameCount == valueCount, nameCount <= room else {
            throw SystemError(call: "ioctl", code: EAGAIN, path: interface)
        }
        return names.withUnsafeBytes { bytes in
            (0..<nameCount).map { place in
                let name = bytes.dropFirst(namesHead + place * nameLength).prefix(nameLength).prefix { $0 != 0 }
                return InterfaceCounter(String(decoding: name, as: UTF8.self), values[valuesHead / 8 + place])
            }
        }
    }

    private static func checked(_ result: Int64, _ interface: String) throws(SystemError) -> Int {
        let error = SystemError.last("ioctl", path: interface)
        guard result >= 0, let count = Int(exactly: result) else { throw error }
        return count
    }
}
