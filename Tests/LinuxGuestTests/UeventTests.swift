import BusModel
import Platform
import Testing
import VMBusWire

@testable import LinuxGuest

@Suite struct `The kernel's uevents` {
    private static let place = "/devices/LNXSYSTM:00/LNXSYBUS:00/ACPI0004:00/VMBUS:00/"
    private static let name = "764eb6b3-e9d4-11ec-8813-02155d000001"

    private func message(_ action: String, _ path: String, _ subsystem: String) -> [UInt8] {
        Array("\(action)@\(path)\0ACTION=\(action)\0DEVPATH=\(path)\0SUBSYSTEM=\(subsystem)\0SEQNUM=4711\0".utf8)
    }

    private func news(_ messages: [UInt8]..., isIncomplete: Bool = false) -> UeventSocket.News {
        var news = UeventSocket.News()
        (news.messages, news.isIncomplete) = (messages, isIncomplete)
        return news
    }

    @Test func `name the device or the channel`() throws {
        let device = try #require(Uevent(parsing: message("add", Self.place + Self.name, "vmbus")))
        #expect(device.action == "add")
        #expect(device.subject == .device(Self.name))
        #expect(device.summary == "uevent add device \(Self.name)")
        let channel = try #require(Uevent(parsing: message("add", Self.place + Self.name + "/channels/51", "channels")))
        #expect(channel.subject == .channel(device: Self.name, relid: 51))
        // A channel that goes with its device has lost it in the message.
        let lost = try #require(Uevent(parsing: message("remove", "/channels/44", "channels")))
        #expect(lost.subject == .channel(device: nil, relid: 44))
        #expect(lost.summary == "uevent remove channel 44 of a device that is gone")
    }

    @Test func `of other subsystems are none of the bus`() throws {
        let others = [
            ("/devices/pci0000:00/x", "pci"), ("/devices/x/channels/4", "dma"), ("/module/hv_netvsc", "module"),
        ]
        for (path, subsystem) in others {
            let event = try #require(Uevent(parsing: message("add", path, subsystem)))
            #expect(event.subject == nil && event.summary == nil)
        }
    }

    @Test func `may hold anything`() {
        for wrong in ["", "\0\0\0", "add", "add@", "add@x", "@", "libudev\0\u{FE}\u{ED}"] {
            #expect(Uevent(parsing: Array(wrong.utf8)) == nil, "\(wrong)")
        }
        #expect(Uevent(parsing: [UInt8](repeating: 0xFF, count: 8192)) == nil)
        let attack = Uevent(parsing: message("add\u{1B}[2J", "/devices/\u{1B}]0;x\u{7}", "vmbus"))
        #expect(attack?.summary?.unicodeScalars.contains { $0.value < 0x20 } == false)
    }

    @Test func `say what must be looked at`() {
        var wishes = LookWishes()
        let path = Self.place + Self.name
        let notes = LinuxGuestSource.take(
            news(
                message("remove", path, "vmbus"), message("remove", "/channels/44", "channels"),
                message("add", path, "vmbus"), message("add", Self.place + "other/channels/3", "channels"),
                message("add", "/devices/cpu", "cpu")), &wishes)
        #expect(wishes.changed == [Self.name, "other"])
        #expect(wishes.replaced == [Self.name])
        #expect(wishes.changedRelids == [44])
        #expect(!wishes.mayAllHaveChanged)
        #expect(notes.count == 4)
    }

    @Test func `that were dropped make everything be looked at`() {
        var wishes = LookWishes()
        let notes = LinuxGuestSource.take(news(isIncomplete: true), &wishes)
        #expect(wishes.mayAllHaveChanged)
        #expect(notes == ["the kernel dropped uevents: every device is looked at"])
    }

    @Test func `of a flood are counted`() {
        var flood = UeventSocket.News()
        flood.messages = (0..<1000).map { message("add", Self.place + "device-\($0)", "vmbus") }
        var wishes = LookWishes()
        let notes = LinuxGuestSource.take(flood, &wishes)
        #expect(notes.count == 65)
        #expect(notes.last == "936 more uevents of the bus")
        #expect(wishes.changed.count == 1000)
    }

    @Test func `make a device that went and came again another one in the log`() throws {
        let files = SampleGuest.files()
        let clock = CountingClock()
        var sampler = LiveSampler(
            files: files, crew: nil, hasUevents: true, clock: { clock.now }, processorTime: { 0 })
        var translation = ScanTranslation()
        var difference = ScanDifference()
        func words(_ wishes: LookWishes) -> [String] {
            let scan = sampler.scan(wishes).scan
            let entities = translation.entities(scan, GuestIdentity(files: files))
            return difference.records(entities, busAvailable: true, at: 0).headers.filter { $0.device != .zero }
                .map { "\($0.code) \($0.relid)" }
        }
        #expect(words(LookWishes()) == ["1 0", "1 14", "1 21"])
        var wishes = LookWishes()
        wishes.changed = [SampleGuest.instance]
        wishes.replaced = [SampleGuest.instance]
        #expect(words(wishes) == ["3 0", "1 0", "1 14", "1 21"])
        #expect(!words(LookWishes()).contains("1 0"))
    }

    @Test func `can be listened to, or it is said why not`() {
        do throws(SystemError) {
            let socket = try UeventSocket()
            #expect(socket.fileDescriptor >= 0)
            _ = socket.takeAll()
        } catch {
            #expect(["socket", "netlink socket"].contains(error.call))
        }
    }
}
