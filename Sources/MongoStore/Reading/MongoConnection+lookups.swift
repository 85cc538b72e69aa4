import InventoryKit

extension MongoConnection {
    /// What has been filed under these ids.
    func filedAnswers(_ ids: [BSON], after time: UInt64) throws -> [String: BSONDocument] {
        var answers: [String: BSONDocument] = [:]
        for collection in [Collection.movements, Collection.outcomes] {
            let (found, _) = try find(
                collection, ["_id": ["$in": .array(ids)]], freshness: .majority(after: time))
            for document in found { answers[try document.text("_id")] = document }
        }
        return answers
    }

    func currentProducts(of ids: [ProductID], after time: UInt64) throws -> [ProductID: Product] {
        let (found, _) = try find(
            Collection.products, ["_id": ["$in": .array(ids.map(BSON.productID))], "live": ["$exists": true]],
            projection: Product.projection, freshness: .majority(after: time))
        var products: [ProductID: Product] = [:]
        for document in found {
            let product = try Product(document)
            products[product.id] = product
        }
        return products
    }
}
