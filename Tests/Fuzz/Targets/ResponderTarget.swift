import VMBusDevices
import VMBusPartitions
import VMBusWire

/// Frames of two guests, one after another, each with its length in two bytes and the moment in one: a switch with a responder
/// answers, and every frame is shown to its last byte. The highest bit of a length asks for right checksums.
func fuzzResponder(_ bytes: [UInt8]) throws(Finding) {
    guard let configuration = SwitchResponder.Configuration("10.0.0.1/29") else {
        throw Finding("an address is none")
    }
    let ports = (0..<2).map { VirtualSwitch.Port.adapter(guest: $0, device: GUID(0, 0, 0, 0)) }
    var exchange = VirtualSwitch(responder: configuration)
    for port in ports { exchange.connect(port) }
    var feed = ByteFeed(bytes)
    var time: UInt64 = 0
    while !feed.isEmpty {
        let length: UInt16 = feed.next()
        time += UInt64(feed.next(UInt8.self)) * 3_600_000_000_000
        var frame = feed.take(Int(length & 0x7FF))
        if length & 0x8000 != 0 { mend(&frame) }
        try show(frame)
        let port = ports[Int(length >> 11 & 1)]
        let deliveries = exchange.forward(frame, from: port, time: time)
        try require(deliveries.count <= 4, "\(deliveries.count) deliveries of one frame")
        for delivery in deliveries where delivery.frame != frame || delivery.port == port {
            try require(delivery.frame.count >= 60, "an answer of \(delivery.frame.count) bytes")
            try show(delivery.frame)
            guard let answer = try? ReceivedFrame(delivery.frame) else { throw Finding("an answer is no frame") }
            if case .packet(let packet) = answer {
                try require(packet.payload.count <= 1500 + 2048, "an answer of \(packet.payload.count) bytes")
            }
        }
        try require(exchange.takeNotes().count <= 2, "too many notes on one frame")
    }
    let counters = exchange.responder?.counters
    try canary((counters?.leases ?? 0) > 0 && (counters?.echoes ?? 0) > 0, "a guest has an address and pings")
}

private func show(_ frame: [UInt8]) throws(Finding) {
    var next = 0
    for leaf in FieldTree(name: "FRAME", fields: EthernetFrame.fields(frame[...])).leaves {
        try require(leaf.offset == next && leaf.size >= 0, "\(leaf.name) is at \(leaf.offset), not \(next)")
        next += leaf.size
    }
    try require(next == frame.count, "fields show \(next) of \(frame.count) bytes")
    _ = EthernetFrame.summary(frame[...])
}

/// Gives an IPv4 packet the checksums that it should have, as random bytes never do.
private func mend(_ frame: inout [UInt8]) {
    guard frame.count >= 42, frame[12] == 8, frame[13] == 0, frame[14] == 0x45 else { return }
    put(InternetSum(frame[14..<24]), InternetSum(frame[26..<34]), &frame, 24)
    let length = min(frame.count, 14 + Int(frame[16]) << 8 + Int(frame[17]))
    guard length >= 42 else { return }
    if frame[23] == 1 { put(InternetSum(frame[34..<36]), InternetSum(frame[38..<length]), &frame, 36) }
    if frame[23] == 17 { (frame[40], frame[41]) = (0, 0) }
}

private func put(_ first: InternetSum, _ second: InternetSum, _ frame: inout [UInt8], _ offset: Int) {
    var sum = first
    sum.add([UInt8(second.folded >> 8), UInt8(second.folded & 0xFF)])
    let value = sum.value.rawValue
    (frame[offset], frame[offset + 1]) = (UInt8(value >> 8), UInt8(value & 0xFF))
}
