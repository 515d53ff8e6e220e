import BusModel
import Glibc
import LinuxGuest
import Platform
import Testing

/// A machine whose bus can be traced.
enum TraceableGuest {
    static func files() throws -> InjectedFiles {
        let files = InjectedFiles()
        for root in ["/sys/kernel/tracing"] {
            let text = try OwnFixture.text("tracepoints-6.12.txt")
            for part in text.split(separator: "=== ") {
                guard let end = part.firstIndex(of: "\n"), let dot = part.firstIndex(of: ".") else { continue }
                let event = part[part.index(after: dot)..<end]
                files.put("\(root)/events/\(part[..<dot])/\(event)/format", .text(String(part[end...])))
            }
        }
        files.put("/proc/sys/kernel/perf_event_paranoid", "3")
        files.put("/proc/self/status", .text("Name:\tx\nCapEff:\t000001ffffffffff\n"))
        files.put("/sys/devices/system/cpu/online", "0-1,3")
        return files
    }
}

@Suite struct `Tracing that cannot be had` {
    private func obstacle(_ change: (InjectedFiles) -> Void) throws -> String? {
        let files = try TraceableGuest.files()
        change(files)
        return TracingFiles(files: files).obstacle()?.description
    }

    @Test func `is nowhere when all is there`() throws {
        #expect(try obstacle { _ in } == nil)
    }

    @Test func `says that tracefs is not mounted, or that there is none`() throws {
        let unmounted = try obstacle {
            $0.remove("/sys/kernel/tracing")
            $0.put("/sys/kernel/tracing/README", "x")
        }
        #expect(unmounted?.contains("mount -t tracefs nodev /sys/kernel/tracing") == true)
        #expect(try obstacle { $0.remove("/sys/kernel/tracing") }?.contains("CONFIG_TRACING") == true)
    }

    @Test func `names the module that brings the tracepoints`() throws {
        let text = try obstacle { $0.remove("/sys/kernel/tracing/events/hyperv") }
        #expect(text?.contains("hv_vmbus") == true)
    }

    @Test func `names the file that may not be read`() throws {
        let path = "/sys/kernel/tracing/events/hyperv/vmbus_onoffer/format"
        let text = try obstacle { $0.put(path, .failure(EACCES)) }
        #expect(text?.hasPrefix(path) == true)
        #expect(text?.contains("root") == true)
    }

    @Test func `names the sysctl and the capability that perf asks for`() throws {
        let poor = "Name:\tx\nCapEff:\t0000000000000000\n"
        let text = try obstacle { $0.put("/proc/self/status", .text(poor)) }
        #expect(text?.contains("perf_event_paranoid is 3") == true)
        #expect(text?.contains("CAP_PERFMON") == true)
        let open = try obstacle {
            $0.put("/proc/self/status", .text(poor))
            $0.put("/proc/sys/kernel/perf_event_paranoid", "-1")
        }
        #expect(open == nil)
        #expect(
            try obstacle { $0.remove("/proc/sys/kernel/perf_event_paranoid") }?.contains("CONFIG_PERF_EVENTS") == true)
    }

    @Test func `is looked for below debugfs and in the list of mounts`() throws {
        for place in ["/sys/kernel/debug/tracing", "/mnt/t"] {
            let files = InjectedFiles()
            files.put("\(place)/events/hyperv/x/format", "x")
            files.put("/proc/mounts", .text("proc /proc proc rw 0 0\nnodev /mnt/t tracefs rw 0 0\n"))
            #expect(try TracingFiles(files: files).root() == place)
        }
    }

    @Test func `is told once of the guest's partition, with what was left behind`() throws {
        let files = try TraceableGuest.files()
        files.remove("/sys/kernel/tracing/events/hyperv")
        files.put("/sys/bus/vmbus/devices/x", "y")
        files.put("/proc/self/stat", "5 (a) S 1 1")
        files.put("/sys/kernel/tracing/instances/vmbusscope-77-9/trace_clock", "mono")
        var source = TracedSource(
            LinuxGuestSource(files: files, clock: { 5 }), files: files, isThisMachine: true,
            request: TraceRequest(isWanted: true), clock: { 5 })
        var snapshot = BusSnapshot()
        let first = try source.advance(.steps(1))
        snapshot.apply(first)
        let evidence = snapshot.partition(1)?.evidence
        #expect(evidence?.text(.tracingObstacle)?.contains("hv_vmbus") == true)
        #expect(evidence?.number(.tracing) == nil)
        #expect(first.headers.contains { $0.kind == .note })
        #expect(first.headers.map(\.sequence) == Array(1...UInt64(first.headers.count)))
        let second = try source.advance(.steps(1))
        #expect(!second.headers.contains { $0.kind == .note })
    }

    @Test func `of a copied tree is refused in words`() throws {
        let files = try TraceableGuest.files()
        let request = TraceRequest(isWanted: true)
        var source = TracedSource(
            LinuxGuestSource(files: files, clock: { 5 }), files: files, isThisMachine: false, request: request,
            clock: { 5 })
        var snapshot = BusSnapshot()
        snapshot.apply(try source.advance(.steps(1)))
        #expect(snapshot.partition(1)?.evidence.text(.tracingObstacle)?.contains("copied tree") == true)
        #expect(!request.isWanted)
    }

    @Test(arguments: [true, false])
    func `of a copied tree is refused before anybody asks, if there is a bus`(hasBus: Bool) throws {
        let files = InjectedFiles()
        if hasBus { files.put("/sys/bus/vmbus/devices/x", "y") }
        var source = TracedSource(
            LinuxGuestSource(files: files, clock: { 5 }), files: files, isThisMachine: false, request: TraceRequest(),
            clock: { 5 })
        var snapshot = BusSnapshot()
        snapshot.apply(try source.advance(.steps(1)))
        let obstacle = snapshot.partition(1)?.evidence.text(.tracingObstacle)
        #expect((obstacle?.contains("copied tree") == true) == hasBus)
        #expect(snapshot.busAvailable == hasBus)
    }
}

@Suite struct `A tracing instance of our own` {
    @Test(arguments: [
        "vmbusscope-77", "vmbusscope-77-", "vmbusscope-77-9-1", "vmbusscope-077-9", "vmbusscope-0-9", "vmbusscope-a-9",
        "vmi-77-9", "vmbusscope-77-9 ", "../vmbusscope-77-9", "vmbusscope-4294967296-9", "",
    ])
    func `is nobody else's`(name: String) {
        #expect(TraceInstanceName(name) == nil)
    }

    @Test func `carries its program's number and start time`() {
        let name = TraceInstanceName("vmbusscope-77-9")
        #expect(name?.process == 77)
        #expect(name?.startTime == 9)
        let fields = (4...30).map { "\($0)" }.joined(separator: " ")
        let stat = Array("812 (a ) b (c) S \(fields)\n".utf8)
        #expect(TraceInstanceName.startTime(stat) == 22)
        #expect(TraceInstanceName(own: stat)?.description == "vmbusscope-812-22")
        #expect(TraceInstanceName.startTime(Array("812 (a) S 1".utf8)) == nil)
    }

    @Test func `is left behind only when its program is dead`() throws {
        let files = try TraceableGuest.files()
        let root = "/sys/kernel/tracing"
        let fields = (4...30).map { "\($0)" }.joined(separator: " ")
        files.put("/proc/5/stat", "5 (vmbusscope) S \(fields)")
        files.put("/proc/6/stat", "6 (other) S \(fields)")
        files.put("/proc/self/stat", "5 (vmbusscope) S \(fields)")
        for name in ["vmbusscope-5-22", "vmbusscope-6-21", "vmbusscope-7-22", "foreign", "vmbusscope-x"] {
            files.put("\(root)/instances/\(name)/trace_clock", "local")
        }
        #expect(TracingFiles(files: files).leftovers(below: root) == ["vmbusscope-6-21", "vmbusscope-7-22"])
    }

    @Test func `is planned to the last write, and all of them lie in it`() throws {
        var options = TraceOptions()
        options.events = ["vmbus_chan_sched", "vmbus_onopen_result"]
        options.relids = [14, 15]
        let name = TraceInstanceName(process: 5, startTime: 9)
        let instance = try TraceInstance(TracingFiles(files: TraceableGuest.files()), name: name, options)
        let place = "/sys/kernel/tracing/instances/vmbusscope-5-9"
        #expect(
            (instance.begin + instance.end).map(\.description) == [
                "mkdir \(place)",
                "echo 'mono' > \(place)/trace_clock",
                "echo '1024' > \(place)/buffer_size_kb",
                "echo '0' > \(place)/buffer_percent",
                "echo 'relid == 14 || relid == 15' > \(place)/events/hyperv/vmbus_chan_sched/filter",
                "echo 'child_relid == 14 || child_relid == 15' > \(place)/events/hyperv/vmbus_onopen_result/filter",
                "echo '1' > \(place)/events/hyperv/vmbus_chan_sched/enable",
                "echo '1' > \(place)/events/hyperv/vmbus_onopen_result/enable",
                "echo '0' > \(place)/events/enable",
                "rmdir \(place)",
            ])
    }

    @Test func `refuses a filter that a tracepoint cannot take`() throws {
        var options = TraceOptions()
        options.events = ["nvsp_send"]
        options.relids = [14]
        let files = TracingFiles(files: try TraceableGuest.files())
        do throws(TracingObstacle) {
            _ = try TraceInstance(files, name: TraceInstanceName(process: 5, startTime: 9), options)
            Issue.record("planned")
        } catch {
            #expect(error.description.contains("nvsp_send"))
        }
    }

    @Test(arguments: [
        ("/sys/kernel/tracing", "x"), ("/sys/kernel/tracing/instances", "../x"), ("/sys/kernel/tracing/instances", ""),
        ("/sys/kernel/tracing/instances", ".."), ("relative/instances", "x"),
    ])
    func `cannot be a place outside the instances`(instances: String, name: String) {
        #expect((try? InstanceDirectory(instances: instances, name: name)) == nil)
    }

    @Test func `takes no setting outside itself`() throws {
        let directory = try InstanceDirectory(instances: "/nowhere/instances", name: "x")
        for file in ["../../tracing_on", "/etc/passwd", "events/../../y"] {
            do throws(SystemError) {
                try directory.write("1", to: file)
                Issue.record("written")
            } catch {
                #expect(error.symbol == "EINVAL")
            }
        }
    }
}
