import Testing

@Suite struct CheckCommandTests {
    @Test func `a shipped scenario keeps all rules, and each is listed with its checks`() throws {
        let result = try Program.run("check", "boot", "--steps", "300")
        #expect(result.status == 0)
        let lines = result.output.split(separator: "\n")
        #expect(lines.count { $0.contains("-") && $0.first.map { $0 == " " || $0.isNumber } == true } == 34)
        #expect(result.output.contains(" 1 contact-first"))
        #expect(lines.last == "no rule was broken in 300 steps of boot")
    }

    @Test func `the same as one JSON document`() throws {
        let result = try Program.run("check", "boot", "--steps", "300", "--json")
        #expect(result.status == 0)
        #expect(
            result.output.hasPrefix(
                #"{"schema":"vmbusscope.check/1","source":"sim","title":"boot","seed":1,"steps":300,"#))
        #expect(result.output.contains(#""breach_count":0,"#))
        #expect(result.output.split(separator: "\n").count == 1)
    }

    @Test func `the rules can be printed with their text and source`() throws {
        let result = try Program.run("print", "protocol-rules")
        #expect(result.status == 0)
        #expect(result.output.contains(" 3 offers-after-request\n   Offers come after REQUEST_OFFERS"))
        #expect(result.output.split(separator: "\n").count { $0.hasPrefix("   Source: reference §") } == 34)
    }

    @Test func `every kind of fault can be printed, behind an example`() throws {
        let result = try Program.run("print", "fault-kinds")
        #expect(result.status == 0)
        #expect(result.output.contains("[[case.faults]]\nkind = \"delay-message\""))
        for id in ["lost-signal | signal | guest-to-host\n", "huge-relid", "post-busy"] {
            #expect(result.output.contains("\n" + id))
        }
    }

    @Test func `what contradicts itself is refused`() throws {
        #expect(try Program.run("check", "--steps", "5", "--until", "1s").status == 64)
        #expect(try Program.run("check", "no-such-scenario").status == 64)
        #expect(try Program.run("host", "--listen", "/tmp/nobody", "--ktap").status == 64)
    }
}
