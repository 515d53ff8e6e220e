import Glibc
import Testing

/// DESIGN's table of targets and what each may import, held against the manifest and the sources.
@Suite struct ImportTableTests {
    /// What a target may import besides whatever those may import themselves.
    static let table: [(target: String, imports: [String])] = [
        ("CNcurses", []), ("CCompression", []), ("CLinux", []), ("CRing", []),
        ("VMBusWire", []),
        ("Platform", ["CLinux", "CCompression"]),
        ("Configuration", []),
        ("BusModel", ["VMBusWire"]),
        ("VMBusRing", ["VMBusWire"]),
        ("VMBusEngine", ["VMBusWire"]),
        ("VMBusDevices", ["VMBusWire"]),
        ("VMBusPartitions", ["VMBusRing", "VMBusEngine", "VMBusDevices", "BusModel", "Configuration"]),
        ("Query", ["BusModel"]),
        ("ProtocolRules", ["BusModel", "VMBusDevices"]),
        ("VMBusSimulator", ["VMBusPartitions", "Query", "ProtocolRules", "Configuration"]),
        ("VMMBridge", ["VMBusPartitions", "Platform", "Configuration"]),
        ("LinuxGuest", ["VMBusPartitions", "BusModel", "Platform"]),
        ("CaptureFiles", ["VMBusRing", "BusModel", "VMBusDevices", "Query", "Platform"]),
        (
            "Benchmarks",
            [
                "VMBusSimulator", "VMBusRing", "VMBusEngine", "LinuxGuest", "CaptureFiles", "BusModel", "Platform",
                "CRing",
            ]
        ),
        ("Inspector", ["BusModel", "Query", "ProtocolRules", "VMBusDevices"]),
        ("Themes", []),
        ("InspectorTUI", ["Inspector", "Themes", "Configuration", "CNcurses", "Platform"]),
        (
            "vmbusscope",
            [
                "VMBusSimulator", "VMMBridge", "LinuxGuest", "CaptureFiles", "InspectorTUI", "Configuration",
                "Benchmarks",
            ]
        ),
    ]

    /// Modules that come with the toolchain; everything else is a package and allowed only where it is named here.
    static let toolchain: Set<String> = ["Glibc", "Synchronization", "FoundationEssentials"]
    static let packages: [String: Set<String>] = ["Configuration": ["TOMLKit"], "vmbusscope": ["ArgumentParser"]]

    static func allowed(_ target: String) -> Set<String> {
        var result: Set<String> = []
        var pending = table.first { $0.target == target }?.imports ?? []
        while let next = pending.popLast() {
            guard result.insert(next).inserted else { continue }
            pending += table.first { $0.target == next }?.imports ?? []
        }
        return result
    }

    static let root: String = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        .joined(separator: "/")

    @Test func `every target imports only what stands below it`() throws {
        var files = 0
        for (target, _) in Self.table {
            let folder = target == "Themes" ? "\(Self.root)/Themes" : "\(Self.root)/Sources/\(target)"
            let allowed = Self.allowed(target).union(Self.toolchain).union(Self.packages[target] ?? [])
            for path in swiftFiles(below: folder) {
                files += 1
                for module in imports(of: path) {
                    #expect(allowed.contains(module), "\(path) imports \(module), which \(target) must not")
                }
            }
        }
        #expect(files > 50, "only \(files) files were found below \(Self.root)")
    }

    @Test func `every folder under Sources is a target of the table`() {
        for name in directory("\(Self.root)/Sources") where !name.hasPrefix(".") {
            #expect(Self.table.contains { $0.target == name }, "Sources/\(name) is not in the table")
        }
    }

    @Test func `the manifest gives no target more than the table`() throws {
        let manifest = try #require(contents(of: "\(Self.root)/Package.swift"))
        for (target, _) in Self.table {
            guard let start = manifest.range(of: "name: \"\(target)\"") else { continue }
            let declaration = manifest[start...].prefix { $0 != "]" }
            guard let list = declaration.split(separator: "[", maxSplits: 1).dropFirst().first,
                declaration.contains("dependencies:")
            else { continue }
            let names = list.split(separator: "\"").enumerated().filter { $0.offset % 2 == 1 }.map {
                String($0.element)
            }
            let ours = names.filter { name in Self.table.contains { $0.target == name } && name != target }
            for name in ours { #expect(Self.allowed(target).contains(name), "\(target) depends on \(name)") }
        }
    }

    @Test func `the top level holds nothing but what it should`() {
        for name in directory(Self.root) where !name.hasPrefix(".") && name != "Package.resolved" {
            #expect(["Package.swift", "Sources", "Tests", "README.md", "Themes"].contains(name), "\(name)")
        }
    }
}

extension String {
    fileprivate func range(of needle: String) -> String.Index? {
        var index = startIndex
        while index < endIndex {
            if self[index...].hasPrefix(needle) { return index }
            index = self.index(after: index)
        }
        return nil
    }
}

private func directory(_ path: String) -> [String] {
    guard let handle = opendir(path) else { return [] }
    defer { closedir(handle) }
    var names: [String] = []
    while let entry = readdir(handle) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
}

private func swiftFiles(below folder: String) -> [String] {
    directory(folder).flatMap { name -> [String] in
        let path = "\(folder)/\(name)"
        return name.hasSuffix(".swift") ? [path] : name.contains(".") ? [] : swiftFiles(below: path)
    }
}

private func contents(of path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = fread(&buffer, 1, buffer.count, file)
        if count == 0 { return String(decoding: bytes, as: UTF8.self) }
        bytes += buffer.prefix(count)
    }
}

private func imports(of path: String) -> [String] {
    (contents(of: path) ?? "").split(separator: "\n").compactMap { line in
        var words = line.split(separator: " ").map(String.init)
        while let first = words.first,
            first.hasPrefix("@") || ["public", "internal", "package", "private"].contains(first)
        {
            words.removeFirst()
        }
        guard words.first == "import", words.count > 1 else { return nil }
        let kinds = ["struct", "class", "enum", "protocol", "typealias", "func", "let", "var"]
        let module = kinds.contains(words[1]) && words.count > 2 ? words[2] : words[1]
        return module.split(separator: ".").first.map(String.init)
    }
}
