import VMBusEngine
import VMBusWire

/// A guest's saved state: what a run leaves is taken up as it was; the same bytes with some of them changed, or any bytes, are
/// refused or make a guest that goes on by all rules.
func fuzzGuestSavedState(_ bytes: [UInt8]) throws(Finding) {
    var feed = ByteFeed(bytes)
    let configuration = GuestRun.configuration(&feed)
    let changes = feed.next(below: 4)
    var state: [UInt8]
    if feed.next(below: 2) == 0 {
        state = feed.take(Int(feed.next(UInt16.self)))
    } else {
        var run = GuestRun(configuration)
        run.hasCanary = false
        try run.begin()
        var steps = ByteFeed(feed.take(Int(feed.next(UInt16.self))))
        for _ in 0..<mostSteps where !steps.isEmpty { try run.go(&steps) }
        state = run.guest.saved()
        try require(state.count < 1 << 24, "a saved guest of \(state.count) bytes")
        let isSame: Bool
        do throws(RestoreError) {
            let again = try GuestConnection.restore(state, configuration: configuration, repeatsRequests: false)
            isSame = again.connection.saved() == state
        } catch {
            throw Finding("a guest does not take up what it saved: \(error)")
        }
        try require(isSame, "a guest that was taken up is saved in another way")
    }
    change(&state, changes, &feed)
    guard let restored = try? GuestConnection.restore(state, configuration: configuration) else { return }
    var run = GuestRun(configuration)
    run.hasCanary = false
    run.guest = restored.connection
    run.listsMade = restored.connection.pageLists.count
    // What the state keeps back is part of it.
    run.keptBack = state.count / 8
    run.mayPost = restored.effects.count
    try run.checkState()
    try run.take(restored.effects, restored.connection)
    try canary(changes > 0 && !restored.connection.channels.isEmpty, "a changed state with a channel")
    for _ in 0..<mostSteps where !feed.isEmpty { try run.go(&feed) }
}

/// A host's saved state, in the same ways.
func fuzzHostSavedState(_ bytes: [UInt8]) throws(Finding) {
    var feed = ByteFeed(bytes)
    let configuration = HostRun.configuration(&feed)
    let changes = feed.next(below: 4)
    let offers = ByteFeed(feed.take(16))
    /// A host with the same devices each time.
    func fresh() -> HostRun {
        var (run, offers) = (HostRun(configuration), offers)
        run.hasCanary = false
        for _ in 0..<8 { run.addOffer(&offers) }
        return run
    }
    var state: [UInt8]
    if feed.next(below: 2) == 0 {
        state = feed.take(Int(feed.next(UInt16.self)))
    } else {
        var run = fresh()
        var steps = ByteFeed(feed.take(Int(feed.next(UInt16.self))))
        for _ in 0..<mostSteps where !steps.isEmpty { try run.go(&steps) }
        state = run.host.saved()
        try require(state.count < 1 << 24, "a saved host of \(state.count) bytes")
        // A connection that stands may be newer than what its side accepts by now.
        var newest = configuration
        newest.maximumVersion = .copper
        var again = HostRun(newest)
        var devices = offers
        for _ in 0..<8 { again.addOffer(&devices) }
        guard (try? again.host.restore(state)) != nil else { throw Finding("a host does not take up what it saved") }
    }
    change(&state, changes, &feed)
    var run = fresh()
    let before = run.host
    guard let effects = try? run.host.restore(state) else {
        return try require(run.host == before, "a refused state changed the host")
    }
    run.messages += state.count / 8
    try run.take(effects, before)
    try run.checkState()
    try canary(changes > 0 && run.host.state == .connected, "a changed state with a connection")
    for _ in 0..<mostSteps where !feed.isEmpty { try run.go(&feed) }
}

/// Changes as many bytes as there are changes.
private func change(_ state: inout [UInt8], _ changes: Int, _ feed: inout ByteFeed) {
    for _ in 0..<changes where !state.isEmpty {
        state[Int(feed.next(UInt16.self)) % state.count] = feed.next()
    }
}
