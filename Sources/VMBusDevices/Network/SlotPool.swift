/// Numbered places of one size, given out lowest first: send sections, frame pages, sub-allocations.
struct SlotPool: Sendable, Hashable {
    /// How many there are.
    let count: Int
    private var free: [Int]
    private var taken: [Bool]

    /// Places 0 to `count` - 1, all free.
    init(count: Int) {
        self.count = max(0, count)
        // Kept in falling order, so that the next one is the last.
        free = Array((0..<self.count).reversed())
        taken = Array(repeating: false, count: self.count)
    }

    /// How many are free.
    var available: Int { free.count }

    /// A free place.
    mutating func take() -> Int? {
        guard let slot = free.popLast() else { return nil }
        taken[slot] = true
        return slot
    }

    /// Gives a place back; one that is not taken stays as it is.
    mutating func release(_ slot: Int) {
        guard taken.indices.contains(slot), taken[slot] else { return }
        taken[slot] = false
        free.append(slot)
    }
}
