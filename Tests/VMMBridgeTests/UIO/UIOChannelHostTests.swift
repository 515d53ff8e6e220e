import Platform
import Testing
import VMBusRing

@testable import VMMBridge

@Suite struct UIOChannelHostTests {
    /// A host whose maps are in memory, opened.
    static func opened(
        _ change: (inout UIOHostConfiguration) -> Void = { _ in }
    ) throws -> (host: UIOChannelHost, memory: UIOMemory) {
        var configuration = UIOHostConfiguration()
        configuration.ringBytes = 8192
        configuration.receiveBytes = 16384
        configuration.sendBytes = 16384
        change(&configuration)
        var memory = UIOMemory()
        for (map, (_, byteCount)) in configuration.maps.enumerated() {
            let file = try OwnedDescriptor.memoryFile("map", byteCount: UInt64(byteCount))
            let mapping = try SharedMapping(file, offset: 0, byteCount: byteCount)
            memory.windows.add(
                at: UIOMemory.address(map: map), base: mapping.base, byteCount: byteCount, owner: mapping)
        }
        var host = UIOChannelHost(configuration)
        host.prepare(subchannel: 0, memory: &memory)
        _ = host.opened(time: 0, memory: &memory)
        return (host, memory)
    }

    /// Where a word of the ring to the client is.
    static func down(_ offset: UInt64) -> UInt64 { UIOMemory.address(map: 0) + 8192 + offset }

    @Test func `a fresh ring has no masks and both feature bits`() throws {
        let (_, memory) = try Self.opened()
        #expect(try memory.load32(UIOMemory.address(map: 0) + 0x40) == 1)
        #expect(try memory.load32(Self.down(0x40)) == 1)
        #expect(try memory.load32(Self.down(8)) == 0)
    }

    @Test func `a word of 0 keeps interrupts back, 1 lets them through and rings`() throws {
        var (host, memory) = try Self.opened { $0.waitsForDoorbells = true }
        var effects = host.control(word: 0, memory: &memory)
        #expect(effects.isEmpty)
        #expect(try memory.load32(Self.down(8)) == 1)
        #expect(host.counts.doorbells == 0)
        effects = host.control(word: 1, memory: &memory)
        #expect(effects.isEmpty)
        #expect(try memory.load32(Self.down(8)) == 0)
        #expect(host.counts.doorbells == 1)
        effects = host.control(word: -7, memory: &memory)
        #expect(effects.count == 1)
        #expect(host.counts.violations == 1)
    }

    @Test func `a monitored channel is not rung by a word`() throws {
        var (host, memory) = try Self.opened { $0.monitorID = 40 }
        _ = host.control(word: 1, memory: &memory)
        #expect(host.counts.doorbells == 0)
    }

    @Test(arguments: [(1, 0x800, 14, 14), (2, 8 + 8, 5, 37)])
    func `a doorbell is taken once, and one for nobody is a violation`(
        map: Int, offset: UInt64, bit: UInt32, number: Int
    ) throws {
        var (host, memory) = try Self.opened { $0.monitorID = 37 }
        let address = UIOMemory.address(map: map) + offset
        _ = try memory.setBits(1 << bit, at: address)
        var look = host.look(time: 0, memory: &memory)
        #expect(look.effects.isEmpty)
        #expect(host.counts.doorbells == 1)
        #expect(try memory.load32(address) == 0)
        _ = try memory.setBits(1 << (bit + 1), at: address)
        look = host.look(time: 0, memory: &memory)
        #expect(look.effects.count == 1)
        #expect(host.counts.doorbells == 1)
        look = host.look(time: 0, memory: &memory)
        #expect(!look.hasMore)
        #expect(look.effects.isEmpty)
    }

    @Test func `a damaged ring is told once and left alone until the node is opened anew`() throws {
        var (host, memory) = try Self.opened()
        try memory.store32(0x7FFF_FFF9, at: UIOMemory.address(map: 0))
        var look = host.look(time: 0, memory: &memory)
        #expect(look.effects.count == 1)
        for _ in 0..<10 {
            look = host.look(time: 0, memory: &memory)
            #expect(look.effects.isEmpty)
            #expect(!look.isBusy)
        }
        host.closed(memory: &memory)
        #expect(try memory.load32(UIOMemory.address(map: 0)) == 0)
        _ = host.opened(time: 0, memory: &memory)
        look = host.look(time: 0, memory: &memory)
        #expect(look.effects.isEmpty)
        #expect(host.counts.clients == 2)
    }
}
