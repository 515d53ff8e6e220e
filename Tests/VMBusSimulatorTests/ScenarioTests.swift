import Configuration
import Testing
import VMBusPartitions
import VMBusSimulator

@Suite struct ScenarioTests {
    @Test func `the shipped scenarios are readable`() throws {
        for name in Scenarios.names {
            let scenario = try #require(try Scenarios.named(name))
            #expect(scenario.name == name)
            #expect(!scenario.title.isEmpty)
        }
        #expect(try Scenarios.named("nobody") == nil)
    }

    static let wrong: [(String, String)] = [
        ("name = \"x\"", "guest"),
        ("name = 3", "name"),
        ("name = \"x\"\n[[guest]]\nname = \"a\"\nversion = \"9.9\"", "version"),
        ("name = \"x\"\n[[guest]]\nname = \"a\"\n[[guest.device]]\nkind = \"toaster\"", "toaster"),
        ("name = \"x\"\n[[guest]]\nname = \"a\"\n[[guest.device]]\nkind = \"network\"\nring_kib = 10", "ring_kib"),
        ("name = \"x\"\n[[guest]]\nname = \"a\"\n[[guest.device]]\nkind = \"network\"\nmac = \"1:2\"", "mac"),
        ("name = \"x\"\n[[guest]]\nname = \"a\"\nboot_at = \"soon\"", "boot_at"),
        ("name = \"x\"\n[[guest]]\nname = \"a\"\ncolour = 1", "colour"),
        ("name = \"x\"\n[[guest]]\nname = \"a\"\nprofile = \"beos\"", "default, linux, freebsd, openvmm"),
        ("name = \"x\"\n[root]\nprofile = \"xen\"\n[[guest]]\nname = \"a\"", "windows-host"),
        (
            "name = \"x\"\n[[guest]]\nname = \"a\"\n[[event]]\nat = \"1s\"\nguest = \"b\"\naction = \"reboot\"", "guest"
        ),
    ]

    @Test(arguments: wrong)
    func `a wrong scenario is an error that names the place`(_ text: String, _ place: String) {
        do {
            _ = try Scenario(ConfigurationDocument(parsing: text, file: "x.toml"))
            Issue.record("accepted: \(text)")
        } catch {
            #expect("\(error)".contains(place), "\(error)")
            #expect("\(error)".contains("x.toml"), "\(error)")
        }
    }
}
