/// Elements in order of their arrival, found by their key without a walk.
///
/// A removal leaves a gap, and the gaps are closed once they are more than half: every operation is constant on average.
struct KeyedList<Key: Hashable & Sendable, Element: Hashable & Sendable>: Sendable {
    private var slots: [Slot?] = []
    private var positions: [Key: Int] = [:]

    private struct Slot: Sendable, Hashable {
        let key: Key
        var element: Element
    }

    /// The elements, oldest first.
    var elements: [Element] { slots.compactMap { $0?.element } }

    /// The keys, in the order of their elements.
    var keys: [Key] { slots.compactMap { $0?.key } }

    var count: Int { positions.count }

    /// The element of a key. A new key goes to the end; nil removes.
    subscript(key: Key) -> Element? {
        get {
            guard let position = positions[key] else { return nil }
            return slots[position]?.element
        }
        set {
            switch (positions[key], newValue) {
            case (let position?, let element?): slots[position]?.element = element
            case (nil, let element?):
                positions[key] = slots.count
                slots.append(Slot(key: key, element: element))
            case (let position?, nil):
                slots[position] = nil
                positions[key] = nil
                closeGaps()
            case (nil, nil): break
            }
        }
    }

    mutating func removeAll() { self = KeyedList() }

    private mutating func closeGaps() {
        guard slots.count > 16, positions.count < slots.count / 2 else { return }
        slots.removeAll { $0 == nil }
        for (position, slot) in slots.enumerated() {
            if let slot { positions[slot.key] = position }
        }
    }
}

extension KeyedList: Hashable {
    /// The same elements in the same order; gaps do not count.
    static func == (left: Self, right: Self) -> Bool {
        left.count == right.count && left.slots.compactMap(\.self) == right.slots.compactMap(\.self)
    }

    func hash(into hasher: inout Hasher) { hasher.combine(slots.compactMap(\.self)) }
}
