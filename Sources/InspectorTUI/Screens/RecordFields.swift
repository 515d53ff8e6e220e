import Inspector
import VMBusWire

/// The fields of one record as the lines of a tree.
struct RecordFields {
    /// One line.
    struct Line: Hashable {
        var node: FieldNode
        var depth: Int
        /// The places in the tree that lead to it.
        var path: [Int]
        /// Whether what is inside is shown; nil if there is nothing inside.
        var isExpanded: Bool?

        /// The bytes that the field takes up.
        var range: Range<Int> {
            let start = max(0, node.offset)
            return start..<start + max(0, min(node.size, 1 << 30))
        }
    }

    let lines: [Line]

    /// More fields than anybody reads; a record that has more is cut here.
    static let limit = 20_000

    init(_ tree: FieldTree, collapsed: Set<[Int]>) {
        var lines: [Line] = []
        func add(_ nodes: [FieldNode], _ path: [Int]) {
            for (index, node) in nodes.enumerated() where lines.count < Self.limit {
                let own = path + [index]
                let isExpanded: Bool? = node.children.isEmpty ? nil : !collapsed.contains(own)
                lines.append(Line(node: node, depth: path.count, path: own, isExpanded: isExpanded))
                if isExpanded == true { add(node.children, own) }
            }
        }
        add(tree.fields, [])
        self.lines = lines
    }

    /// The innermost line that is shown and holds a byte.
    func line(holding byte: Int) -> Int? {
        var found: Int?
        for (index, line) in lines.enumerated() where line.range.contains(byte) {
            if let other = found, lines[other].depth >= line.depth { continue }
            found = index
        }
        return found
    }

    /// The line that a line lies inside.
    func parent(of index: Int) -> Int? {
        guard lines.indices.contains(index) else { return nil }
        return lines[..<index].lastIndex { $0.depth < lines[index].depth }
    }
}

/// The details of a partition, device or channel as lines.
struct DetailLines {
    enum Line: Hashable {
        case heading(String)
        case pair(DetailPair)
        case blank
    }

    let title: String
    let lines: [Line]

    init(_ model: DetailsModel) {
        title = model.title
        var lines: [Line] = []
        for section in model.sections where !section.pairs.isEmpty {
            if !lines.isEmpty { lines.append(.blank) }
            lines.append(.heading(section.title))
            lines += section.pairs.map { .pair($0) }
        }
        self.lines = lines
    }

    /// The widest label, within reason.
    var labelWidth: Int {
        let widths = lines.map { line in
            if case .pair(let pair) = line { DisplayText.columns(of: pair.label) } else { 0 }
        }
        return min(24, widths.max() ?? 0)
    }
}
