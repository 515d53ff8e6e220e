import BusModel
import Testing

@Suite struct `JSON writer` {
    @Test func `keeps the order of the caller and places commas`() {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("z", "last first")
            writer.member("a", 1)
            writer.memberArray("list") { writer in
                writer.value(true)
                writer.object { _ in }
                writer.array { _ in }
                writer.null()
            }
            writer.memberObject("inner") { writer in
                writer.member("flag", false)
                writer.memberNull("nothing")
            }
        }
        writer.endLine()
        #expect(
            writer.text
                == #"{"z":"last first","a":1,"list":[true,{},[],null],"inner":{"flag":false,"nothing":null}}"# + "\n")
    }

    @Test func `writes numbers of every size and null for what is not a number`() {
        var writer = JSONWriter()
        writer.array { writer in
            writer.value(UInt64.max)
            writer.value(Int64.min)
            writer.value(UInt8(7))
            writer.value(0.5)
            writer.value(Double.infinity)
            writer.value(Double.nan)
            writer.value(nil as UInt32?)
            writer.value(nil as String?)
            writer.value(nil as Bool?)
        }
        #expect(writer.text == "[18446744073709551615,-9223372036854775808,7,0.5,null,null,null,null,null]")
    }

    @Test func `escapes what could steer a terminal and leaves the rest alone`() {
        var writer = JSONWriter()
        writer.value("a\"b\\c\n\r\t\u{1B}[31m\u{0}\u{7F}\u{9B}\u{202E}é漢🙂")
        #expect(writer.text == #""a\"b\\c\n\r\t\u001b[31m\u0000\u007f\u009b\u202eé漢🙂""#)
    }

    @Test func `repairs text that was not valid UTF-8`() {
        var writer = JSONWriter()
        writer.value(String(decoding: [0x61, 0xFF, 0xC3, 0x28] as [UInt8], as: UTF8.self))
        #expect(writer.text == "\"a\u{FFFD}\u{FFFD}(\"")
    }

    @Test func `hands over what is written and starts the next record afresh`() {
        var writer = JSONWriter()
        writer.object { $0.member("n", 1) }
        writer.endLine()
        #expect(writer.take() == Array("{\"n\":1}\n".utf8))
        writer.object { $0.member("n", 2) }
        writer.endLine()
        #expect(writer.take() == Array("{\"n\":2}\n".utf8))
        #expect(writer.bytes.isEmpty)
    }
}
