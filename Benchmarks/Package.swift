// swift-tools-version: 6.2
import PackageDescription

/// What the daemon is measured against. A package of its own, so that the product does not carry it.
let package = Package(
    name: "Benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0", traits: []),
        .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
    ],
    targets: [
        .executableTarget(
            name: "hello",
            dependencies: [
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
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
    ],
    cLanguageStandard: .c11
)
