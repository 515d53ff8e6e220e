import BusModel
import Glibc
import Inspector
import Platform
import TestSupport
import Testing
import VMBusWire

@testable import InspectorTUI
@testable import LinuxGuest

/// Trees and dumps of which files are removed, refused, replaced, or go while they are read: whatever is not touched is shown as it
/// is, and nothing that is shown can steer a terminal.
@Suite(.serialized, .enabled(if: SharedFixtures.directory != nil, Comment(rawValue: SharedFixtures.absence)))
struct `Tampered trees` {
    @Test(arguments: [
        ("trees/a-wsl2", "", 4), ("trees/b-azure-d16s-gen2", "", 3), ("trees/c-extreme-128cpu", "", 0),
        ("real-linux-6.12/bridge-life-6.12", "tree", 3), ("real-linux-6.12/bridge-uio-6.12", "tree", 3),
        ("real-linux-6.12/bridge-v4-6.12", "tree", 3), ("real-linux-6.12/qemu-vmbus-6.12", "tree", 3),
    ]) func `are shown without a crash, a control byte or a wrong value`(
        _ archive: String, _ folder: String, _ copies: Int
    ) throws {
        // The soak makes thousands of copies, and some of the biggest tree, which takes long.
        let count = Soak.factor == 1 ? copies : max(1, copies * 5) * Soak.factor
        guard count > 0 else { return }
        try SharedFixtures.withUnpacked(archive + ".tar.xz") { place in
            var roots = [place]
            if !folder.isEmpty {
                roots = try SystemFiles().names(in: place).map { "\(place)/\($0)/\(folder)" }
                    .filter { access($0 + "/sys/bus/vmbus/devices", R_OK) == 0 }
            }
            try #require(!roots.isEmpty)
            let trees = try roots.suffix(2).map { try MemoryTree($0) }
            let truths = trees.map { SampleGuest.scan(TamperedFiles($0, [:])) }
            for copy in 0..<count {
                let tree = trees[copy % trees.count]
                var spoiler = Spoiler(tree, seed: UInt64(copy) &* 7919 &+ UInt64(archive.utf8.count))
                check(tree, truths[copy % trees.count], &spoiler, "\(archive) copy \(copy)")
            }
        }
    }

    private func check(_ tree: MemoryTree, _ truth: GuestScan, _ spoiler: inout Spoiler, _ name: String) {
        let (tampered, vanishing) = spoiler.spoil()
        let touched = spoiler.touched
        // All at once, as `ls` does.
        let scan = SampleGuest.scan(TamperedFiles(tree, tampered, vanishing: vanishing))
        compare(scan, truth, touched, name)
        expectHarmless(LsvmbusListing.text(scan, detail: .full), name + " ls -vv", lines: true)
        expectHarmless(
            String(decoding: ListingJSON.document(scan, source: .tree), as: UTF8.self), name + " ls --json", lines: true
        )
        // Again and again, as a screen does.
        let clock = CountingClock()
        let files = TamperedFiles(tree, tampered, vanishing: vanishing.map { ($0.reads * 2, $0.node) })
        let focus = FocusBoard()
        var source = LinuxGuestSource(
            files: files, watch: LiveWatch(focus: focus, readLimit: nil), clock: { clock.now })
        var state = InspectorState(capabilities: source.capabilities, title: source.title)
        for look in 0..<3 {
            guard let batch = try? source.advance(.steps(1)) else {
                Issue.record("\(name): no look")
                return
            }
            state.ingest(batch)
            focus.change { focus in
                focus.visible = Array(state.channelKeys.dropFirst(look).prefix(12))
                focus.chosen = focus.visible.first
            }
        }
        compare(state.snapshot, truth, touched, name)
        show(state, name)
    }

    // MARK: Values

    private func compare(_ scan: GuestScan, _ truth: GuestScan, _ touched: Spoiler.Touched, _ name: String) {
        for real in truth.devices where !touched.hasBus {
            let device = scan.devices.first { $0.name == real.name }
            if !touched.devices.contains(real.name) {
                var device = device
                device?.kernelNames = real.kernelNames
                #expect(device == real, "\(name): \(real.name)")
                continue
            }
            if touched.wholeDevices.contains(real.name) { continue }
            for channel in real.channels ?? [] where !touched.channels.contains("\(real.name)/\(channel.relid)") {
                guard let found = device?.channels?.first(where: { $0.relid == channel.relid }) else { continue }
                // Where the directories of the channels cannot be listed the counters are not known.
                guard found.interrupts != .missing || found.events != .missing else { continue }
                #expect(found.interrupts == channel.interrupts && found.events == channel.events, "\(name)")
                #expect(found.cpu == channel.cpu && found.outFullTotal == channel.outFullTotal, "\(name)")
            }
        }
    }

    private func compare(_ snapshot: BusSnapshot, _ truth: GuestScan, _ touched: Spoiler.Touched, _ name: String) {
        for real in truth.devices where !touched.hasBus && !touched.devices.contains(real.name) {
            guard let device = snapshot.partition(1)?.devices.first(where: { $0.name == real.name }) else {
                Issue.record("\(name): \(real.name) is not told")
                continue
            }
            #expect(device.driver.value == real.driver.value && device.classID == real.classID.value, "\(name)")
            for channel in real.channels ?? [] {
                let found = device.channels.first { $0.relid == channel.relid }
                #expect(found?.interrupts.value == channel.interrupts.value, "\(name)")
                #expect(found?.outFullFirst.value == channel.outFullFirst.value, "\(name)")
                #expect(found?.inbound.size.value == channel.inbound.size, "\(name)")
                #expect(found?.outbound.used.value == channel.outbound.used, "\(name)")
                #expect(found?.cpu.value == channel.cpu.value.map(UInt64.init), "\(name)")
            }
        }
    }

    // MARK: What is shown

    private func show(_ state: InspectorState, _ name: String) {
        for format in [ShowFormat.text, .csv, .json] {
            for view in [InspectorView.partitions, .channels] {
                let text = (try? HeadlessShow.render(view, state, format: format)) ?? "\u{1B}"
                expectHarmless(text, "\(name) show \(view)", lines: true)
            }
        }
        for isJSON in [false, true] {
            var lines = WatchLines(isJSON: isJSON)
            expectHarmless(
                String(decoding: lines.sample(state, at: 1_000_000_000), as: UTF8.self), "\(name) watch", lines: true)
        }
        let size = Size(columns: 80, rows: 24)
        for view in InspectorView.allCases {
            var screen = ScreenState()
            screen.view = view
            screen.settle(state, size: size)
            let frame = Renderer.frame(screen, state, size: size, glyphs: .unicode)
            expectHarmless(TextSnapshot.lines(of: frame.grid).joined(), "\(name) frame \(view)", lines: false)
        }
    }

    private func expectHarmless(_ text: String, _ name: String, lines: Bool) {
        let wrong = text.unicodeScalars.first { scalar in
            scalar.steersTerminal && !(lines && (scalar == "\n" || scalar == "\t" || scalar == "\r"))
        }
        if let wrong { Issue.record("\(name) shows U+\(String(wrong.value, radix: 16))") }
    }
}

/// Spoils a tree: the same seed spoils it in the same way.
private struct Spoiler {
    /// What is not as it was, by names.
    struct Touched {
        var devices: Set<String> = []
        var channels: Set<String> = []
        /// Devices that are touched with all their channels.
        var wholeDevices: Set<String> = []
        /// Something above the devices.
        var hasBus = false
    }

    private let tree: MemoryTree
    private let devices: Set<String>
    private var state: UInt64
    private(set) var touched = Touched()

    init(_ tree: MemoryTree, seed: UInt64) {
        self.tree = tree
        devices = Set(tree.deviceNames)
        state = seed &* 2 &+ 1
    }

    private mutating func next(_ bound: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(truncatingIfNeeded: (state &* 0x2545_F491_4F6C_DD1D) >> 33) % max(1, bound)
    }

    mutating func spoil() -> (tampered: [Int: TamperedFiles.Tampering], vanishing: [(reads: Int, node: Int)]) {
        var tampered: [Int: TamperedFiles.Tampering] = [:]
        var vanishing: [(reads: Int, node: Int)] = []
        for _ in 0..<1 + next(1 + tree.paths.count / 40) {
            let index = next(tree.paths.count)
            note(tree.paths[index])
            tampered[tree.places[index]] = tampering()
        }
        if next(3) == 0 { tampered.merge(removedDirectory()) { $1 } }
        for _ in 0..<next(3) {
            let path = tree.paths[next(tree.paths.count)]
            // A device or a channel goes as a whole.
            let parts = path.split(separator: "/")
            let depth = parts.firstIndex(of: "channels").map { min(parts.count, $0 + 1 + next(2)) }
            let parent = "/" + parts[..<(depth ?? parts.count)].joined(separator: "/")
            note(path)
            note(parent)
            if let node = tree.node(parent, followingLast: false) { vanishing.append((1 + next(400), node)) }
        }
        return (tampered, vanishing)
    }

    private mutating func removedDirectory() -> [Int: TamperedFiles.Tampering] {
        let parts = tree.paths[next(tree.paths.count)].split(separator: "/")
        let path = "/" + parts[..<max(1, parts.count - 1 - next(2))].joined(separator: "/")
        note(path)
        guard parts.count > 4, let node = tree.node(path, followingLast: false), node > 0 else { return [:] }
        return [node: next(2) == 0 ? .removed : .refused(EACCES)]
    }

    /// Remembers which device and channel a path belongs to; its names stand in it wherever the tree of devices hangs.
    private mutating func note(_ path: String) {
        let parts = path.split(separator: "/").map(String.init)
        guard let place = parts.firstIndex(where: devices.contains) else {
            touched.hasBus = touched.hasBus || path.contains("vmbus") || path.contains("VMBUS") || parts.count < 7
            return
        }
        let name = parts[place]
        touched.devices.insert(name)
        if place + 2 < parts.count, parts[place + 1] == "channels" {
            touched.channels.insert("\(name)/\(parts[place + 2])")
        } else if place == parts.count - 1 || parts[place + 1] == "channels" {
            touched.wholeDevices.insert(name)
        }
    }

    private mutating func tampering() -> TamperedFiles.Tampering {
        switch next(8) {
        case 0: return .removed
        case 1: return .refused([EACCES, EPERM, EIO, EINVAL, ENODEV, ENOMEM, EAGAIN, ENOENT][next(8)])
        case 2: return .contents([])
        case 3: return .contents(Array("\u{1B}[2J\u{1B}]0;own\u{7}\r\u{202E}evil\u{0}\n".utf8))
        case 4: return .contents((0..<1 + next(64)).map { _ in UInt8(truncatingIfNeeded: next(256)) })
        case 5:
            return .contents([UInt8](repeating: UInt8(ascii: "9"), count: [19, 20, 21, 40, 4096, 1 << 20][next(6)]))
        case 6: return .contents(Array("-1\n".utf8))
        default: return .contents(Array("{\u{1B}[31m00000000-0000-0000-0000-000000000000}\n".utf8))
        }
    }
}

extension MemoryTree {
    /// The names of the bus's devices.
    fileprivate var deviceNames: [String] {
        guard let node = node("/sys/bus/vmbus/devices"), case .directory(let children) = nodes[node] else { return [] }
        return Array(children.keys)
    }
}
