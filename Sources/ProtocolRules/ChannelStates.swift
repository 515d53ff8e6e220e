/// Something that is kept for every channel of every guest, found by the channel's number.
///
/// A number that is given to another channel keeps its place: who keeps something begins anew when a channel is opened.
struct ChannelStates<State: Sendable>: Sendable {
    /// In the order in which the channels were met.
    private(set) var states: [State] = []
    /// By partition, then by number: the place in `states`, -1 for none.
    private var places: [[Int32]] = []
    /// Channels have event flags below this number; others are not followed.
    private static var numberLimit: UInt32 { 2048 }

    /// The place of a channel; nil for one that was not met.
    func place(_ partition: UInt16, _ relid: UInt32) -> Int? {
        guard Int(partition) < places.count, Int(relid) < places[Int(partition)].count else { return nil }
        let place = places[Int(partition)][Int(relid)]
        return place < 0 ? nil : Int(place)
    }

    /// The place of a channel, which is met now if it was not before; nil for a number that no channel can have.
    mutating func meet(_ partition: UInt16, _ relid: UInt32, _ new: @autoclosure () -> State) -> Int? {
        if let place = place(partition, relid) { return place }
        guard relid > 0, relid < Self.numberLimit else { return nil }
        while places.count <= Int(partition) { places.append([]) }
        let missing = Int(relid) + 1 - places[Int(partition)].count
        if missing > 0 { places[Int(partition)] += repeatElement(-1, count: missing) }
        places[Int(partition)][Int(relid)] = Int32(truncatingIfNeeded: states.count)
        states.append(new())
        return states.count - 1
    }

    /// The state in a place that `place` or `meet` gave.
    subscript(place: Int) -> State {
        _read { yield states[place] }
        _modify { yield &states[place] }
    }

    /// Changes what is kept for the channels of a guest.
    mutating func forEach(of partition: UInt16, _ body: (inout State) -> Void) {
        guard Int(partition) < places.count else { return }
        for place in places[Int(partition)] where place >= 0 { body(&states[Int(place)]) }
    }

    /// Forgets everything.
    mutating func removeAll() {
        states = []
        places = []
    }
}
