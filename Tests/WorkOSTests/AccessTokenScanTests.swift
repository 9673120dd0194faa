import Testing

@testable import WorkOS

struct AccessTokenScanTests {
    @Test(arguments: [
        #"{"access_token":"a"}"#, #" { "access_token" : "a" } "#, #"{"user":{"id":"u"},"access_token":"a","n":null}"#,
        #"{"x":[1,-0.5,2e+9,true,false,[],{}],"access_token":"a text that is longer than eight bytes"}"#,
        #"{"user":{"access_token":7,"name":"a \"quoted\\ \u00E9 name"},"access_token":"a"}"#,
    ])
    func `the usual answers need no decoder`(body: String) {
        #expect(AccessTokenScan.succeeds(in: Array(body.utf8)))
        #expect(TokenResponse.decodesToAccessToken(Array(body.utf8)))
    }

    @Test(arguments: [
        "", "{}", "[]", #"{"access_token":""}"#, #"{"access_token":7}"#, #"{"access_token":"a"} b"#,
        #"{"user":{"access_token":"a"}}"#, #"{"access_token":"a",}"#, #"{"access_token":"a" "b":1}"#,
        #"{"access_token":"a","b":01}"#, #"{"access_token":"a","b":1.}"#, #"{"access_token":"a","b":-}"#,
        #"{"access_token":"a","b":"\x"}"#, #"{"access_token":"a","b":"\u12g4"}"#, "{\"access_token\":\"a\nb\"}",
        #"{"access_token":"a","b":tru}"#, #"{"access_token":"a","b":[1 2]}"#, #"{"access_token":"a""#,
        // These are right, and rare: the decoder is asked.
        #"{"access\u005ftoken":"a"}"#, #"{"access_token":"\u0061"}"#, #"{"access_token":"a","access_token":""}"#,
        #"{"access_token":"a","access_token":"b"}"#, #"{"access_token":"a","access\u005ftoken":""}"#,
        #"{"access_token":"a","b":"# + String(repeating: "[", count: 40) + String(repeating: "]", count: 40) + "}",
    ])
    func `everything else is left to the decoder`(body: String) {
        #expect(!AccessTokenScan.succeeds(in: Array(body.utf8)))
    }

    @Test func `bytes that are no UTF-8 are left to the decoder`() {
        let body = Array(#"{"access_token":"a"#.utf8) + [0xc3, 0x28] + Array(#""}"#.utf8)
        #expect(!AccessTokenScan.succeeds(in: body))
    }

    @Test func `it is never surer than the decoder`() {
        let good = Array(#"{"user":{"id":"u","l":[1,-2.5e3,true]},"access_token":"abc","z":"\n\u00e9"}"#.utf8)
        var sure = 0
        for position in good.indices {
            for byte in UInt8.min...UInt8.max {
                var body = good
                body[position] = byte
                guard AccessTokenScan.succeeds(in: body) else { continue }
                sure += 1
                #expect(TokenResponse.decodesToAccessToken(body), "\(String(decoding: body, as: UTF8.self))")
            }
            #expect(!AccessTokenScan.succeeds(in: Array(good[..<position])))
        }
        #expect(sure > good.count)
    }
}
