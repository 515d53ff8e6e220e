import BusModel
import VMBusWire

/// Everything that is carried along from record to record: what is, how fast it changes, and what the next record means.
struct InspectorFold: Sendable {
    private(set) var snapshot = BusSnapshot()
    private(set) var rates: RateBook
    private(set) var watch = WatchBook()
    private(set) var ledger = ControlLedger()
    private(set) var transactions = TransactionBook()
    private(set) var log = LogBook()
    private(set) var breaches = BreachBook()
    private var describer = RecordDescriber()

    init(rateInterval: UInt64) { rates = RateBook(interval: rateInterval) }

    /// Takes in one record and says what it is.
    mutating func apply(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>) -> FlowEntry {
        rates.advance(to: header.time, snapshot)
        let entry = describer.describe(header, payload, before: snapshot)
        describer.follow(header, before: snapshot)
        ledger.follow(header, payload, before: snapshot)
        transactions.follow(header, payload, before: snapshot)
        snapshot.apply(header, payload)
        watch.follow(header, payload, after: snapshot)
        log.follow(header, payload)
        breaches.follow(header, payload)
        rates.follow(header, snapshot)
        return entry
    }

    /// The source has looked, whether there was news or not.
    mutating func look(at time: UInt64) { watch.look(at: time) }
}
