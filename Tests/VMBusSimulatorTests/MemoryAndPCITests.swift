import Configuration
import Testing
import VMBusDevices
import VMBusPartitions
import VMBusSimulator
import VMBusWire

/// Dynamic memory and a virtual PCI bus in the simulator, as scenarios make them.
@Suite struct MemoryAndPCITests {
    static let second: UInt64 = 1_000_000_000

    @Test func `the shipped scenario shows memory and a function that come and go, and breaks no rule`() throws {
        let run = try ScenarioRun("memory-and-pci", until: 4 * Self.second)
        #expect(run.faults == [])
        for expected in [
            "guest's pci: function 1414:5653 at 0.0 works, with vector 64",
            "guest's pci: function 1414:5653 at 0.0 interrupts with vector 64",
            "balloon: the guest gave 16384 of 16384 pages in 3 messages",
            "balloon: the guest gave 8192 of 16384 pages in 1 messages",
            "balloon: the guest has 10000 pages back, 6384 are held",
            "balloon: the guest took 32768 of 32768 added pages",
            "balloon: the guest has 6384 pages back, 0 are held",
            "balloon: the guest has 8192 pages back, 0 are held",
            "pci: the guest has let go of function 1414:5653 at 0.0",
        ] {
            #expect(run.notes.contains(expected), "\(expected)")
        }
        // Each guest finds its function twice, and one of them is interrupted before and after.
        #expect(run.notes.count { $0.contains("works, with vector 64") } == 4)
        #expect(run.notes.count { $0.contains("interrupts with vector") } == 2)
        #expect(run.notes.last { $0.hasPrefix("balloon: 0 pages are held") }?.contains("pressure") == true)
    }

    @Test(arguments: [
        ("balloon", "version = \"3.0\"", "version"), ("balloon", "account_mib = 0", "account_mib"),
        ("balloon", "range_pages = 65537", "range_pages"), ("balloon", "memory_kib = 4", "memory_kib"),
        ("pci", "version = \"1.7\"", "version"), ("pci", "memory_kib = 3", "memory_kib"),
        ("pci", "memory_kib = 131072", "memory_kib"), ("pci", "vendor = 65535", "vendor"),
        ("heartbeat", "floor_mib = 1", "floor_mib"),
    ])
    func `a value that cannot be is refused by its name`(_ kind: String, _ line: String, _ key: String) {
        let text = "name = \"one\"\n[[guest]]\nname = \"g\"\n[[guest.device]]\nkind = \"\(kind)\"\n\(line)\n"
        do {
            _ = try Scenario(ConfigurationDocument(parsing: text, file: "one.toml"))
            Issue.record("\(line) was taken for a \(kind)")
        } catch {
            #expect("\(error)".contains(key))
        }
    }

    @Test func `a function with memory is offered with room for it`() throws {
        let text = """
            name = "one"
            [[guest]]
            name = "g"
            [[guest.device]]
            kind = "pci"
            memory_kib = 4096
            [[guest.device]]
            kind = "balloon"
            version = "1.0"
            maximum_mib = 2
            """
        let scenario = try Scenario(ConfigurationDocument(parsing: text, file: "one.toml"))
        #expect(scenario.guests[0].host.devices[0].pci?.host.memorySize == 4_194_304)
        #expect(scenario.guests[0].host.devices[1].balloon?.host.maximumPages == 512)
        #expect(scenario.guests[0].host.devices[1].instance.description == "1eccfd72-4b41-45ef-b73a-4a6e44c12924")
    }
}
