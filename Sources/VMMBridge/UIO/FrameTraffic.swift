/// What a host does with the frames of its only guest: sends each back, or sends numbered frames of its own, and looks whether
/// what comes is whole.
struct FrameTraffic: Sendable {
    /// Each frame goes back with its two addresses exchanged.
    let echoes: Bool
    /// Numbered frames that follow the guest's first frame.
    let injected: Int
    /// The most numbered frames that run ahead of the guest's own; nil for no limit.
    let lead: Int?

    /// The most frames that wait for a place in the guest's receive buffer. A guest that sends gets its completions behind
    /// what goes back, so that only one that keeps all places to itself comes this far.
    private static let most = 65_536

    /// Frames that came.
    private(set) var received = 0
    private(set) var receivedBytes = 0
    /// Numbered frames that came whole, and that did not.
    private(set) var whole = 0
    private(set) var broken = 0
    /// Frames that went back.
    private(set) var echoed = 0
    /// Numbered frames that were sent.
    private(set) var sequence: UInt32 = 0
    /// Frames that found too many waiting.
    private(set) var lost = 0
    /// Since the guest came.
    private var seen = 0
    private var target: [UInt8]?
    private var sent: UInt32 = 0
    private var waiting: [[UInt8]] = []
    private var first = 0

    init(echoes: Bool, injected: Int, lead: Int?) {
        self.echoes = echoes
        self.injected = injected
        self.lead = lead
    }

    /// The guest is gone; another one gets everything from the start.
    mutating func restart() {
        (seen, target, sent) = (0, nil, 0)
        waiting = []
        first = 0
    }

    /// A frame of the guest.
    mutating func take(_ frame: [UInt8]) {
        guard frame.count >= 14 else { return }
        received += 1
        receivedBytes += frame.count
        seen += 1
        switch NumberedFrame.check(frame) {
        case .other: break
        case .whole: whole += 1
        case .broken: broken += 1
        }
        if target == nil { target = Array(frame[6..<12]) }
        guard echoes else { return }
        guard waiting.count - first < Self.most else {
            lost += 1
            return
        }
        var answer = frame
        for index in 0..<6 { answer.swapAt(index, index + 6) }
        waiting.append(answer)
    }

    /// Whether there is a frame to send.
    var hasNext: Bool { first < waiting.count || canInject }

    private var canInject: Bool {
        target != nil && Int(sent) < injected && (lead.map { Int(sent) < seen + $0 } ?? true)
    }

    /// The next frame to send.
    mutating func next() -> [UInt8]? {
        if first < waiting.count {
            let frame = waiting[first]
            first += 1
            if first == waiting.count || first >= 1024 {
                waiting.removeFirst(first)
                first = 0
            }
            echoed += 1
            return frame
        }
        guard canInject, let target else { return nil }
        let frame = NumberedFrame.frame(sent, to: target)
        sent += 1
        sequence &+= 1
        return frame
    }
}
