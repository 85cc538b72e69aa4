// swift-tools-version: 6.2
import PackageDescription

/// What the daemon is measured against. A package of its own, so that the product does not carry it.
let package = Package(
    name: "Benchmarks",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "count-allocations", type: .dynamic, targets: ["count-allocations"])
    ],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0", traits: []),
        .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    ],
    targets: [
        .executableTarget(
            name: "hello",
            dependencies: [
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        .executableTarget(
            name: "nio-constant",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]
        ),
        .systemLibrary(
            name: "CMongoc", pkgConfig: "libmongoc-1.0",
            providers: [.apt(["libmongoc-dev"]), .brew(["mongo-c-driver@1"])]
        ),
        .executableTarget(
            name: "mongo-yardstick",
            dependencies: ["CMongoc"],
            cSettings: [.unsafeFlags(["-Wall", "-Wextra"])]
        ),
        .target(name: "count-allocations", cSettings: [.unsafeFlags(["-Wall", "-Wextra"])]),
    ],
    cLanguageStandard: .c11
)
