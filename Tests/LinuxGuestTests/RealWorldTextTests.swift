import BusModel
import LinuxGuest
import Platform
import Testing
import VMBusWire

/// What real machines printed. The files stay outside the repository.
@Suite struct `Texts of real machines` {
    struct Expected {
        let format: TextFormat
        let unknown: Int

        init(_ format: TextFormat, unknown: Int = 0) { (self.format, self.unknown) = (format, unknown) }
    }

    /// Every file with its format and the number of lines that nobody can place: other programs' words on a console, rows that
    /// a page cut out or broke in two, the answers of a shell.
    static let files: [String: Expected] = [
        "counters/dpdk-netvsc-xstats-names.txt": Expected(.interfaceCounters),
        "counters/ethtool-S-netvsc-4.19-excerpt.txt": Expected(.interfaceCounters),
        "counters/ethtool-S-netvsc-azure-vf.txt": Expected(.interfaceCounters),
        "counters/ethtool-S-netvsc-wsl2-8q-12cpu.txt": Expected(.interfaceCounters, unknown: 2),
        "dmesg/arm64-azure-6.19-rt.txt": Expected(.kernelLog),
        "dmesg/arm64-fragments.txt": Expected(.kernelLog),
        "dmesg/azure-gen1-centos7.3-3.10-vmbus_N-names.txt": Expected(.kernelLog, unknown: 2),
        "dmesg/azure-gen1-centos7.9-3.10-netvsc-reload.txt": Expected(.kernelLog, unknown: 1),
        "dmesg/azure-gen1-sles15-5.3.txt": Expected(.kernelLog),
        "dmesg/azure-gen1-ubuntu-4.15.txt": Expected(.kernelLog, unknown: 6),
        "dmesg/azure-gen2-debian11-6.1-3nic.txt": Expected(.kernelLog, unknown: 2),
        "dmesg/azure-gen2-rhel8-4.18-vmbus5.3.txt": Expected(.kernelLog),
        "dmesg/azure-gen2-ubuntu2204-6.8-2nic-sriov.txt": Expected(.kernelLog, unknown: 2),
        "dmesg/azure-gen2-ubuntu2204-6.8-drm-dmesg.txt": Expected(.kernelLog),
        "dmesg/azure-kdump-6.13-hyperv_fb-timeout.txt": Expected(.kernelLog),
        "dmesg/azure-vf-removal-prefixes.txt": Expected(.kernelLog),
        "dmesg/cvm-isolation.txt": Expected(.kernelLog),
        "dmesg/docker-for-win-prefix.txt": Expected(.kernelLog),
        "dmesg/hv_pci-eject-races-6.3.txt": Expected(.kernelLog),
        "dmesg/hyperv_drm-gen1-and-ring-full.txt": Expected(.kernelLog),
        "dmesg/list-excerpts-2019-2026.txt": Expected(.kernelLog),
        "dmesg/not-hyperv-false-positives.txt": Expected(.kernelLog),
        "dmesg/onprem-4.4-syslog-vmbus_N.txt": Expected(.kernelLog),
        "dmesg/onprem-gen2-5.13-journal.txt": Expected(.kernelLog),
        "dmesg/wsl2-5.10-unknown-guids.txt": Expected(.kernelLog),
        "dmesg/wsl2-6.6-vmbus5.3.txt": Expected(.kernelLog),
        "dmesg/wsl2-netvsc-probe-failure.txt": Expected(.kernelLog),
        "interrupts/arm64.SYNTHETIC.txt": Expected(.interrupts),
        "interrupts/azure-1cpu-large.txt": Expected(.interrupts),
        "interrupts/azure-mana-4cpu.txt": Expected(.interrupts, unknown: 1),
        "interrupts/bare-metal-8cpu-zero.txt": Expected(.interrupts),
        "interrupts/vmbus-irq-rfc2024-gen2-8cpu.txt": Expected(.interrupts),
        "interrupts/wsl2-2cpu.txt": Expected(.interrupts),
        "lsvmbus/azure-gen1-d8ds_v5-4nic.txt": Expected(.lsvmbus),
        "lsvmbus/azure-gen1-d8ds_v5-4nic.v.DERIVED.txt": Expected(.lsvmbus),
        "lsvmbus/azure-gen1-d8ds_v5-4nic.vv.txt": Expected(.lsvmbus),
        "lsvmbus/driverctl-list-devices.txt": Expected(.driverctl),
        "lsvmbus/lsvmbus-vv-crlf-fragment.txt": Expected(.lsvmbus),
        "lsvmbus/nested-l2-ws2025-1vcpu-gen2.txt": Expected(.lsvmbus),
        "lsvmbus/two-nics-same-cpu-for-both-channels.vv.txt": Expected(.lsvmbus),
        "openvmm/inspect-scsi-channels.txt": Expected(.openVMMInspect),
        "openvmm/inspect-vmbus.SYNTHETIC.txt": Expected(.openVMMInspect),
        "openvmm/log-vmbus_server-offers.txt": Expected(.openVMMLog),
        "sysfs/class-net-azure-gen1-sriov.txt": Expected(.pathList),
        "sysfs/device-paths-seen.txt": Expected(.pathList),
        "sysfs/scsi-paths-three-eras.txt": Expected(.pathList),
        "sysfs/sosreport-layout.txt": Expected(.pathList, unknown: 1),
        "sysfs/udevadm-attribute-walk-video-5.18.11.txt": Expected(.udevAttributes),
        "sysfs/udevadm-attribute-walk-video-5.18.7.txt": Expected(.udevAttributes),
        "sysfs/udevadm-info-property.txt": Expected(.udevProperties),
        "sysfs/udevadm-monitor-wsl2.txt": Expected(.udevMonitor),
        "sysfs/uio-rebind-session.txt": Expected(.pathList, unknown: 7),
        "trace/hyperv.SYNTHETIC.trace.txt": Expected(.trace, unknown: 1),
        "trace/perf-script.SYNTHETIC.txt": Expected(.trace),
        "windows/perf-counter-names.txt": Expected(.windowsNames),
        "windows/pnp-instance-ids.txt": Expected(.windowsNames),
    ]

    /// Documents and complaints, with what is said of them.
    static let refused: [String: TextFileError] = [
        "lsvmbus/ubuntu-wrapper-not-found.txt": .lsvmbusMissing, "trace/FORMATS.md": .unknownFormat,
    ]

    private static func names(_ folder: String) throws -> [String] {
        try SystemFiles().names(in: (SharedFixtures.directory ?? "") + "/" + folder).sorted()
    }

    private func parse(_ path: String) throws -> Result<TextFile, TextFileError> {
        let bytes = try SharedFixtures.contents(path)
        do throws(TextFileError) {
            return .success(try TextFile(parsing: bytes, name: path))
        } catch {
            return .failure(error)
        }
    }

    @Test(.enabled(if: SharedFixtures.directory != nil, "\(SharedFixtures.absence)"))
    func `every file is recognised, and the lines that are not understood are counted`() throws {
        var seen = 0
        for folder in try Self.names("realworld") where !folder.hasSuffix(".md") {
            for name in try Self.names("realworld/" + folder) {
                let path = folder + "/" + name
                seen += 1
                switch try parse("realworld/" + path) {
                case .success(let file):
                    #expect(file.format == Self.files[path]?.format, "\(path)")
                    #expect(file.unknownCount == Self.files[path]?.unknown, "\(path)")
                case .failure(let error): #expect(error == Self.refused[path], "\(path)")
                }
            }
        }
        #expect(seen == Self.files.count + Self.refused.count)
    }

    private func snapshot(_ paths: String...) throws -> BusSnapshot {
        let files = try paths.map { try parse("realworld/" + $0).get() }
        var snapshot = BusSnapshot()
        snapshot.apply(TextFileSource(files).batch)
        return snapshot
    }

    @Test(.enabled(if: SharedFixtures.directory != nil, "\(SharedFixtures.absence)"))
    func `three forms of one listing give the same channels`() throws {
        let full = try snapshot("lsvmbus/azure-gen1-d8ds_v5-4nic.vv.txt").partition(1)
        let classes = try snapshot("lsvmbus/azure-gen1-d8ds_v5-4nic.v.DERIVED.txt").partition(1)
        let plain = try snapshot("lsvmbus/azure-gen1-d8ds_v5-4nic.txt").partition(1)
        #expect(full?.devices.count == 20)
        #expect(full?.channelCount == 50)
        #expect(classes?.devices.map(\.classID) == full?.devices.map(\.classID))
        #expect(classes?.devices.map { $0.channels.map(\.relid) } == full?.devices.map { $0.channels.map(\.relid) })
        #expect(plain?.devices.map { $0.channels.first?.relid } == full?.devices.map { $0.channels.first?.relid })
    }

    @Test(.enabled(if: SharedFixtures.directory != nil, "\(SharedFixtures.absence)"))
    func `a kernel log and a listing of one guest become one log`() throws {
        let guest = try snapshot(
            "dmesg/azure-gen2-rhel8-4.18-vmbus5.3.txt", "lsvmbus/azure-gen1-d8ds_v5-4nic.vv.txt",
            "interrupts/wsl2-2cpu.txt"
        ).partition(1)
        #expect(guest?.version.value == ProtocolVersion(rawValue: 0x5_0003))
        #expect(guest?.evidence.text(.hypervisorBuild) == "10.0.26102.1175-1-0")
        #expect(guest?.evidence.text(.processorInterrupts) == "cpu0=26775 cpu1=2010")
        #expect(guest?.channelCount == 50)
    }

    @Test(.enabled(if: SharedFixtures.directory != nil, "\(SharedFixtures.absence)"))
    func `an attribute walk gives the rings that the kernel measured`() throws {
        let device = try snapshot("sysfs/udevadm-attribute-walk-video-5.18.11.txt").partition(1)?.devices.first
        #expect(device?.driver.value == "hyperv_drm")
        let channel = device?.channels.first
        #expect(channel?.relid == 4)
        #expect(channel?.inbound.size.value == 258_048)
        #expect(channel?.outbound.used.value == 0)
        #expect(channel?.events.value == 64)
        #expect(channel?.outbound.writeIndex.value == 6040)
    }

    @Test(.enabled(if: SharedFixtures.directory != nil, "\(SharedFixtures.absence)"))
    func `dumps of a real kernel are understood to the last line`() throws {
        for (log, foreign) in [("bridge-life-6.12", 48), ("bridge-uio-6.12", 41)] {
            let console = try parse("real-linux-6.12/\(log).console.log").get()
            #expect(console.format == .kernelLog)
            // The laboratory's own words.
            #expect(console.unknownCount == foreign)
            let host = try parse("real-linux-6.12/\(log).host.log").get()
            #expect(host.format == .hostSession)
            #expect(host.unknownCount == 0)
            try SharedFixtures.withUnpacked("real-linux-6.12/\(log).tar.xz") { place in
                var seen = 0
                for moment in try SystemFiles().names(in: place).sorted() {
                    let expected: [(name: String, format: TextFormat)] = [
                        ("dmesg.txt", .kernelLog), ("trace.txt", .trace), ("listing.txt", .pathList),
                        ("proc/interrupts", .interrupts),
                    ]
                    for (name, format) in expected {
                        guard case .success(let file) = try parse("\(place)/\(moment)/\(name)") else { continue }
                        seen += 1
                        #expect(file.format == format)
                        #expect(file.unknownCount == 0, "\(moment)/\(name)")
                    }
                }
                #expect(seen >= 12)
            }
        }
    }
}
