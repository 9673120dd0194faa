// swift-tools-version: 6.2
import PackageDescription

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let asyncHTTPClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let jwtKit: Target.Dependency = .product(name: "JWTKit", package: "jwt-kit")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let serviceLifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")

// How the library for other languages is linked: the Swift runtime inside, the header's functions outside and nothing
// else, and an error for whatever is missing, which would otherwise be one when it is loaded.
let standingAlone: [LinkerSetting] = [
    .linkedLibrary("_FoundationCollections", .when(platforms: [.linux], configuration: .release)),
    .linkedLibrary("_FoundationCShims", .when(platforms: [.linux], configuration: .release)),
    .linkedLibrary("swiftSynchronization", .when(platforms: [.linux], configuration: .release)),
    .unsafeFlags(
        ["-static-stdlib"]
            + [
                "-soname=librefreshclient.so.1", "--gc-sections", "-z", "defs", "-z", "nodelete",
                "--version-script=\(Context.packageDirectory)/Sources/CRefreshClientHeader/refreshclient.map",
                "--no-undefined-version",
            ].flatMap { ["-Xlinker", $0] },
        .when(platforms: [.linux], configuration: .release)),
]

let package = Package(
    name: "refreshd",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "RefreshClient", targets: ["RefreshClient"]),
        // For every other language; the Makefile's target `library` makes of it what is installed.
        .library(name: "refreshclient", type: .dynamic, targets: ["CRefreshClient"]),
        .library(name: "WorkOS", targets: ["WorkOS"]),
        .library(name: "AuthKit", targets: ["AuthKit"]),
        .library(name: "AuthKitMiddleware", targets: ["AuthKitMiddleware"]),
        .executable(name: "lease-simulation", targets: ["lease-simulation"]),
        .executable(name: "refresh-storm", targets: ["refresh-storm"]),
        .executable(name: "lease-dump", targets: ["lease-dump"]),
        .executable(name: "refreshd", targets: ["refreshd"]),
        .executable(name: "workos-emulator", targets: ["workos-emulator"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-async-algorithms", from: "1.1.4"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        // LeaseTable calls its BoringSSL directly, whose names only a minor version may change.
        .package(url: "https://github.com/apple/swift-crypto", .upToNextMinor(from: "4.5.2")),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        // What glibc offers only under _GNU_SOURCE, and fork(), which Swift's importer withholds.
        .target(name: "CLinux"),
        .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
        .target(name: "ProcessSupport", dependencies: ["CLinux"]),
        .target(name: "LMDB", dependencies: ["CLMDB", "CLinux", "ProcessSupport"]),
        .target(name: "LeaseTable", dependencies: ["LMDB", "CLinux", "ProcessSupport", crypto, logging]),
        // What every process counts, in a file that all of them share.
        .target(name: "FleetCounters", dependencies: ["CLinux", "LMDB", "LeaseTable", "ProcessSupport"]),
        .testTarget(name: "LeaseTableTests", dependencies: ["LeaseTable", "ProcessSupport", "SeededRandom", crypto]),
        // Leases as operators see them: in a table, in JSON, over HTTP.
        .target(name: "LeaseReports", dependencies: ["FleetCounters", "LeaseTable", "ProcessSupport"]),
        .executableTarget(
            name: "lease-dump",
            dependencies: [
                "CLinux", "FleetCounters", "LeaseReports", "LeaseTable", "LMDB", "ProcessSupport", "WorkOS",
                argumentParser,
            ],
            path: "Sources/LeaseDump"),
        .executableTarget(
            name: "refreshd",
            dependencies: [
                "FleetCounters", "LeaseReports", "LeaseTable", "LMDB", "ProcessSupport", "RefreshClient", "WorkOS",
                argumentParser, asyncHTTPClient, crypto, logging, serviceLifecycle, unixSignals,
                .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            path: "Sources/RefreshDaemon"),
        // A worker process that stays while Tests/Sidecar replaces refreshd beside it.
        .executableTarget(
            name: "sidecar-worker", dependencies: ["RefreshClient", "WorkOS"], path: "Tests/SidecarWorker"),
        // A process that holds leases, for tests that look at its table or kill it.
        .executableTarget(
            name: "lease-holder", dependencies: ["LeaseTable", "ProcessSupport"], path: "Tests/LeaseHolder"),
        // Directories, programs and leases for the tests of the two commands.
        .target(
            name: "TableTestSupport", dependencies: ["CLinux", "LeaseTable", "ProcessSupport", "lease-holder"],
            path: "Tests/TableTestSupport"),
        .testTarget(
            name: "LeaseDumpTests",
            dependencies: [
                "FleetCounters", "LeaseReports", "LeaseTable", "LMDB", "ProcessSupport", "TableTestSupport",
                "fleet-counter-worker", "lease-dump",
            ]),
        .testTarget(
            name: "RefreshDaemonTests",
            dependencies: [
                "FleetCounters", "LeaseReports", "LeaseTable", "LMDB", "ProcessSupport", "RefreshClient",
                "TableTestSupport", "fleet-counter-worker", "refreshd", asyncHTTPClient, logging, serviceLifecycle,
                .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        // A process that counts, under a test's command: to be killed and forked.
        .executableTarget(
            name: "fleet-counter-worker", dependencies: ["CLinux", "FleetCounters", "LeaseTable", "ProcessSupport"],
            path: "Tests/FleetCounterWorker"),
        .testTarget(
            name: "FleetCountersTests",
            dependencies: [
                "FleetCounters", "LMDB", "LeaseTable", "ProcessSupport", "SeededRandom", "TableTestSupport",
                "fleet-counter-worker",
            ]),
        // The protocol on a simulated machine, with the real records and the real decisions on them.
        .target(
            name: "LeaseSimulator", dependencies: ["LeaseTable", "ProcessSupport", "SeededRandom"],
            path: "Tests/LeaseSimulator"),
        .executableTarget(
            name: "lease-simulation", dependencies: ["LeaseSimulator", argumentParser], path: "Tests/LeaseSimulation"),
        .testTarget(name: "LeaseSimulatorTests", dependencies: ["LeaseSimulator", "lease-simulation"]),
        .target(
            name: "RefreshClient", dependencies: ["FleetCounters", "LeaseTable", "ProcessSupport", logging]),
        // A worker process under a test's command: to be killed, stopped and forked.
        .executableTarget(
            name: "refresh-client-worker",
            dependencies: ["CLinux", "LeaseTable", "LMDB", "ProcessSupport", "RefreshClient", logging],
            path: "Tests/RefreshClientWorker"),
        .testTarget(
            name: "RefreshClientTests",
            dependencies: [
                "FleetCounters", "LeaseTable", "LMDB", "ProcessSupport", "RefreshClient", "SanitizerSupport",
                "SeededRandom",
                "refresh-client-worker", logging,
            ]),
        // libcurl's header at build time, its library by dlopen when first needed: nothing links it.
        .target(name: "CCurl"),
        .target(name: "WorkOS", dependencies: ["CCurl", "ProcessSupport", "RefreshClient"]),
        // The header, and in C what calls back into the program, so that no Swift is below a callback.
        .target(name: "CRefreshClientHeader"),
        .target(
            name: "CRefreshClient",
            dependencies: [
                "CCurl", "CRefreshClientHeader", "LeaseTable", "ProcessSupport", "RefreshClient", "WorkOS", logging,
            ],
            linkerSettings: standingAlone),
        // One attempt in a process of its own, where a test needs an environment, a fork or a signal's default.
        .executableTarget(
            name: "workos-probe", dependencies: ["CLinux", "ProcessSupport", "RefreshClient", "WorkOS"],
            path: "Tests/WorkOSProbe"),
        .testTarget(
            name: "WorkOSTests",
            dependencies: ["RefreshClient", "SanitizerSupport", "TableTestSupport", "WorkOS", "workos-probe"],
            exclude: ["Fixtures"]),
        // Sessions for Swift servers; the middleware alone brings a server framework.
        .target(
            name: "AuthKit",
            dependencies: ["LeaseTable", "ProcessSupport", "RefreshClient", "WorkOS", crypto, jwtKit, logging]),
        .target(
            name: "AuthKitMiddleware",
            dependencies: ["AuthKit", "RefreshClient", hummingbird, httpTypes, logging]),
        // A process of a server that uses AuthKit, under a test's command.
        .executableTarget(
            name: "authkit-worker",
            dependencies: ["AuthKit", "AuthKitTestSupport", "LeaseTable", "RefreshClient", "WorkOS", logging],
            path: "Tests/AuthKitWorker"),
        // Keys, clocks and upstreams that a test decides on, and what is said to and by a worker process.
        .target(
            name: "AuthKitTestSupport",
            dependencies: ["AuthKit", "LeaseTable", "RefreshClient", "WorkOS", cryptoExtras, jwtKit, logging],
            path: "Tests/AuthKitTestSupport"),
        .testTarget(
            name: "AuthKitTests",
            dependencies: [
                "AuthKit", "AuthKitTestSupport", "ProcessSupport", "RefreshClient", "TableTestSupport", "WorkOS",
                "authkit-worker", "workos-emulator", crypto,
            ]),
        .testTarget(
            name: "AuthKitMiddlewareTests",
            dependencies: [
                "AuthKit", "AuthKitMiddleware", "AuthKitTestSupport", "RefreshClient", "WorkOS", httpTypes,
                hummingbird, logging, .product(name: "HummingbirdTesting", package: "hummingbird"),
            ]),
        .target(
            name: "WorkOSEmulator",
            dependencies: [
                crypto, cryptoExtras, httpTypes, hummingbird, jwtKit, logging, serviceLifecycle,
                .product(name: "NIOCore", package: "swift-nio"),
            ]),
        .executableTarget(
            name: "workos-emulator",
            dependencies: ["WorkOSEmulator", argumentParser, logging, serviceLifecycle, unixSignals],
            path: "Sources/WorkOSEmulatorCommand"),
        .testTarget(
            name: "WorkOSEmulatorTests",
            dependencies: ["WorkOSEmulator", "workos-emulator", jwtKit, logging, serviceLifecycle]),
        // Chance that a seed repeats: for storms, schedules and tests.
        .target(name: "SeededRandom"),
        // What the programs that play many processes have in common.
        .target(name: "StormSupport", dependencies: ["CCurl", "CLinux", "ProcessSupport", "WorkOS", crypto]),
        .executableTarget(
            name: "refresh-storm",
            dependencies: [
                "CLinux", "LMDB", "LeaseTable", "ProcessSupport", "RefreshClient", "SeededRandom", "StormSupport",
                "WorkOS", argumentParser, crypto, logging,
            ],
            path: "Sources/RefreshStorm"),
        // Kills and stops real worker processes wherever they are, and checks what must hold.
        .executableTarget(
            name: "refresh-torture",
            dependencies: [
                "CLinux", "CProcessTesting", "LMDB", "LeaseTable", "ProcessSupport", "RefreshClient", "SeededRandom",
                "StormSupport", "WorkOS", argumentParser, crypto, logging,
            ],
            path: "Tests/RefreshTorture"),
        .testTarget(name: "RefreshTortureTests", dependencies: ["refresh-torture", "workos-emulator"]),
        .testTarget(name: "RefreshStormTests", dependencies: ["refresh-storm", "workos-emulator"]),
        .executableTarget(
            name: "swift-worker", dependencies: ["RefreshClient", "WorkOS"], path: "examples/swift-worker"),
        .executableTarget(
            name: "hummingbird-authkit",
            dependencies: [
                "AuthKit", "AuthKitMiddleware", "LeaseTable", "WorkOS", argumentParser, httpTypes, hummingbird,
                logging, serviceLifecycle, unixSignals, .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "examples/hummingbird-authkit", exclude: ["README.md"]),
        // The code of the articles, so that it compiles.
        .target(
            name: "DocumentationSnippets",
            dependencies: [
                "AuthKit", "AuthKitMiddleware", "LeaseTable", "RefreshClient", "WorkOS", hummingbird, logging,
            ],
            path: "Tests/DocumentationSnippets"),
        .testTarget(name: "ProcessSupportTests", dependencies: ["CLinux", "ProcessSupport"]),
        // Steps a child from system call to system call.
        .target(name: "CProcessTesting", path: "Tests/CProcessTesting"),
        // A process that opens environments, forks, stops and dies as LMDBTests tell it to.
        .executableTarget(
            name: "lmdb-test-worker", dependencies: ["CLinux", "CProcessTesting", "LMDB", "ProcessSupport"],
            path: "Tests/LMDBTestWorker"),
        .testTarget(
            name: "LMDBTests",
            dependencies: ["CLMDB", "CLinux", "LMDB", "ProcessSupport", "SanitizerSupport", "lmdb-test-worker"]),
        // Tells tests that cannot run under a sanitizer that they do.
        .target(name: "SanitizerSupport", path: "Tests/SanitizerSupport"),
        // The parsers of foreign bytes with what must hold of them: for libFuzzer (`fuzz/run`), and for the tests.
        .target(
            name: "FuzzTargets", dependencies: ["LMDB", "LeaseTable", "ProcessSupport", "RefreshClient", "WorkOS"],
            path: "fuzz/Targets"),
        .testTarget(
            name: "FuzzTests", dependencies: ["FuzzTargets", "LMDB", "LeaseTable", "ProcessSupport", "RefreshClient"]),
        // A worker's life in one program, for directories that are not as they should be.
        .executableTarget(
            name: "hostile-files-worker",
            dependencies: [
                "LMDB", "LeaseTable", "ProcessSupport", "RefreshClient", "SeededRandom", "TableTestSupport", logging,
            ],
            path: "Tests/HostileFilesWorker"),
        .testTarget(
            name: "HostileFilesTests",
            dependencies: [
                "CLinux", "LMDB", "LeaseTable", "ProcessSupport", "RefreshClient", "SeededRandom", "TableTestSupport",
                "hostile-files-worker",
            ]),
        // Publishes at a steady rate and watches the size of the table.
        .executableTarget(
            name: "lease-load",
            dependencies: ["CLinux", "LMDB", "LeaseTable", "ProcessSupport", argumentParser], path: "Tests/LeaseLoad"),
    ],
    swiftLanguageModes: [.v6]
)

// REFRESHD_CORE_ONLY=1 leaves out every target that needs more than the library itself does, and what they need: builds
// with sanitizers and for fuzzing then take minutes less.
if Context.environment["REFRESHD_CORE_ONLY"] == "1" {
    let corePackages = ["swift-crypto", "swift-log"]
    var core: Set<String> = []
    func isCore(_ dependency: Target.Dependency) -> Bool {
        switch dependency {
        case .productItem(_, let package, _, _): corePackages.contains(package ?? "")
        case .targetItem(let name, _), .byNameItem(let name, _): core.contains(name)
        @unknown default: false
        }
    }
    var found = -1
    while found != core.count {
        found = core.count
        for target in package.targets where target.dependencies.allSatisfy(isCore) { core.insert(target.name) }
    }
    package.targets.removeAll { !core.contains($0.name) }
    package.products = [
        .library(name: "RefreshClient", targets: ["RefreshClient"]), .library(name: "WorkOS", targets: ["WorkOS"]),
    ]
    package.dependencies.removeAll { dependency in
        guard case .sourceControl(_, let location, _) = dependency.kind else { return true }
        return !corePackages.contains { location.hasSuffix("/\($0)") }
    }
}

// The benchmark's worker in Swift; nobody else builds it.
if Context.environment["REFRESHD_BENCHMARKS"] == "1" {
    package.products.append(.library(name: "swift-caller", type: .dynamic, targets: ["SwiftCaller"]))
    package.targets.append(
        .target(
            name: "SwiftCaller", dependencies: ["LeaseTable", "RefreshClient", logging],
            path: "Benchmarks/SwiftCaller")
    )
}

// Documentation is made with a plugin, which nothing else should have to fetch.
if Context.environment["REFRESHD_DOCUMENTATION"] == "1" {
    package.dependencies.append(.package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"))
}

// One place for what every target is compiled with.
for target in package.targets where target.type != .system {
    var settings = target.swiftSettings ?? []
    // SE-0335: `any` is written wherever a protocol is used as a type.
    settings.append(.enableUpcomingFeature("ExistentialAny"))
    // SE-0444: a file sees only the members of modules it imports itself.
    settings.append(.enableUpcomingFeature("MemberImportVisibility"))
    // SE-0409: what a module imports is not part of its interface unless it says so.
    settings.append(.enableUpcomingFeature("InternalImportsByDefault"))
    // SE-0458: every use of an unsafe construct is marked; only where C is touched.
    let touchesC = [
        "ProcessSupport", "LMDB", "LeaseTable", "FleetCounters", "RefreshClient", "WorkOS", "CRefreshClient",
        "lease-dump", "refreshd", "FuzzTargets",
    ]
    .contains(target.name)
    if touchesC { settings.append(.strictMemorySafety()) }
    // In CI a warning is an error; for who builds this with another compiler it is not. What Swift 6.3 says of unsafe
    // constructs depends on which files it compiles together, so that only builds of whole modules are judged by it.
    if Context.environment["REFRESHD_WARNINGS_AS_ERRORS"] == "1" {
        settings.append(
            touchesC
                ? .treatAllWarnings(as: .error, .when(configuration: .release)) : .treatAllWarnings(as: .error))
        target.cSettings = (target.cSettings ?? []) + [.treatAllWarnings(as: .error)]
    }
    target.swiftSettings = settings
}
