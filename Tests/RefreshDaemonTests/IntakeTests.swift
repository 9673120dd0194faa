import AsyncAlgorithms
import NIOHTTP1
import RefreshClient
import Testing

@testable import refreshd

/// Which requests are read as refreshes of the configured client.
@Suite struct IntakeTests {
    private let intake = RefreshIntake(
        client: ConfiguredClient(clientID: "client_1", secret: "sk_1"))
    private static let plain =
        #"{"grant_type":"refresh_token","client_id":"client_1","client_secret":"sk_1","refresh_token":"t"}"#

    private func request(
        _ headers: HTTPHeaders = ["Content-Type": "application/json"], method: HTTPMethod = .POST,
        target: String = RefreshIntake.path, length: ClientRequest.BodyLength = .known(100)
    ) -> ClientRequest {
        ClientRequest(
            head: HTTPRequestHead(version: .http1_1, method: method, uri: target, headers: headers), length: length,
            body: AsyncThrowingChannel(), peer: Peer(credentials: nil))
    }

    private func isCandidate(_ request: ClientRequest) -> Bool {
        request.mayBeRefresh(at: RefreshIntake.path, longest: 64 * 1024)
    }

    private func reason(_ body: String, _ headers: HTTPHeaders = ["Content-Type": "application/json"])
        -> RefreshIntake.Reason?
    {
        switch intake.verdict(on: request(headers), body: Array(body.utf8)) {
        case .coalesce: nil
        case .passThrough(let reason): reason
        }
    }

    @Test func thePlainFormIsCoalescedWithAllItsFields() throws {
        let body =
            #" {"grant_type": "refresh_token", "client_id": "client_1", "client_secret": "sk_1", "organization_id": "#
            + #""org\u005f1", "refresh_token": "t/\/t", "ip_address": "::1", "user_agent": "a \"b\"", "device_id": null} "#
        guard case .coalesce(let refresh) = intake.verdict(on: request(), body: Array(body.utf8)) else {
            Issue.record("passed through")
            return
        }
        #expect(refresh.refreshToken == "t//t")
        #expect(refresh.organizationID == "org_1")
        #expect(refresh.endUser.ipAddress == "::1")
        #expect(refresh.endUser.userAgent == #"a "b""#)
        #expect(refresh.endUser.deviceID == nil)
    }

    @Test(arguments: [
        "GET", "PUT", "post",
    ]) func onlyPostIsACandidate(method: String) {
        #expect(!isCandidate(request(method: HTTPMethod(rawValue: method))))
    }

    @Test(arguments: [
        "//user_management/authenticate", "/user_management/authenticate/", "/user_management/authenticate?",
        "/User_management/authenticate", "/%75ser_management/authenticate", "/user_management/./authenticate",
        "/user_management/authenticate;a", "/x/../user_management/authenticate", "/user_management%2Fauthenticate",
    ]) func onlyOneSpellingOfThePathIsACandidate(target: String) {
        #expect(!isCandidate(request(target: target)))
        #expect(isCandidate(request()))
    }

    @Test func aBodyThatIsNoneOrTooLongIsNoCandidate() {
        #expect(!isCandidate(request(length: .none)))
        #expect(!isCandidate(request(length: .known(0))))
        #expect(!isCandidate(request(length: .known(64 * 1024 + 1))))
        #expect(isCandidate(request(length: .chunked)))
    }

    @Test(arguments: [
        "", "{}x", "[]", "null", #"{"a":1}"#, #"{"a":true}"#, #"{"a":{}}"#, #"{"a":"b",}"#, #"{"a":"b" "c":"d"}"#,
        #"{a:"b"}"#, #"{'a':'b'}"#, "\u{feff}{}", #"{"a":"b\x"}"#, #"{"a":"\ud800"}"#, "{\"a\":\"b\n\"}",
        "{\"a\":\"b",
        plain + "{}", #"{"refresh_token":"s","# + plain.dropFirst(),
        #"{"refresh\u005ftoken":"s","# + plain.dropFirst(),
        plain.replacing(#""t""#, with: #""""#), plain.replacing(#""t""#, with: #""\u0000""#),
        plain.replacing("}", with: #","organization_id":""}"#),
    ]) func whatCanBeReadInTwoWaysIsPassedThrough(body: String) {
        #expect(reason(body) == .oddForm)
    }

    @Test(
        arguments: [
            ["Content-Type": "text/plain"], ["Content-Type": "application/json; charset=utf-16"], [:],
            ["Content-Type": "application/json", "Content-Encoding": "gzip"],
            ["Content-Type": "application/json; charset=utf-8; a=b"],
        ] as [HTTPHeaders]) func whatIsNotPlainJSONIsPassedThrough(headers: HTTPHeaders)
    {
        #expect(reason(Self.plain, headers) == .oddForm)
    }

    @Test func otherGrantsAndUnknownFieldsArePassedThrough() {
        #expect(reason(Self.plain.replacing("\"refresh_token\",", with: "\"authorization_code\",")) == .otherGrant)
        #expect(reason(Self.plain.replacing("}", with: #","scope":"a"}"#)) == .unknownField)
        #expect(reason(Self.plain, ["Content-Type": "Application/JSON; Charset=UTF-8"]) == nil)
    }

    @Test(arguments: [
        (#""client_1""#, #""client_2""#), (#""sk_1""#, #""sk_2""#), (#""sk_1""#, #""""#), (#""sk_1""#, #""sk_11""#),
        (#""client_secret":"sk_1","#, ""), (#""client_id":"client_1","#, ""),
    ]) func otherCredentialsArePassedThrough(present: String, instead: String) {
        #expect(reason(Self.plain.replacing(present, with: instead)) == .otherClient)
    }

    @Test(
        arguments: [
            ("Bearer sk_1", nil), ("bearer sk_1", nil), ("Bearer sk_2", .otherClient), ("Basic sk_1", .otherClient),
            ("Bearer  sk_1", .otherClient), ("Bearer", .otherClient), ("Bearer sk_1 x", .otherClient),
        ] as [(String, RefreshIntake.Reason?)])
    func everyCredentialCounts(authorization: String, expected: RefreshIntake.Reason?) {
        let headers: HTTPHeaders = ["Content-Type": "application/json", "Authorization": authorization]
        #expect(reason(Self.plain, headers) == expected)
        // Beside nothing in the body, too.
        #expect(reason(Self.plain.replacing(#""client_secret":"sk_1","#, with: ""), headers) == expected)
    }

    @Test func twoAuthorizationsArePassedThrough() {
        let headers: HTTPHeaders = [
            "Content-Type": "application/json", "Authorization": "Bearer sk_1", "authorization": "Bearer sk_1",
        ]
        #expect(reason(Self.plain, headers) == .otherClient)
    }

    @Test func aPublicClientPresentsNoSecret() {
        let client = ConfiguredClient(clientID: "client_1", secret: nil)
        #expect(client.isPresented(by: .init(clientID: "client_1")))
        #expect(!client.isPresented(by: .init(clientID: "client_1", clientSecret: "any")))
        #expect(!client.isPresented(by: .init(clientID: "client_1", bearer: "any")))
        #expect(!client.isPresented(by: .init(clientID: nil)))
    }
}
