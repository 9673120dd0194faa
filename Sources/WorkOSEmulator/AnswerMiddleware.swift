import HTTPTypes
import Hummingbird

/// Gives every answer its `X-Request-ID`, and errors of the router the upstream's shape.
struct AnswerMiddleware: RouterMiddleware {
    func handle(
        _ request: Request, context: EmulatorContext,
        next: (Request, EmulatorContext) async throws -> Response
    ) async throws -> Response {
        var response: Response
        do {
            response = try await next(request, context)
        } catch let error as ControlError {
            response = Response(Answer.invalidRequest(error.message))
        } catch let error as any HTTPResponseError {
            let name = error.status.code == 404 ? "not_found" : "invalid_request"
            response = Response(
                Answer.failure(
                    error.status.code, name,
                    "\(request.method) \(request.uri.path): \(error.status.reasonPhrase).",
                    shape: .code))
        }
        if let name = HTTPField.Name("X-Request-ID") { response.headers[name] = context.requestID }
        return response
    }
}
