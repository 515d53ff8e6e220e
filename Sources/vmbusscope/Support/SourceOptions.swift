import ArgumentParser
import Glibc
import LinuxGuest
import Platform

/// Which guest to look at.
struct SourceOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "See DIR/sys, DIR/proc and DIR/dev instead of this machine's: a tree that was copied from a guest.",
            valueName: "dir"))
    var sysroot: String?

    /// The guest's files.
    ///
    /// - Throws: `CommandFailure` if there is no such directory.
    func files() throws(CommandFailure) -> SystemFiles {
        if let sysroot {
            do throws(SystemError) {
                guard try SystemFiles().kind(of: sysroot.isEmpty ? "/" : sysroot) == .directory else {
                    throw SystemError(call: "--sysroot", code: ENOTDIR, path: sysroot)
                }
            } catch {
                throw CommandFailure(.failure, "\(error); name the directory that holds sys/")
            }
        }
        return SystemFiles(sysroot: sysroot)
    }

    /// The guest as a source of the log.
    ///
    /// - Parameter watch: how to look for a screen; nil looks at everything each time.
    /// - Throws: `CommandFailure` if there is no such directory.
    func source(_ watch: LiveWatch? = nil) throws(CommandFailure) -> LinuxGuestSource {
        LinuxGuestSource(
            files: try files(), title: sysroot.map { PrintableText.harmless($0) }, watch: watch,
            clock: { MonotonicClock.now() })
    }

    /// How a screen looks at the guest. The kernel's uevents are about this machine and not about a copied tree.
    func watch() -> LiveWatch {
        LiveWatch(uevents: sysroot == nil ? try? UeventSocket() : nil)
    }

    /// Where the bus would be, for messages.
    var busPath: String {
        var root = sysroot ?? ""
        while root.hasSuffix("/") { root.removeLast() }
        return root + "/sys/bus/vmbus/devices"
    }
}

/// How often to look.
struct SamplingOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Seconds between two looks.", valueName: "s"))
    var interval = 1.0

    func validate() throws {
        guard Self.range.contains(interval) else {
            throw ValidationError("--interval \(interval): choose from 0.05 to 86400 seconds")
        }
    }

    /// The pause as a duration.
    var duration: Duration { .milliseconds(Int64(interval * 1000)) }

    static let range = 0.05...86400
}
