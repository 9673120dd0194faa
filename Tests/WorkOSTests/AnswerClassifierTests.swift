import RefreshClient
import Testing

@testable import WorkOS

@Suite struct AnswerClassifierTests {
    private static let large = String(repeating: "x", count: ReceivedAnswer.longestBody)

    private func classify(_ status: Int, _ body: String, _ ending: ReceivedAnswer.Ending = .complete)
        -> UpstreamAnswer
    {
        AnswerClassifier.classify(ReceivedAnswer(status: status, body: Array(body.utf8), ending: ending))
    }

    private struct Row: Sendable, CustomTestStringConvertible {
        let status: Int
        let body: String
        let `class`: UpstreamFailure.Class
        let reason: String
        let mayHaveRotated: Bool
        var testDescription: String { "\(status) \(body)" }

        init(
            _ status: Int, _ body: String, _ class: UpstreamFailure.Class, _ reason: String,
            rotated: Bool = false
        ) {
            self.status = status
            self.body = body
            self.class = `class`
            self.reason = reason
            mayHaveRotated = rotated
        }
    }

    private static let rows = [
        Row(
            400, #"{"error":"invalid_grant","error_description":"Refresh token already exchanged."}"#,
            .terminal, "invalid_grant"),
        Row(400, #"{"code":"invalid_grant","message":"x"}"#, .terminal, "invalid_grant"),
        Row(
            403, #"{"code":"mfa_enrollment","message":"x","pending_authentication_token":"p"}"#, .terminal,
            "mfa_enrollment"),
        Row(403, #"{"error":"sso_required","error_description":"x"}"#, .terminal, "sso_required"),
        Row(
            403, #"{"code":"organization_selection_required","message":"x"}"#, .terminal,
            "organization_selection_required"),
        Row(400, #"{"error":"invalid_client"}"#, .terminal, "invalid_client"),
        Row(401, #"{"error":"invalid_client"}"#, .terminal, "invalid_client"),
        Row(401, #"{"message":"Unauthorized"}"#, .terminal, "invalid_client"),
        Row(401, #"{"error":"Unauthorized"}"#, .terminal, "invalid_client"),
        Row(401, "", .terminal, "invalid_client"),
        Row(401, #"{"error":"invalid_grant"}"#, .terminal, "invalid_grant"),
        Row(400, #"{"error":"unauthorized_client"}"#, .terminal, "unauthorized_client"),
        Row(404, #"{"code":"entity_not_found"}"#, .terminal, "entity_not_found"),
        Row(422, #"{"code":"invalid_request_parameters"}"#, .terminal, "invalid_request_parameters"),
        // Both fields: the one that is known, whatever its place.
        Row(400, #"{"code":"bad_request","error":"invalid_grant"}"#, .terminal, "invalid_grant"),
        Row(400, #"{"error":"Bad Request","code":"other_code"}"#, .terminal, "other_code"),
        // The field decides, and text that only looks like it does not.
        Row(
            400, #"{"error":"other","error_description":"not invalid_grant, not rate_limit_exceeded"}"#,
            .terminal, "other"),
        Row(400, #"{"message":"invalid_grant"}"#, .transient, "server_error"),
        Row(400, #"{"error":{"code":"invalid_grant"}}"#, .transient, "server_error"),
        Row(400, #"["invalid_grant"]"#, .transient, "server_error"),
        Row(400, #"{"error":"invalid_grant""#, .transient, "server_error"),
        Row(400, #"{"error":"a sentence, not a code"}"#, .transient, "server_error"),
        Row(403, "<html>Blocked by the firewall: invalid_grant</html>", .transient, "server_error"),
        Row(404, #"{"message":"Not Found"}"#, .transient, "server_error"),
        Row(400, "", .transient, "server_error"),
        Row(408, #"{"error":"invalid_grant"}"#, .transient, "timeout"),
        Row(
            429, #"{"error":"too_many_requests","error_description":"x"}"#, .transient, "rate_limit_exceeded"),
        Row(429, #"{"code":"rate_limit_exceeded","message":"x"}"#, .transient, "rate_limit_exceeded"),
        Row(429, "slow down", .transient, "rate_limit_exceeded"),
        Row(400, #"{"error":"too_many_requests"}"#, .transient, "rate_limit_exceeded"),
        Row(400, #"{"error":"temporarily_unavailable"}"#, .transient, "server_error"),
        Row(500, #"{"error":"invalid_grant"}"#, .transient, "server_error", rotated: true),
        Row(502, "<html>", .transient, "server_error", rotated: true),
        Row(503, "", .transient, "server_error"),
        Row(504, "", .transient, "server_error", rotated: true),
        Row(302, "", .transient, "server_error"),
        Row(204, "", .transient, "server_error", rotated: true),
        Row(201, goodBody, .transient, "server_error", rotated: true),
        Row(200, "", .transient, "server_error", rotated: true),
        Row(200, "<html>", .transient, "server_error", rotated: true),
        Row(200, #"{"access_token":"at_1","refresh_token":"rt"#, .transient, "server_error", rotated: true),
        Row(200, #"{"access_token":""}"#, .transient, "server_error", rotated: true),
        Row(200, #"{"access_token":7}"#, .transient, "server_error", rotated: true),
        Row(200, #"{"refresh_token":"rt_2"}"#, .transient, "server_error", rotated: true),
        Row(200, #"[{"access_token":"at_1"}]"#, .transient, "server_error", rotated: true),
        Row(200, #"{"access_token":"at_1"} trailing"#, .transient, "server_error", rotated: true),
        Row(
            200, "{\"access_token\":\"at_1\",\"x\":" + String(repeating: "[", count: 30_000), .transient,
            "server_error", rotated: true),
    ]

    @Test(arguments: rows)
    private func failures(_ row: Row) throws {
        let failure = try #require(classify(row.status, row.body).failure)
        #expect(failure.class == row.class)
        #expect(failure.reason.rawValue == row.reason)
        #expect(failure.status == row.status)
        #expect(failure.mayHaveRotated == row.mayHaveRotated)
        #expect(failure.detail.contains("rotated") == row.mayHaveRotated)
        #expect(failure.body == (row.status / 100 == 2 ? [] : Array(row.body.utf8)))
        #expect(!failure.detail.contains("at_1"))
    }

    @Test func operatorIsTold() {
        #expect(classify(401, "").failure?.detail.contains("operator") == true)
    }

    @Test func bytesThatAreNotUTF8AreNoSuccess() {
        let utf16 = Array(#"{"access_token":"at_1"}"#.utf16).flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] }
        let invalid = Array(#"{"access_token":"at_1","x":""#.utf8) + [0xff] + Array(#""}"#.utf8)
        for body in [utf16, invalid] {
            let answer = AnswerClassifier.classify(ReceivedAnswer(status: 200, body: body))
            #expect(answer.failure?.mayHaveRotated == true)
        }
    }

    @Test func aWholeSuccessIsNeverThrownAway() {
        for ending in [ReceivedAnswer.Ending.complete, .timedOut] {
            #expect(classify(200, goodBody, ending).success?.body == Array(goodBody.utf8))
        }
        #expect(classify(200, String(goodBody.dropLast()), .timedOut).failure?.reason == .timeout)
    }

    @Test(
        arguments: [
            ("1", 1000), ("0", 0), ("120", 120_000), ("1.5", 1500), ("99999999999999999999", 86_400_000),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 10_000), ("Sunday, 06-Nov-94 08:49:37 GMT", 10_000),
            ("Sun Nov  6 08:49:37 1994", 10_000), ("Sun, 06 Nov 1994 08:00:00 GMT", 0), ("-1", nil),
            ("", nil),
            ("soon", nil), ("1e3", nil), ("inf", nil), ("nan", nil), ("0x10", nil), ("1.2.3", nil),
            (".", nil),
            ("+5", nil), ("20261123", 86_400_000),
        ] as [(String, Int64?)])
    func retryAfter(_ value: String, _ milliseconds: Int64?) throws {
        try WorkOSUpstream.preload()
        #expect(RetryAfter.milliseconds(value, now: 784_111_767) == milliseconds)
    }
}
