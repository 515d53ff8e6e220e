import VMBusDevices
import VMBusWire

/// A conversation on a channel: packets of both ends with what they point to, on one line and as field trees.
func fuzzDissector(_ bytes: [UInt8]) throws(Finding) {
    var feed = ByteFeed(bytes)
    let kind = feed.choose(DeviceKind.allCases) ?? .unknown
    var dissector = ChannelDissector(kind: kind)
    while !feed.isEmpty {
        let control = feed.next(UInt8.self)
        let direction: Direction = control & 1 == 0 ? .guestToHost : .hostToGuest
        let packet = feed.take(Int(control >> 1) * 8)
        let attachment = feed.piece()
        let record = packet + attachment
        let line = dissector.summarise(record[...], attachmentLength: attachment.count, direction: direction)
        try require(!line.name.isEmpty && line.name.utf8.count < 200, "a name of \(line.name.utf8.count) bytes")
        let tree = ChannelDissector.tree(
            record[...], attachmentLength: attachment.count, direction: direction, kind: kind, hint: line.hint)
        try checkCover(tree, count: record.count)
        try canary(
            line.name == "RNDIS.SET" && attachment.count > 8 && tree.problem != nil, "an RNDIS_SET that breaks a rule")
    }
}
