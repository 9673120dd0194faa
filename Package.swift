// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "refreshd",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "RefreshClient", targets: ["RefreshClient"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        // What glibc offers only under _GNU_SOURCE, and fork(), which Swift's importer withholds.
        .target(name: "CLinux"),
        .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
        .target(name: "ProcessSupport", dependencies: ["CLinux"]),
        .target(
            name: "LMDB",
            dependencies: ["CLMDB", "CLinux", "ProcessSupport"]),
        .target(
            name: "LeaseTable",
            dependencies: [
                "LMDB", "ProcessSupport",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .target(
            name: "RefreshClient",
            dependencies: [
                "LeaseTable", "ProcessSupport",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(name: "ProcessSupportTests", dependencies: ["CLinux", "ProcessSupport"]),
        // Steps a child from system call to system call.
        .target(name: "CProcessTesting", path: "Tests/CProcessTesting"),
        // A process that opens environments, forks, stops and dies as LMDBTests tell it to.
        .executableTarget(
            name: "lmdb-test-worker", dependencies: ["CLinux", "CProcessTesting", "LMDB", "ProcessSupport"],
            path: "Tests/LMDBTestWorker"),
        .testTarget(
            name: "LMDBTests",
            dependencies: ["CLMDB", "CLinux", "LMDB", "ProcessSupport", "lmdb-test-worker"]),
    ],
    swiftLanguageModes: [.v6]
)

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
    if ["ProcessSupport", "LMDB", "LeaseTable", "RefreshClient", "WorkOS"].contains(target.name) {
        settings.append(.strictMemorySafety())
    }
    target.swiftSettings = settings
}
