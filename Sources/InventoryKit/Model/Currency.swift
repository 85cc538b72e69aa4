/// A currency of ISO 4217, with the number of decimals its minor unit stands for.
package struct Currency: Hashable, Sendable {
    /// The alphabetic code, three upper-case letters.
    package let code: String

    /// Decimals of the minor unit: 2 for GBP (pence), 0 for JPY, 3 for KWD.
    package var exponent: Int { Self.exponents[code] ?? 2 }

    /// - Throws: ``InvalidValue`` when the code is none of ISO 4217's active currencies.
    package init(_ code: String) throws(InvalidValue) {
        // ASCII first: a look-up by canonical equality would take the Kelvin sign for a K.
        guard code.utf8.allSatisfy({ (0x41...0x5A).contains($0) }), Self.exponents[code] != nil else {
            throw InvalidValue("must be an ISO 4217 currency code in upper case, such as GBP")
        }
        self.code = code
    }

    /// Every code that ``init(_:)`` takes, in alphabetic order.
    package static var codes: [String] { exponents.keys.sorted() }

    /// ISO 4217, list one (active currencies and funds), as of amendment 176. Codes without a minor unit of their
    /// own (metals, bond units, XXX, XTS) are no money anyone is charged in, and are left out.
    private static let exponents: [String: Int] = {
        let byExponent: [Int: String] = [
            0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
            2: """
            AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF \
            CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ \
            GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD \
            MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON \
            RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS \
            UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
            """,
            3: "BHD IQD JOD KWD LYD OMR TND",
            4: "CLF UYW",
        ]
        var table: [String: Int] = [:]
        for (exponent, codes) in byExponent {
            for code in codes.split(separator: " ") { table[String(code)] = exponent }
        }
        return table
    }()
}
