import AsyncAlgorithms
import Foundation
import NIOHTTP1
import Testing

@testable import refreshd

/// Which forms are read as refreshes of the configured client.
@Suite struct TokenIntakeTests {
    private let intake = TokenIntake(
        client: ConfiguredClient(clientID: "client 1", secret: "s:/+%"))
    private static let plain =
        "grant_type=refresh_token&client_id=client+1&client_secret=s%3A%2F%2B%25&refresh_token=t"
    private static let form: HTTPHeaders = ["Content-Type": "application/x-www-form-urlencoded"]

    private func reason(_ body: String, _ headers: HTTPHeaders = form) -> RefreshIntake.Reason? {
        let request = ClientRequest(
            head: HTTPRequestHead(version: .http1_1, method: .POST, uri: TokenIntake.path, headers: headers),
            length: .known(100), body: AsyncThrowingChannel(), peer: Peer(credentials: nil))
        return switch intake.verdict(on: request, body: Array(body.utf8)) {
        case .coalesce: nil
        case .passThrough(let reason): reason
        }
    }

    private func basic(_ pair: String) -> HTTPHeaders {
        [
            "Content-Type": "application/x-www-form-urlencoded",
            "Authorization": "Basic \(Data(pair.utf8).base64EncodedString())",
        ]
    }

    @Test func bothWaysOfAuthenticationAreKnown() {
        #expect(reason(Self.plain) == nil)
        let bare = "grant_type=refresh_token&refresh_token=t&scope=a+b"
        #expect(reason(bare, basic("client%201:s%3A%2F%2B%25")) == nil)
        #expect(reason(bare + "&client_id=client+1", basic("client%201:s%3A%2F%2B%25")) == nil)
        #expect(reason(bare + "&client_id=client+2", basic("client%201:s%3A%2F%2B%25")) == .otherClient)
        #expect(reason(Self.plain, basic("client%201:s%3A%2F%2B%25")) == .otherClient)
        #expect(reason(bare, basic("client%201:other")) == .otherClient)
        #expect(reason(bare, basic("client%201")) == .otherClient)
        #expect(reason(bare) == .otherClient)
    }

    @Test(arguments: [
        "", "a", "&" + plain, plain + "&", plain + "&refresh_token=u", plain + "&refresh%5Ftoken=u",
        plain + "&scope=",
        plain + "&scope=%zz", plain + "&scope=%4", plain + "&scope=%+1", plain + "&scope=%00", plain + "&scope=%ff",
        plain + "&scope=a b", plain + "&resource=a&resource=b",
    ]) func whatCanBeReadInTwoWaysIsPassedThrough(body: String) {
        #expect(reason(body) == .oddForm)
    }

    @Test func otherGrantsFieldsAndTypesArePassedThrough() {
        #expect(reason(Self.plain.replacing("=refresh_token&", with: "=password&")) == .otherGrant)
        #expect(reason(Self.plain + "&assertion=a") == .unknownField)
        #expect(reason(Self.plain, ["Content-Type": "application/json"]) == .oddForm)
    }

    @Test(arguments: ["", "a b", "ü/+%&=", "\u{1f600}", "-._~"]) func whatIsEscapedReadsAsBefore(text: String) {
        #expect(FormFields.decoded(FormFields.encoded(text).utf8) == text)
    }
}
