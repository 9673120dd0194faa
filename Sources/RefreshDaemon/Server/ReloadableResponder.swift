import Synchronization

/// Answers with whatever is in force now; requests under way end with what they began with. Thread-safe.
final class ReloadableResponder: Responder {
    private let current: Mutex<any Responder>

    init(_ first: any Responder) {
        current = Mutex(first)
    }

    /// Puts another in force.
    func replace(with next: any Responder) { current.withLock { $0 = next } }

    func respond(to request: ClientRequest, with writer: AnswerWriter) async throws {
        try await current.withLock { $0 }.respond(to: request, with: writer)
    }
}
