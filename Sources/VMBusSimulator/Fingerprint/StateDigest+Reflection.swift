import VMBusEngine
import VMBusPartitions
import VMBusWire

/// Adds values of any type, field by field as they are declared, so that no field of an engine or a device can be forgotten.
/// The order of a dictionary or a set does not count: the digests of its members are summed up.
extension StateDigest {
    /// How a type is added, for those that are met most.
    private enum Form {
        case byte, half, word, double, number, flag, text
        case bytes, words, doubles, numbers, flags
        /// It never affects what happens, or never changes.
        case nothing
    }

    private static let forms: [ObjectIdentifier: Form] = [
        ObjectIdentifier(UInt8.self): .byte, ObjectIdentifier(UInt16.self): .half,
        ObjectIdentifier(UInt32.self): .word, ObjectIdentifier(UInt64.self): .double,
        ObjectIdentifier(Int.self): .number, ObjectIdentifier(Bool.self): .flag,
        ObjectIdentifier(String.self): .text, ObjectIdentifier([UInt8].self): .bytes,
        ObjectIdentifier([UInt32].self): .words, ObjectIdentifier([UInt64].self): .doubles,
        ObjectIdentifier([Int].self): .numbers, ObjectIdentifier([Bool].self): .flags,
        ObjectIdentifier(GuestDevice.Counters.self): .nothing,
        ObjectIdentifier(GuestConfiguration.self): .nothing, ObjectIdentifier(HostConfiguration.self): .nothing,
        ObjectIdentifier(GuestProfile.self): .nothing, ObjectIdentifier(HostProfile.self): .nothing,
    ]

    /// Adds a value with all that it holds.
    mutating func add(state value: Any) {
        switch Self.forms[ObjectIdentifier(type(of: value))] {
        case .byte: if let value = value as? UInt8 { add(UInt64(value)) }
        case .half: if let value = value as? UInt16 { add(UInt64(value)) }
        case .word: if let value = value as? UInt32 { add(UInt64(value)) }
        case .double: if let value = value as? UInt64 { add(value) }
        case .number: if let value = value as? Int { add(UInt64(bitPattern: Int64(value))) }
        case .flag: if let value = value as? Bool { add(value ? 1 : 0) }
        case .text: if let value = value as? String { add(value) }
        case .bytes: if let value = value as? [UInt8] { value.withUnsafeBytes { add($0) } }
        case .words: if let value = value as? [UInt32] { value.withUnsafeBytes { add($0) } }
        case .doubles: if let value = value as? [UInt64] { value.withUnsafeBytes { add($0) } }
        case .numbers: if let value = value as? [Int] { value.withUnsafeBytes { add($0) } }
        case .flags: if let value = value as? [Bool] { value.withUnsafeBytes { add($0) } }
        case .nothing: break
        case nil: add(mirrored: value)
        }
    }

    private mutating func add(mirrored value: Any) {
        let mirror = Mirror(reflecting: value)
        switch mirror.displayStyle {
        case .optional:
            add(mirror.children.isEmpty ? 0 : 1)
            for child in mirror.children { add(state: child.value) }
        case .enum:
            add(mirror.children.first?.label ?? "\(value)")
            for child in mirror.children { add(state: child.value) }
        case .set, .dictionary:
            var sum: UInt64 = 0
            for child in mirror.children {
                var digest = StateDigest()
                digest.add(state: child.value)
                sum &+= digest.value
            }
            add(sum)
            add(UInt64(mirror.children.count))
        case .collection:
            if let list = value as? any OptionalList { return add(list) }
            for child in mirror.children { add(state: child.value) }
            add(UInt64(mirror.children.count))
        default:
            for child in mirror.children { add(state: child.value) }
        }
    }

    /// Adds what is there of a list most of whose places are free, as a reflection of each of them costs much.
    private mutating func add(_ list: any OptionalList) {
        list.forEachMember { place, member in
            add(UInt64(place))
            add(state: member)
        }
        add(UInt64(list.count))
    }
}

/// A list of which some places are free.
private protocol OptionalList {
    var count: Int { get }
    /// Hands over what is there, with its place.
    func forEachMember(_ body: (Int, Any) -> Void)
}

extension Array: OptionalList where Element: OptionalMember {
    fileprivate func forEachMember(_ body: (Int, Any) -> Void) {
        for index in indices { if let member = self[index].member { body(index, member) } }
    }
}

private protocol OptionalMember {
    /// The value; nil where there is none.
    var member: Any? { get }
}

extension Optional: OptionalMember {
    fileprivate var member: Any? { map { $0 as Any } }
}
