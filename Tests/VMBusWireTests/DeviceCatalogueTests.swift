import Testing
import VMBusWire

@Suite struct `Device catalogue` {
    @Test func `knows every class of Linux by its number`() throws {
        let expected: [(String, UInt16, String, String)] = [
            ("32412632-86cb-44a2-9b5c-50d1417354f5", 0x0, "ide", "Synthetic IDE Controller"),
            ("ba6163d9-04a1-4d29-b605-72e2ffb1dc7f", 0x1, "scsi", "Synthetic SCSI Controller"),
            ("2f9bcc4a-0069-4af3-b76b-6fd0be528cda", 0x2, "fibre_channel", "Synthetic fiber channel adapter"),
            ("f8615163-df3e-46c5-913f-f2d2f965ed0e", 0x3, "network", "Synthetic network adapter"),
            ("8c2eaf3d-32a7-4b09-ab99-bd1f1c86b501", 0x4, "rdma", "Synthetic RDMA adapter"),
            ("44c4f61d-4444-4400-9d52-802e27ede19f", 0x5, "pci", "PCI Express pass-through"),
            ("da0a7802-e377-4aac-8e77-0558eb1073f8", 0x6, "video", "Synthetic framebuffer adapter"),
            ("f912ad6d-2b17-48ea-bd65-f927a61c7684", 0x7, "keyboard", "Synthetic keyboard"),
            ("cfa8b69e-5b4a-4cc0-b98b-8ba1a1f3f95a", 0x8, "mouse", "Synthetic mouse"),
            ("a9a0f4e7-5a45-4d96-b827-8a841e8c03e6", 0x9, "kvp", "[Data Exchange]"),
            ("9527e630-d0ae-497b-adce-e80ab0175caf", 0xA, "timesync", "[Time Synchronization]"),
            ("57164f39-9115-4e78-ab55-382f3bd5422d", 0xB, "heartbeat", "[Heartbeat]"),
            ("0e0b6031-5213-4934-818b-38d90ced39db", 0xC, "shutdown", "[Operating system shutdown]"),
            ("34d14be3-dee4-41c8-9ae7-6b174977c192", 0xD, "fcopy", "[Guest services]"),
            ("35fa2e29-ea23-4236-96ae-3a6ebacba440", 0xE, "vss", "[Backup (volume checkpoint)]"),
            ("525074dc-8985-46e2-8057-a307dc18a502", 0xF, "balloon", "[Dynamic Memory]"),
            ("f8e65716-3cb3-4a06-9a60-1889c5cccab5", 0x10, "avma", "[Reserved system device]"),
            ("3375baf4-9e15-4b30-b765-67acb10d607b", 0x10, "avma", "[Reserved system device]"),
            ("276aacf4-ac15-426c-98dd-7521ad3f01fe", 0x10, "rdv", "[Reserved system device]"),
            ("c376c1c3-d276-48d2-90a9-c04748072c60", 0x10, "vmbfs", "Unknown"),
            ("dde9cbc0-5060-4436-9448-ea1254a5d177", 0x10, "dxg_global", "Unknown"),
            ("6e382d18-3336-4f4b-acc4-2b7703d4df4a", 0x10, "dxg_vgpu", "Unknown"),
            ("8b60ccf6-709f-4c11-90b5-229c959a9e6a", 0x10, "serial", "Unknown"),
            ("8dedd1aa-9056-49e4-bfd6-1bf90dc38ef0", 0x10, "get", "Unknown"),
            ("455c0f1b-d51b-40b1-beac-87377fe6e041", 0x10, "ged", "Unknown"),
            ("427b03e7-4ceb-4286-b5fc-486f4a1dd439", 0x10, "crash_dump", "Unknown"),
            ("aa5de534-d149-487a-9053-05972ba20a7c", 0x10, "crash_log", "Unknown"),
            ("4d12e519-17a0-4ae4-8eaa-5270fc6abdb7", 0x10, "vsmb", "Unknown"),
        ]
        #expect(expected.count == DeviceClass.catalogue.count)
        for (text, number, word, name) in expected {
            let identifier = try #require(GUID(text))
            let entry = DeviceClass.of(identifier)
            #expect(entry.classID == identifier)
            #expect(entry.linuxDeviceNumber == number, "\(text)")
            #expect(entry.kind.word == word, "\(text)")
            #expect(entry.listingName == name, "\(text)")
        }
    }

    @Test func `marks what Linux spreads and what it accepts in isolation`() {
        let performance = DeviceClass.catalogue.filter(\.isPerformanceDevice).map(\.kind)
        #expect(performance == [.ide, .scsi, .fibreChannel, .network, .rdma])
        let isolation = DeviceClass.catalogue.filter(\.isAllowedInIsolation).map(\.kind)
        #expect(isolation == [.scsi, .network, .pci, .timeSync, .heartbeat, .shutdown])
    }

    @Test func `knows sockets by their pattern and port`() throws {
        let service = try #require(GUID("00000400-facb-11e6-bd58-64006a7986d3"))
        #expect(DeviceClass.of(service).kind == .socket)
        #expect(DeviceClass.hvSocketPort(of: service) == 1024)
        #expect(DeviceClass.hvSocketClass(port: 1024) == service)
        for text in ["00000400-facb-11e6-bd58-64006a7986d4", "00000400-facc-11e6-bd58-64006a7986d3"] {
            let other = try #require(GUID(text))
            #expect(DeviceClass.of(other).kind == .unknown)
            #expect(DeviceClass.hvSocketPort(of: other) == nil)
        }
    }

    @Test func `spells every kind differently and finds it again`() {
        #expect(Set(DeviceKind.allCases.map(\.word)).count == DeviceKind.allCases.count)
        for kind in DeviceKind.allCases {
            #expect(DeviceKind(word: kind.word) == kind)
            #expect(DeviceKind(rawValue: kind.rawValue) == kind)
        }
        #expect(DeviceKind(word: "Network") == nil)
    }

    @Test func `names the instances that every guest has`() throws {
        let names = [
            "fd149e91-82e0-4a7d-afa6-2a4166cbd7c0": "Heartbeat", "00000000-0001-8899-0000-000000000000": "IDE disk 1",
            "f8b3781b-1e82-4818-a1c3-63d806ec15bb": "Azure SCSI controller 1",
        ]
        for (text, name) in names { #expect(DeviceClass.instanceName(try #require(GUID(text))) == name) }
        let pci = try #require(GUID("6041f3c4-38d5-407c-b56f-985d03d32ca3"))
        #expect(DeviceClass.instanceName(pci) == nil)
        #expect(DeviceClass.pciDomain(ofInstance: pci) == 0x38D5)
    }
}
