import LinuxGuest
import Testing
import VMBusWire

@Suite struct `Kernel text forms` {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func `reads counters up to 64 bits and refuses signs`() throws {
        #expect(try AttributeText.counter(bytes("18446744073709551615\n")) == UInt64.max)
        #expect(try AttributeText.counter(bytes("0\n")) == 0)
        #expect(throws: FormatError.outOfRange(expected: "64 bits", found: "18446744073709551616")) {
            try AttributeText.counter(bytes("18446744073709551616\n"))
        }
        #expect(throws: FormatError.malformed(expected: "a number", found: "-1")) {
            try AttributeText.counter(bytes("-1\n"))
        }
        #expect(throws: FormatError.malformed(expected: "a number", found: "+1")) {
            try AttributeText.counter(bytes("+1\n"))
        }
    }

    @Test func `takes a negative 32-bit number modulo 2^32`() throws {
        #expect(try AttributeText.unsigned(bytes("-1\n")) == 0xFFFF_FFFF)
        #expect(try AttributeText.unsigned(bytes("-2147483648\n")) == 0x8000_0000)
        #expect(try AttributeText.unsigned(bytes("4294967295\n")) == 0xFFFF_FFFF)
        #expect(throws: FormatError.outOfRange(expected: "32 bits", found: "4294967296")) {
            try AttributeText.unsigned(bytes("4294967296\n"))
        }
        #expect(throws: FormatError.outOfRange(expected: "32 bits", found: "-2147483649")) {
            try AttributeText.unsigned(bytes("-2147483649"))
        }
        #expect(throws: FormatError.outOfRange(expected: "32 bits", found: "99999999999999999999")) {
            try AttributeText.unsigned(bytes("99999999999999999999"))
        }
        #expect(try AttributeText.signed(bytes("-1\n")) == -1)
    }

    @Test func `tells empty from malformed`() {
        for empty in ["", "\n", " \n"] {
            #expect(throws: FormatError.empty) { try AttributeText.unsigned(bytes(empty)) }
            #expect(throws: FormatError.empty) { try AttributeText.identifier(bytes(empty)) }
        }
        for wrong in ["-", "1 2", "0x10", "1\n2\n", "\u{0}1"] {
            #expect(throws: FormatError.self) { try AttributeText.unsigned(bytes(wrong)) }
        }
    }

    @Test func `quotes what it found shortened and harmless`() {
        let attack = "\u{1B}[31m" + String(repeating: "x", count: 1000)
        #expect(
            throws: FormatError.malformed(
                expected: "a number", found: "\u{FFFD}[31m" + String(repeating: "x", count: 35))
        ) {
            try AttributeText.unsigned(bytes(attack))
        }
    }

    @Test func `reads hexadecimal numbers only with their prefix`() throws {
        #expect(try AttributeText.hexadecimal(bytes("0x1414\n")) == 0x1414)
        #expect(try AttributeText.hexadecimal(bytes("0xffffffffffffffff\n")) == UInt64.max)
        for wrong in ["1414", "0x", "0xg", "0x10000000000000000", "0x-1"] {
            #expect(throws: FormatError.self) { try AttributeText.hexadecimal(bytes(wrong)) }
        }
    }

    @Test func `reads identifiers with and without braces in either case`() throws {
        let identifier = try #require(GUID("da0a7802-e377-4aac-8e77-0558eb1073f8"))
        #expect(try AttributeText.identifier(bytes("{da0a7802-e377-4aac-8e77-0558eb1073f8}\n")) == identifier)
        #expect(try AttributeText.identifier(bytes("DA0A7802-E377-4AAC-8E77-0558EB1073F8")) == identifier)
        #expect(throws: FormatError.self) { try AttributeText.identifier(bytes("{da0a7802}")) }
    }

    @Test func `reads a modalias as bytes in memory`() throws {
        let video = try #require(GUID("da0a7802-e377-4aac-8e77-0558eb1073f8"))
        #expect(try AttributeText.modalias(bytes("vmbus:02780ada77e3ac4a8e770558eb1073f8\n")) == video)
        for wrong in ["02780ada77e3ac4a8e770558eb1073f8", "vmbus:02", "vmbus:+2780ada77e3ac4a8e770558eb1073f8"] {
            #expect(throws: FormatError.self) { try AttributeText.modalias(bytes(wrong)) }
        }
    }

    @Test func `reads the channel mapping in the kernel's order`() throws {
        let mapping = try ChannelMapping(parsing: bytes("9:2\n11:4\n10:0\n"))
        #expect(mapping.entries == [.init(relid: 9, cpu: 2), .init(relid: 11, cpu: 4), .init(relid: 10, cpu: 0)])
        #expect(!mapping.isCut)
        #expect(try ChannelMapping(parsing: bytes("4:0")).entries == [.init(relid: 4, cpu: 0)])
        #expect(throws: FormatError.empty) { try ChannelMapping(parsing: []) }
        for wrong in ["4\n", "4:\n", "4:0:1\n", "a:b\n"] {
            #expect(throws: FormatError.self) { try ChannelMapping(parsing: bytes(wrong)) }
        }
    }

    @Test func `drops the last line of a mapping that was cut at a page`() throws {
        func cut(_ cpu: Int) -> [UInt8] {
            let lines = (1000..<2000).map { "\($0):\(cpu)\n" }.joined()
            return Array(lines.utf8.prefix(4095))
        }
        // 4095 bytes are 511 lines of 8 bytes and 7 of the next one, or exactly 455 lines of 9.
        let broken = try ChannelMapping(parsing: cut(12))
        #expect(broken.isCut)
        #expect(broken.entries.count == 511)
        #expect(broken.entries.last == .init(relid: 1510, cpu: 12))
        let whole = try ChannelMapping(parsing: cut(127))
        #expect(whole.isCut)
        #expect(whole.entries.count == 455)
    }
}
