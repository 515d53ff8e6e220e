/// What will happen, by time, and at the same time in the order of its coming.
///
/// A binary heap of small keys; the events lie beside it and do not move.
struct EventQueue<Event: Sendable>: Sendable {
    /// When an event is due, and what it is.
    struct Entry: Sendable {
        let time: UInt64
        let event: Event
    }

    private struct Key: Sendable, BitwiseCopyable {
        let time: UInt64
        let order: UInt64
        let slot: Int

        func isBefore(_ other: Key) -> Bool {
            time < other.time || time == other.time && order < other.order
        }
    }

    private var heap: [Key] = []
    private var slots: [Event?] = []
    private var freeSlots: [Int] = []
    private var nextOrder: UInt64 = 0

    /// When the next event is due.
    var nextTime: UInt64? { heap.first?.time }

    /// Whether an event waits.
    func contains(where isMeant: (Event) -> Bool) -> Bool { slots.contains { $0.map(isMeant) ?? false } }

    /// Events that wait.
    var count: Int { heap.count }

    /// Adds an event.
    mutating func push(_ event: Event, at time: UInt64) {
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = free
            slots[slot] = event
        } else {
            slot = slots.count
            slots.append(event)
        }
        heap.append(Key(time: time, order: nextOrder, slot: slot))
        nextOrder += 1
        rise(heap.count - 1)
    }

    /// Takes the next event.
    mutating func pop() -> Entry? { heap.isEmpty ? nil : take(0) }

    /// Whether more than one event is due until a time, the next one included.
    func hasSeveral(until time: UInt64) -> Bool {
        guard heap.count > 1 else { return false }
        return heap[1].time <= time || heap.count > 2 && heap[2].time <= time
    }

    /// The events that are due until a time, by time and the order of their coming, of each lane only the first.
    ///
    /// - Parameter lane: events of one lane keep their order; nil for an event that keeps to none.
    /// - Returns: places for ``take(_:)``, good until the queue changes.
    func candidates(until time: UInt64, lane: (Event) -> Int?) -> [Int] {
        var lanes: [Int] = []
        return heap.indices.filter { heap[$0].time <= time }
            .sorted { heap[$0].isBefore(heap[$1]) }
            .filter { place in
                guard let event = slots[heap[place].slot], let lane = lane(event) else { return true }
                guard !lanes.contains(lane) else { return false }
                lanes.append(lane)
                return true
            }
    }

    /// Takes the event at a place that ``candidates(until:lane:)`` gave; nil for no place.
    mutating func take(_ place: Int) -> Entry? {
        guard heap.indices.contains(place), let last = heap.popLast() else { return nil }
        let key = place < heap.count ? heap[place] : last
        if place < heap.count {
            heap[place] = last
            sink(place)
            rise(place)
        }
        freeSlots.append(key.slot)
        guard let event = slots[key.slot].take() else { return nil }
        return Entry(time: key.time, event: event)
    }

    /// Forgets events.
    mutating func removeAll(where shouldRemove: (Event) -> Bool) {
        var kept: [Key] = []
        for key in heap {
            if slots[key.slot].map(shouldRemove) ?? true {
                slots[key.slot] = nil
                freeSlots.append(key.slot)
            } else {
                kept.append(key)
            }
        }
        // A sorted list is a heap.
        heap = kept.sorted { $0.isBefore($1) }
    }

    /// What waits, by time and the order of its coming.
    var entries: [Entry] {
        heap.sorted { $0.isBefore($1) }.compactMap { key in
            slots[key.slot].map { Entry(time: key.time, event: $0) }
        }
    }

    private mutating func rise(_ start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].isBefore(heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func sink(_ start: Int) {
        var parent = start
        while true {
            var least = parent
            for child in 2 * parent + 1..<2 * parent + 3 where child < heap.count && heap[child].isBefore(heap[least]) {
                least = child
            }
            guard least != parent else { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
