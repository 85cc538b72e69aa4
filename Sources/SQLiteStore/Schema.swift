import GRDB

/// The tables, as migrations that are only ever added to. What must never be wrong is also a constraint of the
/// database, so that it holds against a mistake in this program and against a hand at the `sqlite3` shell.
enum Schema {
    /// "INVD": marks the file as ours, in the header where SQLite keeps a number for it.
    static let applicationID: Int64 = 0x494E_5644

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 products, movements, outcomes") { db in
            try createProducts(db)
            try createMovements(db)
            try createOutcomes(db)
            try db.execute(sql: "PRAGMA application_id = \(applicationID)")
        }
        migrator.registerMigration("2 API keys") { db in try createKeys(db) }
        return migrator
    }

    private static func createProducts(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE product (
                    key INTEGER PRIMARY KEY,
                    id TEXT NOT NULL UNIQUE CHECK (length(id) = 24),
                    sku TEXT NOT NULL,
                    sku_key TEXT NOT NULL,
                    name TEXT NOT NULL,
                    name_key TEXT NOT NULL,
                    price INTEGER NOT NULL CHECK (price BETWEEN 0 AND 9007199254740991),
                    currency TEXT NOT NULL,
                    on_hand INTEGER NOT NULL CHECK (on_hand BETWEEN 0 AND 9007199254740991),
                    reserved INTEGER NOT NULL CHECK (reserved BETWEEN 0 AND on_hand),
                    available INTEGER NOT NULL GENERATED ALWAYS AS (on_hand - reserved) VIRTUAL,
                    low_stock_threshold INTEGER,
                    max_per_order INTEGER,
                    version INTEGER NOT NULL CHECK (version >= 1),
                    stock_version INTEGER NOT NULL CHECK (stock_version >= 0),
                    created_at INTEGER NOT NULL,
                    updated_at INTEGER NOT NULL,
                    moved_at INTEGER,
                    archived_at INTEGER,
                    fingerprint TEXT,
                    attributes TEXT NOT NULL,
                    description TEXT NOT NULL
                ) STRICT;
                CREATE UNIQUE INDEX product_sku ON product (sku_key) WHERE archived_at IS NULL;
                CREATE VIRTUAL TABLE product_words USING fts5(words, tokenize = 'ascii', detail = none, prefix = '2 3');
                """
        )
        // One index for each order, among live and among archived products: a page costs the same wherever it begins.
        for (name, condition) in [("live", "archived_at IS NULL"), ("archived", "archived_at IS NOT NULL")] {
            for columns in ["sku_key", "name_key", "currency, price", "available", "created_at", "updated_at"] {
                let index = "product_\(name)_\(columns.replacing(", ", with: "_"))"
                try db.execute(sql: "CREATE INDEX \(index) ON product (\(columns), id) WHERE \(condition)")
            }
        }
    }

    private static func createMovements(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE movement (
                    key INTEGER PRIMARY KEY,
                    id TEXT NOT NULL UNIQUE,
                    product INTEGER NOT NULL REFERENCES product (key),
                    seq INTEGER NOT NULL CHECK (seq >= 1),
                    sku TEXT NOT NULL,
                    kind TEXT NOT NULL,
                    delta INTEGER NOT NULL,
                    reserved_delta INTEGER NOT NULL,
                    on_hand INTEGER NOT NULL CHECK (on_hand BETWEEN 0 AND 9007199254740991),
                    reserved INTEGER NOT NULL CHECK (reserved BETWEEN 0 AND on_hand),
                    unit_price INTEGER,
                    currency TEXT,
                    reason TEXT,
                    reference TEXT,
                    actor TEXT NOT NULL,
                    request_id TEXT NOT NULL,
                    at INTEGER NOT NULL,
                    fingerprint TEXT,
                    UNIQUE (product, seq)
                ) STRICT;
                CREATE INDEX movement_at ON movement (at, id);
                CREATE INDEX movement_reference ON movement (reference, at, id) WHERE reference IS NOT NULL;
                CREATE TRIGGER movement_is_never_changed BEFORE UPDATE ON movement
                    BEGIN SELECT RAISE(ABORT, 'a movement is never changed'); END;
                CREATE TRIGGER movement_is_never_removed BEFORE DELETE ON movement
                    BEGIN SELECT RAISE(ABORT, 'a movement is never removed'); END;
                CREATE TRIGGER movement_follows_the_last BEFORE INSERT ON movement
                    WHEN NEW.seq <> 1 + (SELECT ifnull(max(seq), 0) FROM movement WHERE product = NEW.product)
                    BEGIN SELECT RAISE(ABORT, 'a movement follows the last without a gap'); END;
                CREATE TRIGGER product_is_never_removed BEFORE DELETE ON product
                    BEGIN SELECT RAISE(ABORT, 'a product is archived, never removed'); END;
                """
        )
    }

    /// What was answered without a movement: refusals, and rows of bulk loads. Kept for some days for repetitions.
    private static func createOutcomes(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE outcome (
                    id TEXT PRIMARY KEY,
                    fingerprint TEXT NOT NULL,
                    record TEXT NOT NULL,
                    expires_at INTEGER NOT NULL
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX outcome_expires_at ON outcome (expires_at);
                """
        )
    }

    /// API keys by owner: ``APIKey/record``, in which the secrets are digests.
    private static func createKeys(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE api_key (
                    owner TEXT PRIMARY KEY,
                    version INTEGER NOT NULL CHECK (version >= 1),
                    record TEXT NOT NULL,
                    last_used_at INTEGER
                ) STRICT, WITHOUT ROWID;
                """
        )
    }
}
