/// Works out layouts from declarations: it walks a declaration along one way after another, and looks which values lead where.
///
/// What it cannot find out so (a place that two values decide together, say) is read as bytes to the end; a comparison of every
/// byte with the field trees shows whether there is such a thing.
public struct LayoutExplorer {
    /// What was found, by structure.
    public private(set) var layouts: [String: WireLayout] = [:]
    /// Names of values, by type.
    public var names: [String: LayoutNames] { book.names }
    private let book = LayoutNamesBook()
    /// What messages may be answers to, by structure: values that lead different ways are among these.
    private var subjects: [UInt64] = [0]
    /// Some of them, for values that only show with them.
    private var samples: [UInt64] {
        subjects.count < 3 ? [] : [subjects[subjects.count / 4], subjects[subjects.count / 2]]
    }

    /// Nothing was looked at yet.
    public init() {}

    /// Adds a layout that is no declaration of ours.
    public mutating func add(_ layout: WireLayout, as name: String) { layouts[name] = layout }

    /// Learns the names of a type's values, and gives them.
    public func learn<Value: WireScalar>(_ type: Value.Type) -> LayoutNames {
        let name = book.name(of: type)
        return book.names[name] ?? LayoutNames(isBits: false, names: [])
    }

    private struct Trace {
        var steps: [LayoutStep]
        var numbers: [[Int?]]
        var inputs: [LayoutProbe.Input]

        /// What comes behind a step, whatever the numbers are.
        func tail(_ position: Int) -> ArraySlice<LayoutStep> { steps.dropFirst(position) }
    }

    /// Works out the layout of a structure and of those that it repeats.
    ///
    /// - Parameter answering: numbers of what it may be an answer to.
    @discardableResult
    public mutating func explore<Value: WireStructure>(
        _ type: Value.Type, answering: [UInt64] = []
    ) -> WireLayout {
        let name = String(reflecting: type)
        if let known = layouts[name] { return known }
        let outer = subjects
        if !answering.isEmpty { subjects = Array(Set(answering + [0, UInt64(UInt32.max)])).sorted() }
        // Found again inside itself it is the same.
        layouts[name] = WireLayout(steps: [], decision: nil)
        let layout = explore(type, [:], from: 0, after: 0)
        layouts[name] = layout
        subjects = outer
        return layout
    }

    private mutating func walk<Value: WireStructure>(
        _ type: Value.Type, _ script: [Int: UInt64], context: UInt64 = 1 << 32
    ) -> Trace {
        var probe = LayoutProbe(script: script, usualContext: context, book: book)
        var value = Value()
        // A probe refuses nothing; what a declaration itself refuses, such as an unknown type, ends the way.
        try? value.visit(&probe)
        for (name, explore) in probe.elements.sorted(by: { $0.key < $1.key }) where layouts[name] == nil {
            _ = explore(&self)
        }
        return Trace(steps: probe.steps, numbers: probe.numbers, inputs: probe.notes.inputs)
    }

    private mutating func explore<Value: WireStructure>(
        _ type: Value.Type, _ script: [Int: UInt64], from first: Int, after done: Int
    ) -> WireLayout {
        let trace = walk(type, script)
        for input in first..<max(first, trace.inputs.count) {
            let met = trace.inputs[input]
            guard let found = decide(type, script, trace, input) else { continue }
            guard found.ways.count <= 8 || met.kind != .left && !grows(type, script, trace, input) else {
                return loop(type, script, trace, input, after: done)
            }
            var ways: [LayoutWay] = []
            for way in found.ways {
                var next = script
                next[input] = way.usual
                ways.append(
                    LayoutWay(
                        from: way.from, layout: explore(type, next, from: input + 1, after: met.position)))
            }
            return WireLayout(
                steps: finished(type, script, trace, done..<met.position),
                decision: LayoutDecision(subject: found.subject, ways: Self.joined(ways)))
        }
        return WireLayout(steps: finished(type, script, trace, done..<trace.steps.count), decision: nil)
    }

    /// Ways that turn out to be the same are one.
    private static func joined(_ ways: [LayoutWay]) -> [LayoutWay] {
        var result: [LayoutWay] = []
        for way in ways where result.last?.layout != way.layout { result.append(way) }
        return result
    }

    // MARK: Decisions

    private struct Found {
        var subject: LayoutDecision.Subject
        /// From which value on, and a usual value of that way.
        var ways: [(from: UInt64, usual: UInt64)]
    }

    /// Whether another value of an input leads another way; nil if none does.
    private mutating func decide<Value: WireStructure>(
        _ type: Value.Type, _ script: [Int: UInt64], _ trace: Trace, _ input: Int
    ) -> Found? {
        let met = trace.inputs[input]
        var cache: [UInt64: [ArraySlice<LayoutStep>]] = [:]
        // What a value leads to may show only in some answers.
        let contexts = [UInt64(1) << 32] + (met.kind == .value ? samples.map { 2 << 32 | $0 } : [])
        func tail(_ value: UInt64, _ explorer: inout LayoutExplorer) -> [ArraySlice<LayoutStep>] {
            if let known = cache[value] { return known }
            var next = script
            next[input] = value
            let first = explorer.walk(type, next, context: contexts[0])
            // A way on which nobody asks for the context is the same in all of them.
            let others = first.inputs.contains { $0.kind == .context } ? contexts.dropFirst() : []
            let tails =
                [first.tail(met.position)]
                + others.map { explorer.walk(type, next, context: $0).tail(met.position) }
            cache[value] = tails
            return tails
        }
        // Where the way changes between two values.
        func edges(_ low: UInt64, _ high: UInt64, _ explorer: inout LayoutExplorer) -> [UInt64] {
            guard tail(low, &explorer) != tail(high, &explorer) else { return [] }
            guard high - low > 1, met.kind != .context else { return [high] }
            let middle = low + (high - low) / 2
            return edges(low, middle, &explorer) + edges(middle, high, &explorer)
        }
        if met.kind == .value, names[met.type]?.isBits == true {
            var mask: UInt64 = 0
            for bit in 0..<UInt64(8 * met.size) where tail(1 << bit, &self) != tail(0, &self) { mask |= 1 << bit }
            guard mask != 0, mask.nonzeroBitCount <= 6 else { return nil }
            var values: [UInt64] = []
            var value: UInt64 = 0
            repeat {
                values.append(value)
                value = (value &- mask) & mask
            } while value != 0
            return Found(subject: .bits(input, mask: mask), ways: values.map { ($0, $0) })
        }
        let candidates = candidates(met)
        var ways: [(from: UInt64, usual: UInt64)] = candidates.first.map { [($0, $0)] } ?? []
        for (low, high) in zip(candidates, candidates.dropFirst()) {
            for edge in edges(low, high, &self) { ways.append((edge, edge)) }
        }
        // The usual value is better than one at an edge.
        if let usual = ways.lastIndex(where: { $0.from <= met.value }) { ways[usual].usual = met.value }
        guard ways.count > 1 else { return nil }
        let subject: LayoutDecision.Subject =
            switch met.kind {
            case .value: .value(input)
            case .left: .left
            case .context: .context
            }
        return Found(subject: subject, ways: ways)
    }

    private func candidates(_ input: LayoutProbe.Input) -> [UInt64] {
        var values: Set<UInt64> = [0, input.value]
        switch input.kind {
        case .left: values.formUnion([1, 2, 4, 8, 12, 16, 20, 24, 32, 48, 64, 128])
        case .context:
            for sender in [UInt64(1), 2] { for subject in subjects { values.insert(sender << 32 | subject) } }
        case .value:
            let highest = input.size >= 8 ? UInt64.max : (1 << UInt64(8 * input.size)) - 1
            // Edges between these are looked for, so that few are enough for what begins at a number.
            values.formUnion([1, 2, 3, 4, 5, 6, 8, 16, 32, 64, 256, 1024, 0x1_0000, highest].filter { $0 <= highest })
            // Versions have their major part above 16 or 8 bits.
            for major in UInt64(1)...8 where !input.type.isEmpty {
                values.formUnion([major << 16, major << 8].filter { $0 <= highest })
            }
            for name in names[input.type]?.names ?? [] {
                values.formUnion([name.value, name.value &+ 1, name.value &- 1].filter { $0 <= highest })
            }
        }
        if input.kind == .context { values.remove(0) }
        return values.sorted()
    }

    // MARK: What goes on to the end

    /// Whether a value makes the way longer and longer, as a count in a loop does.
    private mutating func grows<Value: WireStructure>(
        _ type: Value.Type, _ script: [Int: UInt64], _ trace: Trace, _ input: Int
    ) -> Bool {
        var lengths: Set<Int> = []
        for value in stride(from: UInt64(16), through: 512, by: 16) {
            var next = script
            next[input] = value
            lengths.insert(walk(type, next).steps.count)
        }
        return lengths.count > 8
    }

    /// The steps, whose last one goes on to the end.
    private mutating func loop<Value: WireStructure>(
        _ type: Value.Type, _ script: [Int: UInt64], _ trace: Trace, _ input: Int, after done: Int
    ) -> WireLayout {
        var next = script
        // So that what is counted on the way reaches to the end.
        for other in trace.inputs.indices where other > input && trace.inputs[other].size == 4 {
            next[other] = 0x40_0000
        }
        let long = walk(type, next)
        var steps = long.steps.indices.dropFirst(done).map { place in
            var step = long.steps[place]
            step.numbers = long.numbers[place].map { $0.map { .sum($0, []) } ?? .rest }
            return step
        }
        guard var last = steps.last, last.kind == .field else {
            return WireLayout(steps: finished(type, script, trace, done..<trace.steps.count), decision: nil)
        }
        while let step = steps.last, step.kind == .field, step.name == last.name { steps.removeLast() }
        last.kind = .fieldsToEnd
        return WireLayout(steps: steps + [last], decision: nil)
    }

    // MARK: Numbers

    /// The steps of a range with what their numbers are made from.
    private mutating func finished<Value: WireStructure>(
        _ type: Value.Type, _ script: [Int: UInt64], _ trace: Trace, _ range: Range<Int>
    ) -> [LayoutStep] {
        var steps = Array(trace.steps[range])
        guard range.contains(where: { !trace.numbers[$0].isEmpty }) else { return steps }
        let other = others(type, script, trace)
        for (place, position) in range.enumerated() {
            steps[place].numbers = trace.numbers[position].indices.map { index in
                guard let number = trace.numbers[position][index] else { return .rest }
                return Self.number(number, position, index, trace, other)
            }
        }
        return steps
    }

    private struct Other {
        var input: Int
        var change: Int
        var trace: Trace
    }

    /// The same way with one value changed at a time.
    private mutating func others<Value: WireStructure>(
        _ type: Value.Type, _ script: [Int: UInt64], _ trace: Trace
    ) -> [Other] {
        var result: [Other] = []
        for (index, input) in trace.inputs.enumerated()
        where input.kind != .context && names[input.type]?.isBits != true {
            for change in input.size == 1 ? [3, 6, -3, -6] : [8, 16, -8, -16, 4096 * 3, 4096 * 6] {
                var next = script
                next[index] = UInt64(bitPattern: Int64(bitPattern: input.value) &+ Int64(change))
                let found = walk(type, next)
                guard found.steps == trace.steps else { continue }
                result.append(Other(input: index, change: change, trace: found))
            }
        }
        return result
    }

    private static func number(
        _ number: Int, _ position: Int, _ index: Int, _ trace: Trace, _ others: [Other]
    ) -> LayoutNumber {
        var (terms, paged, constant): ([LayoutTerm], [Int], Int) = ([], [], number)
        for (input, met) in trace.inputs.enumerated() {
            let mine = others.filter { $0.input == input }
            func difference(_ change: Int) -> Int? {
                mine.first { $0.change == change }?.trace.numbers[position][index].map { $0 - number }
            }
            guard mine.contains(where: { $0.trace.numbers[position][index] != number }) else { continue }
            // A place that cannot be told is the usual one.
            let usual: LayoutNumber = trace.steps[position].kind == .region && index == 0 ? .sum(number, []) : .rest
            if met.kind == .left { return usual }
            let unit = met.size == 1 ? 3 : 8
            var factor: Int?
            for step in [unit, -unit] {
                guard factor == nil, let one = difference(step), one != 0, let two = difference(2 * step),
                    two == 2 * one, one % step == 0
                else { continue }
                factor = one / step
            }
            if let factor {
                terms.append(LayoutTerm(input: input, factor: factor))
                constant -= factor * Int(truncatingIfNeeded: met.value)
            } else if difference(4096 * 3) == 3, difference(4096 * 6) == 6 {
                paged.append(input)
            } else {
                return usual
            }
        }
        if paged.count == 2, terms.isEmpty { return .pages(paged[0], paged[1]) }
        return paged.isEmpty ? .sum(constant, terms) : .rest
    }
}
