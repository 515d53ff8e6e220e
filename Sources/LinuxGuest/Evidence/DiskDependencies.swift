import Platform

/// What needs disks: mounted file systems and swap, through partitions, device mapper and RAID.
struct DiskDependencies {
    /// Who needs which disk, the root file system first; the failure where the mounts cannot be read.
    let users: Readout<[DependencyUser]>

    private static let limit = 4 << 20

    private struct Mount {
        /// `8:1`; of no use for file systems on several devices.
        let number: String
        let point: String
        let source: String
    }

    /// Reads the tables of mounts and swap.
    init(_ files: any FileLayer) {
        let mounts = files.readoutOfTable("/proc/self/mountinfo", limit: Self.limit, as: Self.mounts)
        guard let mounted = mounts.value else {
            users = mounts.map { _ in [] }
            return
        }
        var found: [DependencyUser] = []
        for mount in mounted.filter({ $0.point == "/" }) + mounted.filter({ $0.point != "/" }) {
            let what = mount.point == "/" ? "root file system" : mount.point
            found += Self.disks(of: mount, files).map { DependencyUser(device: $0, what: what) }
        }
        let swaps = files.readoutOfTable("/proc/swaps", limit: Self.limit, as: Self.swaps).value ?? []
        for path in swaps {
            let disks: [String]
            if path.hasPrefix("/dev/") {
                disks = Self.disks(ofNode: path, files)
            } else {
                // A file: the disks of the mount that it lies in.
                let home = mounted.filter { path.hasPrefix($0.point == "/" ? "/" : $0.point + "/") }
                    .max { $0.point.utf8.count < $1.point.utf8.count }
                disks = home.map { Self.disks(of: $0, files) } ?? []
            }
            found += disks.map { DependencyUser(device: $0, what: "swap") }
        }
        users = .known(found)
    }

    // MARK: Tables

    /// `36 35 8:1 / /boot rw,relatime shared:1 - ext4 /dev/sda1 rw`. Only whole file systems count: a part of one that is mounted
    /// elsewhere says nothing new. The root is one even as a part, as some file systems have it.
    private static func mounts(_ bytes: [UInt8]) throws(FormatError) -> [Mount] {
        var mounts: [Mount] = []
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let words = line.split(separator: UInt8(ascii: " "))
            guard let dash = words.firstIndex(where: { $0.elementsEqual("-".utf8) }), dash >= 6, words.count > dash + 2
            else { continue }
            let point = unescaped(words[4])
            guard point == "/" || words[3].elementsEqual("/".utf8) else { continue }
            mounts.append(
                Mount(
                    number: String(decoding: words[2], as: UTF8.self), point: point, source: unescaped(words[dash + 2])
                ))
        }
        return mounts
    }

    /// The first column, behind a line with the columns' names.
    private static func swaps(_ bytes: [UInt8]) throws(FormatError) -> [String] {
        bytes.split(separator: UInt8(ascii: "\n")).dropFirst().compactMap { line in
            line.split(whereSeparator: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }).first.map(unescaped)
        }
    }

    /// The kernel writes blanks and the like as `\040`.
    private static func unescaped(_ word: ArraySlice<UInt8>) -> String {
        var bytes: [UInt8] = []
        var rest = word
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3, digits.allSatisfy({ (0x30...0x37).contains($0) }) {
                bytes.append(digits.reduce(0) { $0 << 3 | ($1 & 7) })
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return PrintableText.harmless(String(decoding: bytes, as: UTF8.self))
    }

    // MARK: Disks

    private static func disks(of mount: Mount, _ files: any FileLayer) -> [String] {
        if let link = try? files.linkTarget(of: "/sys/dev/block/" + mount.number), let name = last(link) {
            return disks(below: name, files)
        }
        return mount.source.hasPrefix("/dev/") ? disks(ofNode: mount.source, files) : []
    }

    private static func disks(ofNode path: String, _ files: any FileLayer) -> [String] {
        // `/dev/mapper/NAME` and the like are links to the node that sysfs knows.
        let target = (try? files.linkTarget(of: path)) ?? path
        return last(target).map { disks(below: $0, files) } ?? []
    }

    /// The whole disks that a block device is made of, by the slaves of mapped ones and the parents of partitions.
    private static func disks(below name: String, _ files: any FileLayer) -> [String] {
        var waiting = [name]
        var seen: [String] = []
        var disks: [String] = []
        while let next = waiting.popLast(), seen.count < 256 {
            guard !seen.contains(next) else { continue }
            seen.append(next)
            let slaves = files.namesIfAny(in: "/sys/class/block/\(next)/slaves")
            if !slaves.isEmpty {
                waiting += slaves
                continue
            }
            // A partition's directory lies in that of its disk.
            let place = "/sys/class/block/" + next
            if (try? files.kind(of: place + "/partition")) != nil, let link = try? files.linkTarget(of: place),
                let disk = link.split(separator: "/").dropLast().last
            {
                disks.append(String(disk))
            } else {
                disks.append(next)
            }
        }
        return disks
    }

    private static func last(_ path: String) -> String? {
        path.split(separator: "/").last.map(String.init)
    }
}
