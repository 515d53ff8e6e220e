import VMBusWire

/// A slot's bytes as a channel message, under every version and as a field tree.
func fuzzChannelMessage(_ bytes: [UInt8]) throws(Finding) {
    var feed = ByteFeed(bytes)
    let chosen = feed.next(below: ProtocolVersion.all.count)
    let features = FeatureFlags(rawValue: UInt32(feed.next(UInt8.self)))
    let message = feed.take(ChannelMessage.maximumSize)
    for (index, version) in ProtocolVersion.all.enumerated() {
        let context = WireContext(version: version, features: features)
        try checkMessage(message, context)
        if index == chosen { try checkTree(message, context) }
    }
}

private func checkMessage(_ bytes: [UInt8], _ context: WireContext) throws(Finding) {
    let value: ChannelMessage
    do throws(WireError) {
        value = try ChannelMessage.decode(bytes, context: context)
    } catch {
        try require(!error.description.isEmpty, "an error without words")
        return
    }
    try require(value.type.facts != nil, "a message of type \(value.type.rawValue), which does not exist")
    let encoded = value.encoded(context: context)
    try require(
        encoded.count <= max(ChannelMessage.maximumSize, bytes.count),
        "\(value.type) became \(encoded.count) bytes long")
    guard let again = try? ChannelMessage.decode(encoded, context: context) else {
        throw Finding("\(value.type) is not readable after it was written under \(context.version)")
    }
    try require(
        again.encoded(context: context) == encoded, "\(value.type) is written in two ways under \(context.version)")
    if case .gpadlHeader(let header) = value {
        try require(header.words.count <= GPADLHeader.capacity / 8, "\(header.words.count) words in one GPADL_HEADER")
    }
    if case .modifyConnection(let modify) = value {
        try canary(modify.childToParentMonitorPage > 0xFF00, "MODIFY_CONNECTION with a page")
    }
}

private func checkTree(_ bytes: [UInt8], _ context: WireContext) throws(Finding) {
    let tree = ChannelMessage.tree(bytes[...], context: context)
    let isReadable = (try? ChannelMessage.decode(bytes, context: context)) != nil
    try require(isReadable == (tree.problem == nil), "the tree of \(tree.name) and the decoder do not agree")
    try checkCover(tree, count: bytes.count)
}

/// Checks that the leaves of a tree cover every byte of the record once.
func checkCover(_ tree: FieldTree, count: Int) throws(Finding) {
    var covered = [Bool](repeating: false, count: count)
    for leaf in tree.leaves {
        try require(
            leaf.offset >= 0 && leaf.size >= 0 && leaf.offset + leaf.size <= count,
            "\(tree.name).\(leaf.name) lies at \(leaf.offset), \(leaf.size) bytes, of \(count)")
        for at in leaf.offset..<leaf.offset + leaf.size {
            try require(!covered[at], "byte \(at) of \(tree.name) is shown twice")
            covered[at] = true
        }
    }
    try require(covered.allSatisfy { $0 }, "\(tree.name) does not show byte \(covered.firstIndex(of: false) ?? 0)")
}
