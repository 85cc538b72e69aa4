import InventoryKit

/// The write that decides stock: an update pipeline that applies a batch of operations to one product, and takes those
/// out that have been filed, in one atomic write of one document. It is what a transaction would be elsewhere, and holds
/// on a standalone mongod as on a replica set. `docs/architecture.md` argues why it is exactly once.
///
/// It decides as ``StockCommand/decide(on:lastMovementAt:now:)`` does; a clause of the store's contract compares the two.
/// All that comes from outside is in the variables, whose values the server does not evaluate.
enum StockPipeline {
    /// With so many operations unfiled a product takes no more: filing is stuck, and documents have a limit.
    static let operationLimit: Int64 = 2_048

    /// The constants of one write.
    ///
    /// - Parameters:
    ///   - known: the fence as it was last seen; with another the write does nothing.
    ///   - fresh: the fence to be set where something leaves no trace or leaves the operations.
    ///   - filed: the operations that are filed: how many from the first on, and the last one's id. Only if that still
    ///     stands in that place they are removed.
    static func variables(known: Int64, fresh: Int64, batch: [BSON], filed: Filed?) -> [(String, BSON)] {
        [
            ("known", .integer(known)), ("fresh", .integer(fresh)), ("batch", .array(batch)),
            ("files", .bool(filed != nil)), ("filed", .integer(Int64(filed?.count ?? 0))),
            ("last", .string(filed?.last ?? "")),
        ]
    }

    /// The operations at the head of a product that are in the ledger, and may go.
    struct Filed: Sendable, Equatable {
        let count: Int
        let last: String
    }

    /// The pipeline, encoded once.
    static let encoded: BSON = {
        guard case .array(let pipeline) = BSONDocument([("u", pipeline)])["u"] else { return [] }
        return .encodedArray(pipeline)
    }()

    /// First everything is decided into `decided`, then the fields are set from it; where it is null they stay.
    private static let pipeline: BSON = [
        ["$set": ["decided": decided]],
        [
            "$set": [
                "on_hand": ["$ifNull": ["$decided.on_hand", "$on_hand"]],
                "reserved": ["$ifNull": ["$decided.reserved", "$reserved"]],
                "available": ["$ifNull": [["$subtract": ["$decided.on_hand", "$decided.reserved"]], "$available"]],
                "low": [
                    "$cond": [
                        decides,
                        [
                            "$lte": [
                                ["$subtract": ["$decided.on_hand", "$decided.reserved"]],
                                ["$ifNull": ["$low_stock_threshold", -1]],
                            ]
                        ],
                        "$low",
                    ]
                ],
                "stock_version": ["$ifNull": ["$decided.seq", "$stock_version"]],
                "moved_at": [
                    "$cond": [
                        ["$gt": ["$decided.seq", "$stock_version"]], "$decided.at",
                        ["$ifNull": ["$moved_at", "$$REMOVE"]],
                    ]
                ],
                "ops": ["$ifNull": ["$decided.ops", "$ops"]],
                "gen": [
                    "$cond": [
                        ["$and": [decides, ["$or": ["$decided.forgets", "$decided.files"]]]], "$$fresh", "$gen",
                    ]
                ],
                "held_skus": ["$cond": [["$and": [decides, "$decided.files"]], heldSKUs, "$held_skus"]],
                "unfiled_since": [
                    "$cond": [
                        decides,
                        [
                            "$ifNull": [
                                ["$arrayElemAt": ["$decided.ops.at", 0]],
                                [
                                    "$cond": [
                                        "$decided.files", "$$REMOVE", ["$ifNull": ["$unfiled_since", "$$REMOVE"]],
                                    ]
                                ],
                            ]
                        ],
                        ["$ifNull": ["$unfiled_since", "$$REMOVE"]],
                    ]
                ],
                "decided": "$$REMOVE",
            ]
        ],
    ]

    private static let decides: BSON = ["$ne": ["$decided", nil]]

    /// The outcome of the batch, null where the fence is another.
    private static let decided: BSON = [
        "$cond": [
            ["$and": [["$eq": ["$gen", "$$known"]], ["$isArray": "$ops"]]],
            [
                "$let": [
                    "vars": ["outcome": reduced, "files": ["$and": ["$$files", isAsFiled]]],
                    "in": [
                        "on_hand": "$$outcome.on_hand", "reserved": "$$outcome.reserved", "seq": "$$outcome.seq",
                        "at": now, "forgets": "$$outcome.forgets", "files": "$$files",
                        "ops": [
                            "$concatArrays": [
                                [
                                    "$cond": [
                                        ["$and": ["$$files", ["$gt": ["$$filed", 0]]]],
                                        [
                                            "$cond": [
                                                ["$gte": ["$$filed", ["$size": "$ops"]]], [],
                                                ["$slice": ["$ops", "$$filed", operationsSize]],
                                            ]
                                        ],
                                        "$ops",
                                    ]
                                ], "$$outcome.ops",
                            ]
                        ],
                    ],
                ]
            ],
            nil,
        ]
    ]

    /// `$slice` wants a positive number even where none are left.
    private static let operationsSize: BSON = ["$max": [1, ["$size": "$ops"]]]

    private static let isAsFiled: BSON = [
        "$or": [
            ["$eq": ["$$filed", 0]],
            ["$eq": [["$arrayElemAt": ["$ops.id", ["$max": [0, ["$subtract": ["$$filed", 1]]]]]], "$$last"]],
        ]
    ]

    /// A SKU that was given up is free when every operation that came by it has been filed: a repetition by that SKU
    /// then finds its answer in the ledger before it could reach whoever has the SKU next.
    private static let heldSKUs: BSON = [
        "$cond": [
            [
                "$allElementsTrue": [
                    [
                        "$map": [
                            "input": "$decided.ops",
                            "in": ["$eq": [["$ifNull": ["$$this.via", "$sku_key"]], "$sku_key"]],
                        ]
                    ]
                ]
            ],
            [
                "$cond": [
                    "$live", ["$sku_key"], ["$cond": [["$eq": ["$decided.ops", []]], "$$REMOVE", "$held_skus"]],
                ]
            ],
            "$held_skus",
        ]
    ]

    /// Never before the movement that precedes it, even where a clock was set back.
    private static let now: BSON = ["$max": ["$moved_at", "$$NOW"]]

    // MARK: One operation after the other

    private static let reduced: BSON = [
        "$let": [
            "vars": [
                "open": [
                    "$and": ["$live", ["$lt": [["$size": "$ops"], ["$add": [.integer(operationLimit), "$$filed"]]]]]
                ]
            ],
            "in": [
                "$reduce": [
                    "input": "$$batch",
                    "initialValue": [
                        "on_hand": "$on_hand", "reserved": "$reserved", "seq": "$stock_version", "ops": [],
                        "forgets": false,
                    ],
                    "in": [
                        "$cond": [
                            [
                                "$or": [
                                    ["$not": ["$$open"]], ["$in": ["$$this.op.id", "$ops.id"]],
                                    ["$ne": [["$ifNull": ["$$this.op.via", "$sku_key"]], "$sku_key"]],
                                ]
                            ],
                            "$$value",
                            step,
                        ]
                    ],
                ]
            ],
        ]
    ]

    private static let step: BSON = [
        "$let": [
            "vars": [
                "delta": [
                    "$cond": [
                        ["$eq": ["$$this.op.kind", "count"]], ["$subtract": ["$$this.counted", "$$value.on_hand"]],
                        "$$this.delta",
                    ]
                ]
            ],
            "in": [
                "$let": [
                    "vars": ["on_hand": ["$add": ["$$value.on_hand", "$$delta"]], "refusal": refusal],
                    "in": ["$cond": [["$eq": ["$$refusal", nil]], applied, refused]],
                ]
            ],
        ]
    ]

    /// The record of why not, null where nothing speaks against it. The cases in the order of the model's.
    private static let refusal: BSON = [
        "$switch": [
            "branches": [
                [
                    "case": [
                        "$and": [
                            ["$ne": [["$ifNull": ["$$this.expected_price", nil]], nil]],
                            ["$ne": ["$$this.expected_price", "$price"]],
                        ]
                    ],
                    "then": [
                        "price-changed", "$$this.expected_price.amount", "$$this.expected_price.currency",
                        "$price.amount", "$price.currency",
                    ],
                ],
                [
                    "case": [
                        "$and": [
                            ["$eq": ["$$this.op.kind", "sale"]],
                            [
                                "$gt": [
                                    ["$multiply": ["$$delta", -1]],
                                    ["$ifNull": ["$max_per_order", .integer(Bounds.exactInteger)]],
                                ]
                            ],
                        ]
                    ],
                    "then": ["over-max-per-order", ["$multiply": ["$$delta", -1]], "$max_per_order"],
                ],
                [
                    "case": [
                        "$ne": [["$ifNull": ["$$this.expected_on_hand", "$$value.on_hand"]], "$$value.on_hand"]
                    ],
                    "then": ["stock-changed", "$$this.expected_on_hand", "$$value.on_hand", "$$value.reserved"],
                ],
                [
                    "case": [
                        "$gt": [["$add": ["$$value.on_hand", "$$delta"]], .integer(Bounds.exactInteger)]
                    ],
                    "then": ["stock-limit", "$$delta", "$$value.on_hand", "$$value.reserved"],
                ],
                [
                    "case": ["$lt": [["$add": ["$$value.on_hand", "$$delta"]], "$$value.reserved"]],
                    "then": [
                        "insufficient-stock", ["$multiply": ["$$delta", -1]], "$$value.on_hand", "$$value.reserved",
                    ],
                ],
            ],
            "default": nil,
        ]
    ]

    private static let applied: BSON = [
        "on_hand": "$$on_hand", "reserved": "$$value.reserved", "seq": ["$add": ["$$value.seq", 1]],
        "forgets": "$$value.forgets",
        "ops": [
            "$concatArrays": [
                "$$value.ops",
                [
                    [
                        "$mergeObjects": [
                            "$$this.op",
                            [
                                "sku": "$sku", "seq": ["$add": ["$$value.seq", 1]], "d_on_hand": "$$delta",
                                "d_reserved": .integer(0), "on_hand": "$$on_hand", "reserved": "$$value.reserved",
                                "at": now,
                            ],
                            ["$cond": [["$eq": ["$$this.op.kind", "sale"]], ["unit_price": "$price"], [:]]],
                        ]
                    ]
                ],
            ]
        ],
    ]

    /// With a key it leaves its answer, which is final; without one it leaves a new fence, so that a delayed copy of
    /// this write cannot sell after all when there is stock again.
    private static let refused: BSON = [
        "$mergeObjects": [
            "$$value",
            [
                "$cond": [
                    "$$this.keyed",
                    [
                        "ops": [
                            "$concatArrays": [
                                "$$value.ops",
                                [
                                    [
                                        "$mergeObjects": [
                                            "$$this.op",
                                            ["kind": .string(Operation.refused), "record": "$$refusal", "at": now],
                                        ]
                                    ]
                                ],
                            ]
                        ]
                    ],
                    ["forgets": true],
                ]
            ],
        ]
    ]
}
