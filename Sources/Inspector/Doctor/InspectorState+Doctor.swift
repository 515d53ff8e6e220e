import BusModel

extension InspectorState {
    /// The requests of the control plane at the moment that is shown.
    public var ledger: ControlLedger { shown.ledger }

    /// The packets that wait for completions at that moment.
    public var transactions: TransactionBook { shown.transactions }

    /// Who waits for whom at that moment.
    public var waitGraph: WaitGraph { WaitGraph(shown.ledger, at: doctorTime) }

    /// The moment up to which the rules judge: the newest record, or the last look behind it.
    public var doctorTime: UInt64 { max(shown.snapshot.position.time, shown.watch.lastLook) }

    /// What the rules find at the moment that is shown. It costs up to a few milliseconds, so a screen asks for it a few times a
    /// second and reads `diagnosis` in between.
    public func diagnosed() -> Diagnosis { Diagnosis(doctorContext) }

    /// What was found when `diagnose()` was called last; nil before that.
    public var diagnosis: Diagnosis? { lastDiagnosis }

    /// Lets the rules look, and keeps what they find for `diagnosis`.
    public mutating func diagnose() { lastDiagnosis = diagnosed() }

    var doctorContext: DoctorContext {
        let fold = shown
        return DoctorContext(
            snapshot: fold.snapshot, watch: fold.watch, ledger: fold.ledger, transactions: fold.transactions,
            log: fold.log, breaches: fold.breaches, kind: capabilities.kind, now: doctorTime,
            missingRecords: history.missingCount)
    }
}
