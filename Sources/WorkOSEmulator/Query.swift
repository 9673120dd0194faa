import Hummingbird

/// The parameters of a control request's query, read with errors that name them.
struct Query {
    private var values: [String: String] = [:]

    /// Takes the query of `request`; a parameter that is not `allowed` is an error.
    init(_ request: Request, allowed: Set<String>) throws(ControlError) {
        for (name, value) in request.uri.queryParameters {
            guard allowed.contains(String(name)) else {
                throw ControlError(
                    message: "Unknown parameter \"\(name)\"; known are "
                        + allowed.sorted().joined(separator: ", ") + ".")
            }
            values[String(name)] = String(value)
        }
    }

    /// A parameter's text.
    subscript(name: String) -> String? { values[name] }

    /// `true` or `false`.
    func flag(_ name: String) throws(ControlError) -> Bool? {
        guard let text = values[name] else { return nil }
        guard let flag = Bool(text) else { throw ControlError(message: "\(name) must be true or false.") }
        return flag
    }

    /// A whole number, 0 or more.
    func number(_ name: String) throws(ControlError) -> UInt64? {
        guard let text = values[name] else { return nil }
        guard let number = UInt64(text), number < UInt64(Int64.max) else {
            throw ControlError(message: "\(name) must be a whole number, 0 or more.")
        }
        return number
    }
}
