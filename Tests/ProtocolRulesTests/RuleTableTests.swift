import ProtocolRules
import Testing
import VMBusWire

@Suite struct RuleTableTests {
    @Test func `there are 34 rules, each with a name, a text and a source of its own`() {
        #expect(ProtocolRule.allCases.map(\.rawValue) == Array(1...34))
        #expect(Set(ProtocolRule.allCases.map(\.id)).count == 34)
        for rule in ProtocolRule.allCases {
            #expect(rule.id.allSatisfy { $0 == "-" || ($0.isASCII && $0.isLowercase) }, "\(rule.id)")
            #expect(rule.text.hasSuffix("."), "\(rule.id)")
            #expect(rule.source.hasPrefix("§"), "\(rule.id)")
            #expect(!rule.needs.isEmpty, "\(rule.id)")
            #expect(ProtocolRule(id: rule.id) == rule)
        }
    }

    @Test(arguments: [
        (ProtocolRule.contactFirst, 1, "contact-first"), (.closeBeforeTeardown, 11, "close-before-teardown"),
        (.synicSlot, 16, "synic-slot"), (.noLostWakeupData, 23, "no-lost-wakeup-data"),
        (.interruptTarget, 30, "irq-target"), (.netvscOrder, 34, "netvsc-order"),
    ])
    func `numbers and names stay what they are`(rule: ProtocolRule, number: Int, id: String) {
        #expect(rule.rawValue == number)
        #expect(rule.id == id)
    }

    @Test func `a rule that needs more than the source shows is said not to be checkable, with what is missing`() {
        let checker = RuleChecker(available: [.messages, .packets])
        #expect(checker.reasonNotCheckable(.contactFirst) == nil)
        #expect(checker.reasonNotCheckable(.indexRange) == "this source shows no rings")
        #expect(checker.reasonNotCheckable(.synicSlot) == "this source shows no message slots")
    }

    #if Mutations
        @Test func `every rule has a mutation that breaks it`() {
            let broken = Set(Mutation.allCases.map(\.rule))
            for rule in ProtocolRule.allCases { #expect(broken.contains(rule.id), "\(rule.id)") }
            for mutation in Mutation.allCases { #expect(ProtocolRule(id: mutation.rule) != nil, "\(mutation.rule)") }
        }
    #endif
}
