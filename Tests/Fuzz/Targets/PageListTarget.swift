import VMBusEngine
import VMBusWire

/// A page list on its way: a header and bodies, split in any way.
func fuzzPageList(_ bytes: [UInt8]) throws(Finding) {
    var feed = ByteFeed(bytes)
    let length: UInt16 = feed.next()
    let count: UInt16 = feed.next()
    let header = GPADLHeader(
        relid: 1, gpadl: UInt32(feed.next(UInt8.self)), rangeBufferLength: length, rangeCount: count,
        words: words(&feed))
    var assembly: PageListAssembly
    do throws(ProtocolViolation) {
        assembly = try PageListAssembly(header)
    } catch {
        return
    }
    var parts = 0
    while !feed.isEmpty, !assembly.isComplete {
        assembly.append(GPADLBody(gpadl: header.gpadl, words: words(&feed)))
        parts += 1
    }
    let list: PageList
    do throws(ProtocolViolation) {
        list = try assembly.pageList()
    } catch {
        try require(!error.description.isEmpty, "a violation without words")
        return
    }
    guard assembly.isComplete else { return }
    try require(list.ranges.count == Int(count), "\(list.ranges.count) ranges of \(count)")
    try require(list.pages.count + list.ranges.count <= Int(length) / 8, "\(list.pages.count) pages in \(length) bytes")
    for range in list.ranges {
        try require(
            range.pages.count == range.pageCount, "a range of \(range.pages.count) pages needs \(range.pageCount)")
    }
    try checkAgain(list)
    try canary(
        list.ranges.count == 2 && list.ranges[1].byteOffset != 0 && parts > 0,
        "the second of two ranges does not start with its page")
}

/// What a guest would send for the list comes out as the list again.
private func checkAgain(_ list: PageList) throws(Finding) {
    guard let messages = list.messages(relid: 1, handle: 1), case .gpadlHeader(let header)? = messages.first,
        var assembly = try? PageListAssembly(header)
    else { throw Finding("a list of \(list.pages.count) pages cannot be sent") }
    for message in messages.dropFirst() {
        guard case .gpadlBody(let body) = message else { throw Finding("\(message.type) in a page list") }
        try require(!assembly.isComplete, "a body behind the end of the list")
        assembly.append(body)
    }
    try require(assembly.isComplete && (try? assembly.pageList()) == list, "a list is another one after it was sent")
    for message in messages {
        try require(message.encoded().count <= ChannelMessage.maximumSize, "\(message.type) is too long")
    }
}

private func words(_ feed: inout ByteFeed) -> [UInt64] {
    (0..<feed.next(below: 30)).map { _ in feed.next() }
}
