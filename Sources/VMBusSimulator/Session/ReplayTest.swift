import BusModel
import VMBusPartitions
import VMBusWire

/// A Swift test that replays a session.
enum ReplayTest {
    static func source(of source: SimulatorSource) -> String {
        var file = source.file
        // Stopping needs somebody who reads records; replaying does not.
        file.stops = []
        let text = file.text
        var fence = "#"
        while text.contains("\"\"\"" + fence) { fence += "#" }
        let place = source.moment.place
        let name = source.scenario.name.filter { $0.isLetter || $0.isNumber || $0 == "-" }
        let imports = ["Configuration", "Testing", "VMBusSimulator"].map { "import \($0)" }.joined(separator: "\n")
        return """
            \(imports)

            @Test func `the session of \(name) ends at record \(place.sequence) in the state that was written`() throws {
                let text = \(fence)\"""
            \(text.split(separator: "\n", omittingEmptySubsequences: false).map { "    " + $0 }.joined(separator: "\n"))
                \"""\(fence)
                let file = try SessionFile(ConfigurationDocument(parsing: text, file: "replay.session"))
                let source = try SimulatorSource(file)
                #expect(source.steps == \(place.step))
                #expect(source.position.sequence == \(place.sequence))
                #expect(source.fingerprint == \(Hexadecimal.prefixed(source.fingerprint)))
            }

            """
    }
}
