import HTTPTypes
public import Hummingbird

/// What a handler threw, where the response to it has to set or clear the session's cookie.
///
/// A middleware outside of ``AuthKitMiddleware`` that looks at errors finds the handler's own in ``underlying``. An
/// `HTTPError` never comes in this form, since its headers have room for the cookie.
public struct AuthKitHandlerError: HTTPResponseError {
    /// The error as it was thrown.
    public let underlying: any Error
    let change: @Sendable (inout HTTPFields) -> Void

    init(underlying: any Error, change: @escaping @Sendable (inout HTTPFields) -> Void) {
        self.underlying = underlying
        self.change = change
    }

    /// The error's own, or 500 where it has none.
    public var status: HTTPResponse.Status {
        (underlying as? any HTTPResponseError)?.status ?? .internalServerError
    }

    /// The error's own response, or an empty 500, with the cookie.
    public func response(from request: Request, context: some RequestContext) throws -> Response {
        var response =
            try (underlying as? any HTTPResponseError)?.response(from: request, context: context)
            ?? Response(status: .internalServerError)
        change(&response.headers)
        return response
    }
}

extension AuthKitHandlerError: CustomStringConvertible {
    /// That of the error.
    public var description: String { "\(underlying)" }
}
