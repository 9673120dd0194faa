import Testing

@testable import WorkOS

@Suite struct TokenResponseTests {
    @Test func everyFieldAndUnknownOnes() throws {
        let json = """
            {"user":{"object":"user","id":"user_1","email":"é@example.com","email_verified":true,"metadata":{"k":"v"},
            "first_name":null,"count":9007199254740993,"ratio":0.5,"list":[1,"a",false,{}]},"organization_id":"org_1",
            "access_token":"at_1","refresh_token":"rt_2","authentication_method":"Password",
            "impersonator":{"email":"admin@example.com","reason":"support"},"oauth_tokens":{"provider":"GoogleOAuth"},
            "not_yet_known":{"deep":[null]}}
            """
        let response = try TokenResponse(decoding: Array(json.utf8))
        #expect(response.accessToken == "at_1")
        #expect(response.refreshToken == "rt_2")
        #expect(response.organizationID == "org_1")
        #expect(response.authenticationMethod == "Password")
        #expect(response.impersonator?.email == "admin@example.com")
        #expect(response.impersonator?.reason == "support")
        #expect(response.oauthTokens?["provider"]?.stringValue == "GoogleOAuth")
        #expect(
            response.user
                == .object([
                    "object": .string("user"), "id": .string("user_1"), "email": .string("é@example.com"),
                    "email_verified": .bool(true), "metadata": .object(["k": .string("v")]),
                    "first_name": .null,
                    "count": .integer(9_007_199_254_740_993), "ratio": .number(0.5),
                    "list": .array([.integer(1), .string("a"), .bool(false), .object([:])]),
                ]))
        #expect(response.json == Array(json.utf8))
        var dumped = ""
        dump(response, to: &dumped)
        for text in ["\(response)", String(reflecting: response), dumped] {
            #expect(!text.contains("at_1") && !text.contains("rt_2") && !text.contains("example.com"))
        }
    }

    @Test func theLeastThereIs() throws {
        let response = try TokenResponse(
            decoding: Array(#"{"access_token":"at_1","refresh_token":null}"#.utf8))
        #expect(response.refreshToken == nil)
        #expect(response.user == nil)
        #expect(response.impersonator == nil)
    }

    @Test(
        arguments: [
            ("", .notAnObject), ("[]", .notAnObject), ("{", .notAnObject), ("{}", .noAccessToken),
            (#"{"access_token":1}"#, .noAccessToken), (#"{"access_token":""}"#, .noAccessToken),
            (#"{"access_token":null}"#, .noAccessToken),
            (#"{"access_token":"a","refresh_token":5}"#, .invalidField("refresh_token")),
            (#"{"access_token":"a","impersonator":{}}"#, .invalidField("impersonator.email")),
            (
                #"{"access_token":"a","x":"# + String(repeating: "[", count: 64)
                    + String(repeating: "]", count: 64) + "}",
                .notAnObject
            ),
        ] as [(String, TokenResponse.DecodingFailure)])
    func refusals(_ json: String, _ failure: TokenResponse.DecodingFailure) {
        #expect(throws: failure) { try TokenResponse(decoding: Array(json.utf8)) }
    }
}
