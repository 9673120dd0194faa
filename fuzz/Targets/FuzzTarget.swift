/// Each parser of bytes that are not ours, with what must hold of it for every input.
///
/// The same function runs under libFuzzer and, on the files of `fuzz/corpus`, in the ordinary tests.
public enum FuzzTarget: String, CaseIterable, Sendable {
    /// A lease record, and every decision that is made on it.
    case record
    /// The plaintext of a sealed result.
    case success
    /// The plaintext of a sealed failure.
    case failure
    /// The keys of the database.
    case tableKeys = "table-keys"
    /// The names of wake pipes.
    case pipeName = "pipe-name"
    /// The header of the guard file.
    case guardHeader = "guard-header"
    /// The upstream's answer: status, headers, body.
    case answer
    /// What the caller passes in.
    case keyParts = "key-parts"

    /// Runs the parser on `input`.
    ///
    /// - Throws: ``Finding`` where a property does not hold; a crash is one as well.
    public func run(_ input: [UInt8]) throws(Finding) {
        switch self {
        case .record: try RecordProperties.check(input)
        case .success: try OutcomeProperties.checkSuccess(input)
        case .failure: try OutcomeProperties.checkFailure(input)
        case .tableKeys: try NameProperties.checkTableKeys(input)
        case .pipeName: try NameProperties.checkPipeName(input)
        case .guardHeader: try NameProperties.checkGuardHeader(input)
        case .answer: try AnswerProperties.check(input)
        case .keyParts: try KeyProperties.check(input)
        }
    }
}
