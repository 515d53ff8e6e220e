public import Configuration
public import VMBusPartitions

/// Small machines that are shipped to be searched through: one guest, one device, one thing that comes in between.
public enum ExplorationScenarios {
    /// Their names, in alphabetical order.
    public static let names = ["move", "network", "open", "reboot", "reoffer", "rescind"]

    /// The text of one of them; nil for a name that is none.
    public static func text(_ name: String) -> String? {
        switch name {
        case "open": machine("open", "A guest comes up and opens its only channel", event: "")
        case "network":
            machine("network", "A network adapter comes up and answers", event: "", kind: "network")
        case "reboot":
            machine("reboot", "The guest reboots while it comes up", event: event("reboot"))
        case "rescind":
            machine("rescind", "The device is taken away while the guest opens it", event: event("rescind"))
        case "reoffer":
            machine(
                "reoffer", "The device is taken away and offered again",
                event: event("rescind") + event("offer"))
        case "move":
            machine(
                "move", "The channel moves to another processor and the device is taken away",
                event: event("move", "cpu = 1") + event("rescind"))
        default: nil
        }
    }

    /// One of them, read; nil for a name that is none.
    public static func named(_ name: String) throws(ConfigurationError) -> Scenario? {
        guard let text = text(name) else { return nil }
        return try Scenario(ConfigurationDocument(parsing: Array(text.utf8), file: "\(name).toml"))
    }

    private static func machine(_ name: String, _ title: String, event: String, kind: String = "heartbeat") -> String {
        """
        name = "\(name)"
        title = "\(title)"

        [[guest]]
        name = "guest"
        processors = 2

        [[guest.device]]
        kind = "\(kind)"
        \(event)
        """
    }

    private static func event(_ action: String, _ more: String = "") -> String {
        """

        [[event]]
        at = "100us"
        guest = "guest"
        device = "heartbeat"
        action = "\(action)"
        \(more)
        """
    }
}
