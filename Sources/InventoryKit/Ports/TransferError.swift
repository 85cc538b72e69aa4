/// Why an inventory cannot be carried from one store to another, in words for the operator.
package enum TransferError: Error, Hashable, Sendable {
    /// The file has something in that line, counted from 1, that it must not have.
    case badLine(Int, String)
    /// The file is no full export at all.
    case notAnExport(String)
    /// The file was written by a version that this one does not know.
    case unknownVersion(Int64)
    /// The file ends before its last line.
    case cutShort(afterLine: Int)
    /// The file cannot be read.
    case unreadable(String)
    /// The file cannot be written.
    case unwritable(String)
    /// The store that is exported cannot be read.
    case source(String)
    /// The store that is imported into, by its name, holds something already.
    case occupied(String)
    /// An earlier import into that store, by its name, has not come to its end.
    case unfinishedImport(String)
    /// The store that is imported into cannot be used.
    case destination(String)
    /// Something is there already that must be there once.
    case doubled(String)
    /// After the import the destination does not hold what the file has.
    case differs([String])
    /// An import had begun when this came between. What the destination, by its name, holds is of no use.
    indirect case abandoned(TransferError, String)
}

extension TransferError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .badLine(let line, let detail): "Line \(line) of the file: \(detail)."
        case .notAnExport(let detail): "The file is no full export of inventoryd: \(detail)."
        case .unknownVersion(let version):
            "The file has version \(version) of the export's format, which this version of inventoryd does not know. Use "
                + "the version that wrote it, or a later one."
        case .cutShort(let line):
            "The file ends after line \(line), before its last line: it was cut short. Export again, or copy it again."
        case .unreadable(let detail): "The file cannot be read: \(detail)."
        case .unwritable(let detail): "The file cannot be written: \(detail). What there is of it is of no use."
        case .source(let detail): "The store cannot be exported: \(detail)."
        case .occupied(let name):
            "There is something in \(name) already, and a full import goes into an empty store only. Start "
                + "inventoryd on another; nothing was changed."
        case .unfinishedImport(let name):
            "An import into \(name) is under way or has failed. Wait for it where it is under way; else drop that "
                + "database and import again. Nothing was changed."
        case .destination(let detail): "The store cannot be imported into: \(detail)."
        case .doubled(let what):
            "\(what) is there already: the file has it twice, or somebody else writes to the same database."
        case .differs(let differences):
            "After the import not all is as in the file: \(differences.joined(separator: "; "))."
        case .abandoned(let cause, let name):
            "\(cause) The import is not complete, and until it is nothing is served from there. Stop inventoryd, drop "
                + "\(name), start inventoryd and import again."
        }
    }
}
