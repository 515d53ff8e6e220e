/// Another machine to look at, as people name it to ssh, with the command that leads there.
public struct RemoteHost: Sendable, Hashable {
    /// The name as it was given, which is also what the partition is called.
    public let name: String

    private static let longest = 255
    private static let signs: Set<Character> = [".", "-", "_", "@", ":", "[", "]", "%", "/", "+", "~"]

    /// A machine; nil for a name that ssh could take for an option, or that no machine has.
    public init?(_ name: String) {
        let parts = name.split(separator: "@", omittingEmptySubsequences: false)
        guard !name.isEmpty, name.utf8.count <= Self.longest, parts.allSatisfy({ !$0.isEmpty && $0.first != "-" }),
            name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) || Self.signs.contains($0) })
        else { return nil }
        self.name = name
    }
}

/// How the program on another machine is started.
public struct RemoteCommand: Sendable, Hashable {
    /// What is started here, without the machine's name.
    public var shell: [String]
    /// The program there, and what stands before it, such as `sudo`.
    public var program: [String]
    /// How often it looks there, in seconds.
    public var interval: Double
    /// What else it is told.
    public var options: [String]

    /// ssh that asks nothing: keys or an agent must let it in. It gives up on a machine that does not answer, and notices one
    /// that has stopped.
    public static let secureShell = [
        "ssh", "-T", "-x", "-a", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=5", "-o",
        "ServerAliveCountMax=3", "-o", "ClearAllForwardings=yes",
    ]

    /// A command.
    ///
    /// - Parameters:
    ///   - shell: words of what is started here in ssh's place; nil for ssh.
    ///   - program: words of the program there; nil for `vmbusscope`.
    public init(shell: [String]? = nil, program: [String]? = nil, interval: Double, options: [String] = []) {
        self.shell = shell ?? Self.secureShell
        self.program = program ?? ["vmbusscope"]
        self.interval = interval
        self.options = options
    }

    /// The words that start it for one machine.
    public func words(for host: RemoteHost) -> [String] {
        shell + [host.name] + program + ["live", "--stream", "--interval", String(interval)] + options
    }
}
