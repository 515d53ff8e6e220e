/// Numbered places of one size, given out lowest first: send sections, frame pages, sub-allocations.
struct SlotPool: Sendable, Hashable {
    /// How many there are.
    let count: Int
    /// Places that were given back, the next one last; of those that were never taken the first is next behind them.
    private var free: [Int] = []
    /// Grows with the places that are used, as a copy of a machine costs what it keeps.
    private var taken: [Bool] = []

    /// Places 0 to `count` - 1, all free.
    init(count: Int) { self.count = max(0, count) }

    /// How many are free.
    var available: Int { count - taken.count + free.count }

    /// A free place.
    mutating func take() -> Int? {
        if let slot = free.popLast() {
            taken[slot] = true
            return slot
        }
        guard taken.count < count else { return nil }
        taken.append(true)
        return taken.count - 1
    }

    /// Gives a place back; one that is not taken stays as it is.
    mutating func release(_ slot: Int) {
        guard taken.indices.contains(slot), taken[slot] else { return }
        taken[slot] = false
        free.append(slot)
    }
}
