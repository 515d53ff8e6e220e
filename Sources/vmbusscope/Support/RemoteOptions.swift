import ArgumentParser
import LinuxGuest

/// Which other machines to look at, and how to get there.
struct RemoteOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Look at that machine through ssh, as a partition of its own; may be given again. It needs this program there.",
            valueName: "host"))
    var remote: [String] = []

    @Option(help: ArgumentHelp("The program on the other machines, such as 'sudo vmbusscope'.", valueName: "words"))
    var remoteProgram: String?

    @Option(
        help: ArgumentHelp(
            "What to start instead of 'ssh -o BatchMode=yes …'; it gets the host and the program's words.",
            valueName: "words"))
    var ssh: String?

    /// One partition number each; more is a mistake.
    private static let most = 64

    func validate() throws {
        for (index, name) in remote.enumerated() {
            guard RemoteHost(name) != nil else {
                throw ValidationError("--remote \(name): no name of a machine; see what ssh takes, without options")
            }
            if remote[..<index].contains(name) { throw ValidationError("--remote \(name): it is there twice") }
        }
        if remote.count > Self.most { throw ValidationError("--remote: choose at most \(Self.most) machines") }
        if ssh.map({ Self.words($0).isEmpty }) == true { throw ValidationError("--ssh: name a program") }
        if remoteProgram.map({ Self.words($0).isEmpty }) == true {
            throw ValidationError("--remote-program: name a program")
        }
        if remote.isEmpty, ssh != nil || remoteProgram != nil {
            throw ValidationError("--ssh and --remote-program: add --remote HOST")
        }
    }

    /// The machines.
    var hosts: [RemoteHost] { remote.compactMap { RemoteHost($0) } }

    /// How the program is started there.
    func command(interval: Double) -> RemoteCommand {
        RemoteCommand(shell: ssh.map(Self.words), program: remoteProgram.map(Self.words), interval: interval)
    }

    private static func words(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }
}
