/// What answers requests.
protocol Responder: Sendable {
    /// Answers one request. Cancelled when the client has gone.
    ///
    /// - Throws: Whatever ends the connection without the rest of the answer.
    func respond(to request: ClientRequest, with writer: AnswerWriter) async throws
}
