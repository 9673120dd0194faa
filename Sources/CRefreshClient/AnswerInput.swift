import CRefreshClientHeader
import Glibc
import RefreshClient
import WorkOS

/// A `refreshclient_answer`, read and checked.
struct AnswerInput {
    let answer: ProgramAnswer
    let mayRetry: Bool

    /// The longest header that is taken.
    private static let longestHeader = 16_384

    init(_ given: UnsafePointer<refreshclient_answer>?) throws(CallError) {
        let fields = try unsafe Input.structure(given, "answer")
        let status = unsafe fields.status
        mayRetry = unsafe fields.may_retry != 0
        if status == 0 {
            answer = ProgramAnswer(
                noneBecauseTimedOut: unsafe fields.timed_out != 0, notSent: unsafe fields.not_sent != 0)
            return
        }
        guard (100...999).contains(status) else {
            throw .invalid("answer->status is \(status), and must be an HTTP status, or 0 where no answer came")
        }
        let length = unsafe fields.body_length
        // A size_t comes as Int: what is beyond half of its range is negative.
        guard (0...ProgramAnswer.longestBody).contains(length) else {
            throw .invalid(
                "answer->body has \(UInt(bitPattern: length)) bytes, more than the \(ProgramAnswer.longestBody) that are kept"
            )
        }
        var body: [UInt8] = []
        if length > 0 {
            guard let bytes = unsafe fields.body else {
                throw .invalid("answer->body is NULL, and body_length is \(length)")
            }
            body = unsafe Array(UnsafeBufferPointer(start: bytes, count: length))
        }
        answer = ProgramAnswer(
            status: Int(status), body: body,
            requestID: try unsafe Self.header(fields.request_id, "answer->request_id"),
            retryAfter: try unsafe Self.header(fields.retry_after, "answer->retry_after"),
            contentType: try unsafe Self.header(fields.content_type, "answer->content_type"))
    }

    /// A header's value; what would end a line is left out.
    private static func header(_ pointer: UnsafePointer<CChar>?, _ name: String) throws(CallError) -> String? {
        guard let text = try unsafe Input.text(pointer, name, longest: longestHeader) else { return nil }
        let visible = String(
            String.UnicodeScalarView(text.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7f }))
        return visible.isEmpty ? nil : visible
    }
}
