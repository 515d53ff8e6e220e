// swift-tools-version: 6.2
import PackageDescription

/// What every Swift target is compiled with. Warnings are errors where the environment asks for it (continuous integration).
let settings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ] + (Context.environment["VMBUSSCOPE_WARNINGS_AS_ERRORS"] == nil ? [] : [.treatAllWarnings(as: .error)])

/// Targets that never touch a pointer say so to the compiler.
let memorySafe = settings + [.strictMemorySafety()]

/// The release must stay below its limit: it has small what waits for people or the kernel, and fast what carries packets
/// or takes the simulator's steps.
let small: [SwiftSetting] = [.unsafeFlags(["-Osize"], .when(configuration: .release))]

let package = Package(
    name: "VMBusScope",
    products: [.executable(name: "vmbusscope", targets: ["vmbusscope"])],
    traits: [
        .trait(name: "Fuzzing", description: "The program fuzz is a libFuzzer target; see .ci/fuzz."),
        .trait(name: "FuzzingCanary", description: "Places deep in each fuzz target count as findings."),
        .trait(name: "Mutations", description: "Planted bugs that tests choose by value, one for each rule."),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    ],
    targets: [
        .systemLibrary(name: "CNcurses"),
        .systemLibrary(name: "CCompression"),
        .target(name: "CLinux"),
        .target(name: "CRing", cSettings: [.unsafeFlags(["-O3"])]),
        .target(name: "VMBusWire", swiftSettings: settings),
        .target(name: "Platform", dependencies: ["CLinux", "CCompression"], swiftSettings: settings),
        .target(
            name: "Configuration", dependencies: [.product(name: "TOMLKit", package: "TOMLKit")],
            swiftSettings: settings + small),
        .target(name: "BusModel", dependencies: ["VMBusWire"], swiftSettings: memorySafe),
        .target(name: "VMBusRing", dependencies: ["VMBusWire"], swiftSettings: settings),
        .target(name: "VMBusEngine", dependencies: ["VMBusWire"], swiftSettings: memorySafe),
        .target(name: "VMBusDevices", dependencies: ["VMBusWire"], swiftSettings: memorySafe),
        .target(
            name: "VMBusPartitions",
            dependencies: ["VMBusRing", "VMBusEngine", "VMBusDevices", "BusModel", "Configuration", "VMBusWire"],
            swiftSettings: memorySafe),
        .target(name: "Query", dependencies: ["BusModel", "VMBusWire"], swiftSettings: memorySafe + small),
        .target(
            name: "ProtocolRules", dependencies: ["BusModel", "VMBusDevices", "VMBusWire"],
            swiftSettings: memorySafe),
        .target(
            name: "VMBusSimulator",
            dependencies: [
                "VMBusPartitions", "VMBusEngine", "VMBusDevices", "VMBusRing", "Query", "ProtocolRules",
                "Configuration", "BusModel", "VMBusWire",
            ],
            resources: [.embedInCode("Scenarios")],
            swiftSettings: settings),
        .target(
            name: "VMMBridge",
            dependencies: [
                "VMBusPartitions", "VMBusRing", "VMBusDevices", "BusModel", "Platform", "Configuration", "VMBusWire",
            ],
            swiftSettings: settings + small),
        .target(
            name: "LinuxGuest",
            dependencies: [
                "VMBusPartitions", "VMBusRing", "VMBusDevices", "BusModel", "Platform", "VMBusWire",
            ],
            swiftSettings: settings + small),
        .target(
            name: "CaptureFiles",
            dependencies: ["VMBusRing", "VMBusDevices", "BusModel", "Platform", "VMBusWire"],
            resources: [.embedInCode("Recordings/FORMAT.md"), .embedInCode("Wireshark/dissector.lua")],
            swiftSettings: memorySafe + small),
        .target(
            name: "Inspector", dependencies: ["BusModel", "Query", "ProtocolRules", "VMBusDevices", "VMBusWire"],
            swiftSettings: memorySafe + small),
        .target(
            name: "Benchmarks",
            dependencies: [
                "VMBusSimulator", "VMBusPartitions", "VMBusDevices", "VMBusRing", "VMBusEngine", "LinuxGuest",
                "CaptureFiles", "BusModel", "Platform", "CRing", "VMBusWire",
            ],
            swiftSettings: settings),
        .target(
            name: "Themes", path: "Themes",
            resources: ["dark", "high-contrast", "light", "mono"].map { .embedInCode("\($0).toml") },
            swiftSettings: settings),
        .target(
            name: "InspectorTUI",
            dependencies: [
                "Inspector", "Query", "Themes", "Configuration", "CNcurses", "Platform", "BusModel", "VMBusWire",
            ],
            swiftSettings: settings + small),
        .executableTarget(
            name: "vmbusscope",
            dependencies: [
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                "VMBusSimulator", "VMMBridge", "LinuxGuest", "CaptureFiles", "Benchmarks", "Inspector", "InspectorTUI",
                "BusModel", "Query", "ProtocolRules", "Platform", "Themes", "Configuration", "VMBusPartitions",
                "VMBusEngine",
                "VMBusRing", "VMBusDevices",
                "VMBusWire",
            ],
            swiftSettings: settings + small,
            // Equal functions are one; generic code has many.
            linkerSettings: [.unsafeFlags(["-Xlinker", "--icf=safe"], .when(configuration: .release))]),
        .target(
            name: "FuzzTargets",
            dependencies: [
                "Inspector", "LinuxGuest", "CaptureFiles", "BusModel", "VMBusRing", "VMBusEngine", "VMBusDevices",
                "VMBusPartitions", "Platform", "VMBusWire",
            ],
            path: "Tests/Fuzz/Targets", swiftSettings: settings),
        .executableTarget(
            name: "fuzz", dependencies: ["FuzzTargets"], path: "Tests/Fuzz/Driver", swiftSettings: settings),
        .testTarget(
            name: "FuzzTests",
            dependencies: [
                "FuzzTargets", "LinuxGuest", "CaptureFiles", "VMBusSimulator", "VMBusEngine", "VMBusPartitions",
                "VMBusDevices",
                "BusModel",
                "Platform", "VMBusWire",
            ],
            path: "Tests/Fuzz/Tests", swiftSettings: settings),
        .target(name: "TestSupport", path: "Tests/Support", swiftSettings: settings),
        .testTarget(name: "HouseTests", swiftSettings: settings),
        .testTarget(name: "VMBusWireTests", dependencies: ["VMBusWire", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "VMBusEngineTests", dependencies: ["VMBusEngine", "VMBusWire", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "VMBusRingTests", dependencies: ["VMBusRing", "VMBusWire", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "BenchmarksTests", dependencies: ["Benchmarks", "CRing", "VMBusRing", "Platform", "VMBusWire"],
            swiftSettings: settings),
        .testTarget(name: "ConfigurationTests", dependencies: ["Configuration"], swiftSettings: settings),
        .testTarget(name: "PlatformTests", dependencies: ["Platform", "CLinux"], swiftSettings: settings),
        .testTarget(
            name: "InspectorTUITests",
            dependencies: [
                "InspectorTUI", "Inspector", "Query", "VMBusSimulator", "Themes", "Configuration", "Platform",
                "BusModel", "VMBusWire",
            ],
            exclude: ["Goldens"], swiftSettings: settings),
        .testTarget(
            name: "BusModelTests", dependencies: ["BusModel", "VMBusWire", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "QueryTests", dependencies: ["Query", "VMBusWire"], swiftSettings: settings),
        .testTarget(
            name: "ProtocolRulesTests",
            dependencies: [
                "ProtocolRules", "VMBusSimulator", "VMBusPartitions", "VMBusDevices", "Configuration", "BusModel",
                "VMBusWire",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "InspectorTests",
            dependencies: ["Inspector", "Query", "VMBusSimulator", "BusModel", "VMBusWire", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "LinuxGuestTests",
            dependencies: [
                "LinuxGuest", "Inspector", "InspectorTUI", "BusModel", "VMBusDevices", "Platform", "VMBusWire",
                "TestSupport",
            ],
            exclude: ["Fixtures"], swiftSettings: settings),
        .testTarget(
            name: "VMBusSimulatorTests",
            dependencies: [
                "VMBusSimulator", "VMBusPartitions", "VMBusEngine", "VMBusDevices", "VMBusRing", "ProtocolRules",
                "Inspector", "Query", "BusModel", "VMBusWire", "Configuration",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "VMBusPartitionsTests",
            dependencies: ["VMBusPartitions", "VMBusDevices", "VMBusRing", "BusModel", "Configuration", "VMBusWire"],
            swiftSettings: settings),
        .testTarget(
            name: "VMBusDevicesTests", dependencies: ["VMBusDevices", "VMBusWire", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "CaptureFilesTests",
            dependencies: [
                "CaptureFiles", "VMBusSimulator", "VMBusPartitions", "VMBusDevices", "Inspector", "ProtocolRules",
                "Configuration", "BusModel", "Platform", "VMBusRing", "VMBusWire", "TestSupport",
            ],
            exclude: ["Fixtures"], swiftSettings: settings),
        .testTarget(
            name: "VMMBridgeTests",
            dependencies: [
                "VMMBridge", "LinuxGuest", "VMBusPartitions", "VMBusEngine", "VMBusDevices", "VMBusRing",
                "Configuration", "BusModel",
                "Platform",
                "VMBusWire",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "vmbusscopeTests",
            dependencies: ["vmbusscope", "Benchmarks", "VMBusRing", "Platform", "TestSupport"],
            swiftSettings: settings),
    ]
)
