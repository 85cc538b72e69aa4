import InventoryKit
import Testing

extension StoreContract {
    static let wordSearch = [
        Clause("Words are found by their beginnings, folded, in name, SKU and description", wordsAreFound),
        Clause("Words that mean something to a search engine mean nothing", wordsAreNoOperators),
        Clause("A search knows every change at once", searchKnowsChanges),
        Clause("Folding is the model's, not the database's", foldingIsTheModels),
    ]

    /// A store that fails it stems, splits or folds words otherwise than the model, and finds other products than the
    /// next store.
    package func wordsAreFound() async throws {
        for (sku, name, description) in [
            ("85123A", "WHITE hanging heart T-light holder", ""), ("c1", "Café au lait", "Served in a red mug, hot"),
            ("c2", "CAFE\u{301}", "decomposed"), ("c3", "Cup, red", ""), ("m-1", "Mug", "not red: blue\nand heavy"),
            ("j1", "日本語の本", "1½ litres"), ("r1", "Red-dish", "hearts"),
        ] {
            let catalogue = try Sample.catalogue(sku, name: name, description: description)
            _ = try await store.create(try Sample.creation(catalogue))
        }
        let searches: [([String], Set<String>)] = [
            (["cafe"], ["c1", "c2"]), (["caf"], ["c1", "c2"]), (["afe"], []), (["cafes"], []),
            (["red"], ["c1", "c3", "m-1", "r1"]), (["red", "mug"], ["c1", "m-1"]), (["mug", "red"], ["c1", "m-1"]),
            (["red", "m"], ["c1", "m-1"]), (["red", "cafe", "hot"], ["c1"]), (["red", "zebra"], []), (["redd"], []),
            (["85123a"], ["85123A"]), (["851"], ["85123A"]), (["123"], []), (["m", "1"], ["m-1"]),
            (["t", "light"], ["85123A"]), (["heart"], ["85123A", "r1"]), (["hearts"], ["r1"]),
            (["heavy"], ["m-1"]), (["日本"], ["j1"]), (["本"], []), (["1½"], ["j1"]),
            (["red", "red"], ["c1", "c3", "m-1", "r1"]),
        ]
        for (words, expected) in searches {
            #expect(try await skusFound { $0.words = words } == expected, "\(words)")
        }
        let most = Array(repeating: "red", count: Bounds.searchWords)
        #expect(try await skusFound { $0.words = most } == ["c1", "c3", "m-1", "r1"])
    }

    /// A store that fails it hands people's words to its search engine's query language.
    package func wordsAreNoOperators() async throws {
        let names = ["or", "and not", "near name", "null true", "select", "rowid"]
        for (number, name) in names.enumerated() {
            _ = try await store.create(try Sample.creation(try Sample.catalogue("\(number)", name: name)))
        }
        _ = try await store.create(try Sample.creation(try Sample.catalogue("9", name: "Plain")))
        for (words, expected) in [
            (["or"], ["0"]), (["and"], ["1"]), (["not"], ["1"]), (["and", "not"], ["1"]), (["near"], ["2"]),
            (["name"], ["2"]),
            (["null"], ["3"]), (["select"], ["4"]), (["rowid"], ["5"]), (["plain", "or"], []),
            (["plain", "not", "or"], []),
        ] {
            #expect(try await skusFound { $0.words = words } == Set(expected), "\(words)")
        }
    }

    /// A store that fails it keeps an index of words beside the products that does not keep up with them.
    package func searchKnowsChanges() async throws {
        let product = try await store.create(
            try Sample.creation(try Sample.catalogue("A-1", name: "Old name", description: "old text"), opening: 5)
        ).product
        func found(_ words: [String], _ archived: ProductFilter.Archived = .false) async throws -> Int {
            try await skusFound { filter in
                filter.words = words
                filter.archived = archived
            }.count
        }
        #expect(try await found(["old"]) == 1)
        let change = try Sample.change(sku: "B-7", name: "New name", description: "")
        _ = try await store.revise(Revision(id: product.id, change: .merge(change)))
        #expect(try await [found(["old"]), found(["text"]), found(["a"])] == [0, 0, 0])
        #expect(try await [found(["new"]), found(["b", "7"]), found(["name"])] == [1, 1, 1])

        _ = await store.upsert([try Sample.row("b-7", name: "Loaded")])
        #expect(try await [found(["new"]), found(["loaded"])] == [0, 1])
        _ = try await store.move(try Sample.purchase(of: .id(product.id)))
        #expect(try await found(["loaded"]) == 1)
        _ = try await store.archive(product.id, expectedETags: nil)
        #expect(try await [found(["loaded"]), found(["loaded"], .true), found(["loaded"], .any)] == [0, 1, 1])
    }

    /// A store that fails it lets the collation or tokeniser of its database decide what is a word, and what is equal.
    package func foldingIsTheModels() async throws {
        let names = [
            "άλφα", "αλφα", "Straße", "STRASSE", "İstanbul", "ISTANBUL", "Ærøskøbing", "Łódź", "Ǆungla", "ﬁsh", "１２３",
            "naïve", "e\u{301}clair", "éclair", "Ἀθῆναι", "ёлка", "елка", "it's", "snake_case", "a\u{200D}b", "½", "x²",
            "№5",
        ]
        for (number, name) in names.enumerated() {
            _ = try await store.create(try Sample.creation(try Sample.catalogue("sku\(number)", name: name)))
        }
        let products = try await listing(ProductQuery(limit: Bounds.pageSize))
        try #require(products.count == names.count)
        for word in Set(names.flatMap(SearchTerms.words)).sorted() {
            for beginning in [word, String(word.unicodeScalars.first.map(Character.init) ?? "x")] {
                var query = ProductQuery(sort: ProductSort(.name), limit: 3)
                query.filter.words = [beginning]
                #expect(try await listing(query) == Self.expected(query, among: products), "\(beginning)")
            }
        }
    }
}
