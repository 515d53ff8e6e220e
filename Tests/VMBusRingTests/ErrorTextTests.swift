import Testing

@testable import VMBusRing

@Suite struct RingErrorTextTests {
    @Test func `what is wrong is told with its place and its value`() {
        let damage = RingDamage(
            field: .rangeByteOffset, value: 5000, rule: .insidePage, limit: 4096, offset: 64, range: 2)
        #expect(
            damage.description
                == "byte offset of range 2 of the packet at offset 64 is 5000: it must lie inside a page (4096)")
        #expect(
            SendRefusal.outsidePart(start: 16, count: 9, limit: 24).description
                == "9 bytes from byte 16 on do not lie in the 24 bytes reserved")
        #expect(RingShapeError.misalignedMapping(4097).description.contains("4097"))
    }
}
