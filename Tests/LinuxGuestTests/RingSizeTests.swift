import BusModel
import Testing

@testable import LinuxGuest

@Suite struct `Ring sizes` {
    private let used = SampleGuest.device + "/in_read_bytes_avail"
    private let free = SampleGuest.device + "/in_write_bytes_avail"

    /// Whether a fresh size settles at which of the sums, and what it then is.
    private func settle(_ pairs: [(used: UInt32, free: UInt32)]) -> (position: Int?, size: UInt64?) {
        var size = RingSize()
        for (position, pair) in pairs.enumerated() where size.observe(used: pair.used, free: pair.free) {
            return (position, size.accepted)
        }
        return (nil, size.accepted)
    }

    @Test func `believes whole pages only when seen twice`() {
        let once = settle([(0, 8192)])
        #expect(once.position == nil && once.size == nil)
        let twice = settle([(0, 8192), (8, 8192), (16, 8176)])
        #expect(twice.position == 2 && twice.size == 8192)
        let different = settle([(0, 8192), (0, 4096), (0, 8192)])
        #expect(different.position == nil && different.size == nil)
    }

    @Test func `never believes zero or broken pages however often seen`() {
        for pair in [(0, 0), (1, 4094), (8, 4096)] as [(used: UInt32, free: UInt32)] {
            #expect(settle(Array(repeating: pair, count: 5)).size == nil)
        }
    }

    @Test func `adds the largest numbers without overflow`() {
        #expect(settle([(UInt32.max, 1), (UInt32.max, 1)]).size == 1 << 32)
    }

    @Test func `is not misled by a busy ring caught between the two reads`() throws {
        let files = SampleGuest.files()
        files.put(used, .text("128\n"), .text("136\n"), .text("4096\n"), .text("96\n"), .text("0\n"))
        files.put(free, .text("8000\n"), .text("8064\n"), .text("8192\n"), .text("8096\n"), .text("8192\n"))
        let device = try SampleGuest.onlyDevice(files)
        // The third pair was torn into whole pages by chance and is not seen again.
        #expect(device.primary?.inbound.size == 8192)
        #expect(device.problems.isEmpty)
    }

    @Test func `says so when a ring is too busy to be measured`() throws {
        let files = SampleGuest.files()
        files.put(used, "100")
        let device = try SampleGuest.onlyDevice(files)
        #expect(device.primary?.inbound == RingScan(used: 100, isMasked: false))
        #expect(device.primary?.outbound.size == 8192)
        #expect(device.problemTexts == ["in_read_bytes_avail UNSETTLED"])
        // A sub-channel has nothing to infer from.
        #expect(device.channels?.last?.inbound.sizeSource == nil)
    }

    @Test func `keeps a size while the channel stays open and forgets it with the close`() throws {
        let files = SampleGuest.files()
        var sampler = SysfsSampler(files: files)
        let seen1 = sampler.scan().devices.first?.primary?.inbound.size
        #expect(seen1 == 8192)
        files.put(used, "100")
        let next = sampler.scan()
        let busy = try #require(next.devices.first)
        #expect(busy.primary?.inbound == RingScan(size: 8192, sizeSource: .measured, used: 100, isMasked: false))
        #expect(busy.problems.isEmpty)
        files.put(SampleGuest.device + "/state", "2")
        let seen2 = sampler.scan().devices.first?.primary?.inbound.size
        #expect(seen2 == nil)
        files.put(SampleGuest.device + "/state", "3")
        let seen3 = sampler.scan().devices.first?.primary?.inbound.size
        #expect(seen3 == nil)
    }

    @Test func `notices a ring that was opened anew with another size between two scans`() {
        let files = SampleGuest.files()
        var sampler = SysfsSampler(files: files)
        let seen4 = sampler.scan().devices.first?.primary?.inbound.size
        #expect(seen4 == 8192)
        files.put(free, String(16384 - 128))
        let seen5 = sampler.scan().devices.first?.primary?.inbound.size
        #expect(seen5 == 16384)
    }

    @Test func `asks a settled ring only once a scan`() {
        let files = SampleGuest.files()
        var sampler = SysfsSampler(files: files)
        _ = sampler.scan()
        let before = files.reads.count { $0 == used }
        _ = sampler.scan()
        #expect(files.reads.count { $0 == used } == before + 1)
    }

    @Test func `does not infer a size that a sub-channel contradicts`() throws {
        let files = SampleGuest.files()
        files.put(SampleGuest.device + "/channels/21/write_avail", "16000")
        let sub = try #require(try SampleGuest.onlyDevice(files).channels?.last)
        #expect(sub.outbound == RingScan(isMasked: true))
        #expect(sub.inbound.sizeSource == .inferred)
    }
}
