/// What the names of generated products are made of. An addition anywhere but here changes no product; one here
/// changes nearly all, and the digest in the test.
enum ProductWords {
    struct Department: Sendable {
        /// The beginning of its SKUs.
        let code: String
        let name: String
        let things: [String]
    }

    static let departments = [
        Department(
            code: "KIT", name: "kitchen",
            things: ["Teapot", "Mixing Bowl", "Cake Stand", "Bread Bin", "Jug", "Spice Rack", "Egg Cup", "Butter Dish"]
        ),
        Department(
            code: "GDN", name: "garden",
            things: [
                "Lantern", "Planter", "Watering Can", "Bird Feeder", "Trowel", "Plant Label", "Bench", "Wind Chime",
            ]
        ),
        Department(
            code: "LIV", name: "living room",
            things: [
                "Photo Frame", "Candle Holder", "Table Lamp", "Wall Clock", "Vase", "Side Table", "Mirror", "Tray",
            ]
        ),
        Department(
            code: "BED", name: "bedroom",
            things: [
                "Jewellery Box", "Coat Hanger", "Alarm Clock", "Night Light", "Trinket Dish", "Drawer Knob", "Stool",
            ]
        ),
        Department(
            code: "OFF", name: "office",
            things: ["Pen Pot", "Letter Rack", "Bookend", "Paperweight", "Key Cabinet", "Notice Board", "Waste Basket"]
        ),
        Department(
            code: "TOY", name: "toys",
            things: [
                "Spinning Top", "Money Box", "Train Set", "Puzzle", "Drum", "Rocking Horse", "Skittles", "Kaleidoscope",
            ]
        ),
    ]

    static let adjectives = [
        "Antique", "Classic", "Compact", "Country", "Curved", "Decorative", "Elegant", "Embossed", "Engraved",
        "Everyday",
        "Extra Large", "Faceted", "Festive", "Folding", "Fluted", "French", "Glazed", "Hammered", "Handmade", "Hanging",
        "Heavy", "Heritage", "Industrial", "Large", "Lightweight", "Little", "Lucky", "Modern", "Nesting", "Oval",
        "Patterned", "Polished", "Retro", "Ribbed", "Round", "Rustic", "Slim", "Square", "Striped", "Vintage",
    ]

    static let materials = [
        "Acacia", "Alabaster", "Aluminium", "Ash", "Bamboo", "Beech", "Birch", "Bone China", "Brass", "Bronze",
        "Cast Iron",
        "Cedar", "Cherry", "Clay", "Copper", "Cork", "Crystal", "Earthenware", "Enamel", "Glass", "Granite", "Lacquer",
        "Larch", "Maple", "Marble", "Oak", "Pewter", "Pine", "Porcelain", "Rattan", "Resin", "Slate", "Soapstone",
        "Steel",
        "Stoneware", "Teak", "Terracotta", "Tin", "Walnut", "Willow",
    ]

    static let colours = [
        "black", "blue", "charcoal", "cream", "green", "grey", "ivory", "mint", "mustard", "natural", "navy", "pink",
        "red",
        "sage", "white", "yellow",
    ]
}
