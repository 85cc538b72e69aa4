// swift-tools-version: 6.2
import PackageDescription

/// What the language can check, it checks, in every target.
let testSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

/// In the product each call into C is marked as well; tests may touch the system without.
let settings = testSettings + [.strictMemorySafety()]

extension Target.Dependency {
    static let argumentParser = Self.product(name: "ArgumentParser", package: "swift-argument-parser")
    static let crypto = Self.product(name: "Crypto", package: "swift-crypto")
    static let grdb = Self.product(name: "GRDB", package: "GRDB.swift")
    static let httpTypes = Self.product(name: "HTTPTypes", package: "swift-http-types")
    static let hummingbird = Self.product(name: "Hummingbird", package: "hummingbird")
    static let logging = Self.product(name: "Logging", package: "swift-log")
    static let nioCore = Self.product(name: "NIOCore", package: "swift-nio")
    static let nioEmbedded = Self.product(name: "NIOEmbedded", package: "swift-nio")
    static let nioHTTP1 = Self.product(name: "NIOHTTP1", package: "swift-nio")
    static let nioHTTPTypes = Self.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
    static let nioHTTPTypesHTTP1 = Self.product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
    static let nioSSL = Self.product(name: "NIOSSL", package: "swift-nio-ssl")
    static let nioPosix = Self.product(name: "NIOPosix", package: "swift-nio")
    static let serviceLifecycle = Self.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
    static let unixSignals = Self.product(name: "UnixSignals", package: "swift-service-lifecycle")
}

let package = Package(
    name: "inventoryd",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "inventoryd", targets: ["inventoryd"]),
        .executable(name: "invctl", targets: ["invctl"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.0.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0", traits: []),
        .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .target(
            name: "InventoryKit",
            dependencies: [.crypto, .nioCore],
            swiftSettings: settings
        ),
        .target(
            name: "SQLiteStore",
            dependencies: ["InventoryKit", .grdb, .logging],
            swiftSettings: settings
        ),
        .systemLibrary(
            name: "CMongoc", pkgConfig: "libmongoc-1.0",
            providers: [.apt(["libmongoc-dev"]), .brew(["mongo-c-driver@1"])]
        ),
        .target(
            name: "MongoStore",
            dependencies: ["CMongoc", "InventoryKit", .logging, .nioPosix],
            swiftSettings: settings
        ),
        // Without pkg-config: the flags it gives for hiredis draw warnings from SwiftPM.
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"]), .brew(["hiredis"])]),
        .target(
            name: "RedisClient",
            dependencies: ["CHiredis", .logging, .nioCore, .nioPosix, .nioSSL],
            swiftSettings: settings
        ),
        .target(
            name: "CoherentCache",
            dependencies: ["InventoryKit", "RedisClient", .crypto, .logging, .nioCore],
            swiftSettings: settings
        ),
        .target(
            name: "InventoryServer",
            dependencies: [
                "InventoryKit", .crypto, .httpTypes, .hummingbird, .logging, .nioCore, .nioHTTP1, .nioHTTPTypes,
                .nioHTTPTypesHTTP1,
                .nioPosix, .serviceLifecycle,
            ],
            resources: [.embedInCode("api.html"), .embedInCode("openapi.json")],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "inventoryd",
            dependencies: [
                "CoherentCache", "InventoryKit", "InventoryServer", "MongoStore", "RedisClient", "SQLiteStore",
                .argumentParser, .logging, .nioCore, .nioPosix, .nioSSL, .serviceLifecycle, .unixSignals,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "AdminClient",
            dependencies: ["InventoryKit", .nioCore, .nioHTTP1, .nioPosix],
            swiftSettings: settings
        ),
        // Without pkg-config: the flags it gives for readline draw warnings from SwiftPM.
        .systemLibrary(name: "CReadline", providers: [.apt(["libreadline-dev"]), .brew(["readline"])]),
        .executableTarget(
            name: "invctl",
            dependencies: ["AdminClient", "CReadline", "InventoryKit", .argumentParser, .crypto],
            swiftSettings: settings
        ),
        // Tests
        .target(
            name: "TestSupport",
            dependencies: ["CMongoc", "InventoryKit", .nioCore, .nioHTTP1, .nioPosix],
            path: "Tests/TestSupport",
            swiftSettings: testSettings
        ),
        .target(
            name: "StoreContract",
            dependencies: ["InventoryKit", "TestSupport"],
            path: "Tests/StoreContract",
            swiftSettings: testSettings
        ),
        .testTarget(
            name: "TestSupportTests", dependencies: ["InventoryKit", "TestSupport", .nioCore, .nioPosix],
            swiftSettings: testSettings
        ),
        .testTarget(
            name: "InventoryKitTests", dependencies: ["InventoryKit", "TestSupport", .nioCore],
            swiftSettings: testSettings
        ),
        .testTarget(
            name: "SQLiteStoreTests",
            dependencies: ["InventoryKit", "SQLiteStore", "StoreContract", "TestSupport", .grdb, .logging],
            swiftSettings: testSettings
        ),
        .testTarget(
            name: "MongoStoreTests",
            dependencies: ["InventoryKit", "MongoStore", "SQLiteStore", "StoreContract", "TestSupport", .logging],
            swiftSettings: testSettings
        ),
        .testTarget(
            name: "RedisClientTests",
            dependencies: ["RedisClient", "TestSupport", .logging, .nioCore, .nioEmbedded, .nioPosix, .nioSSL],
            exclude: ["Corpus"],
            swiftSettings: testSettings
        ),
        .testTarget(
            name: "CoherentCacheTests",
            dependencies: [
                "CoherentCache", "InventoryKit", "MongoStore", "RedisClient", "TestSupport", .logging, .nioCore,
                .nioPosix,
            ],
            swiftSettings: testSettings
        ),
        .testTarget(
            name: "InventoryServerTests",
            dependencies: [
                "InventoryKit", "InventoryServer", "TestSupport", .httpTypes, .nioCore, .nioEmbedded, .nioHTTP1,
            ],
            swiftSettings: testSettings
        ),
        .testTarget(
            name: "InventorydTests",
            dependencies: [
                "inventoryd", "InventoryKit", "InventoryServer", "MongoStore", "TestSupport", .argumentParser, .logging,
            ],
            swiftSettings: testSettings
        ),
        .testTarget(
            name: "invctlTests",
            dependencies: ["InventoryKit", "TestSupport", "invctl", .argumentParser, .crypto],
            swiftSettings: testSettings
        ),
        .testTarget(
            name: "Integration",
            dependencies: ["AdminClient", "InventoryKit", "TestSupport", "inventoryd", "invctl", .nioCore, .nioHTTP1],
            path: "Tests/Integration",
            exclude: ["shell_at_terminal.py", "top_at_terminal.py"],
            swiftSettings: testSettings
        ),
    ]
)
