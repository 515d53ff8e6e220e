import BusModel

/// How many steps of each unit there were up to a place of the log.
struct UnitCounts: Sendable, Hashable {
    private var counts = SIMD8<UInt64>()

    subscript(_ unit: StepUnit) -> UInt64 { counts[Self.place(unit)] }

    /// A step that left records has ended.
    mutating func addEvent() { counts[0] &+= 1 }

    /// A record was given out.
    mutating func add(_ header: FlowRecordHeader, answersInBand: Bool) {
        switch header.kind {
        case .message: counts[Self.place(.message)] &+= 1
        case .signal: counts[Self.place(.signal)] &+= 1
        case .interrupt: counts[Self.place(.interrupt)] &+= 1
        case .state: counts[Self.place(.state)] &+= 1
        case .packet:
            counts[Self.place(.packet)] &+= 1
            if StepUnit.transaction.isReached(by: header, answersInBand: answersInBand) {
                counts[Self.place(.transaction)] &+= 1
            }
        default: break
        }
    }

    private static func place(_ unit: StepUnit) -> Int {
        switch unit {
        case .event: 0
        case .message: 1
        case .packet: 2
        case .signal: 3
        case .interrupt: 4
        case .transaction: 5
        case .state: 6
        }
    }
}
