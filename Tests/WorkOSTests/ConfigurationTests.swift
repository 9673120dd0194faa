import RefreshClient
import Testing

@testable import WorkOS

@Suite struct ConfigurationTests {
    private func refusal(_ configuration: WorkOSConfiguration) -> WorkOSConfigurationError? {
        do throws(WorkOSConfigurationError) {
            _ = try WorkOSUpstream(configuration)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        ("https://api.workos.com", "https://api.workos.com"),
        ("HTTPS://API.WorkOS.com:443/", "https://api.workos.com"),
        ("https://h.example:8443//a//b/", "https://h.example:8443/a/b"),
        ("http://localhost:80", "http://localhost"),
        ("http://127.9.8.7:3000", "http://127.9.8.7:3000"), ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
    ])
    func oneEndpointForAllSpellings(_ base: String, _ normalized: String) throws {
        let upstream = try WorkOSUpstream(WorkOSConfiguration(clientID: "client_1", baseURL: base))
        #expect(upstream.endpoint == normalized + "/user_management/authenticate")
        #expect(upstream.clientID == "client_1")
    }

    @Test(arguments: [
        "", "api.workos.com", "https://", "ftp://api.workos.com", "https://user:pw@api.workos.com",
        "https://api.workos.com?x=1", "https://api.workos.com/#f", "https://api workos.com", "https://a\\b",
        "https://exa%6dple.com", "https://api.workos.com:0", "https://api.workos.com:65536",
        "https://é.example",
        "https://api.workos.com/\r\nX: 1", "https://[::zz]", "file:///etc/passwd",
    ])
    func baseURLsThatAreNone(_ base: String) {
        let error = refusal(WorkOSConfiguration(clientID: "client_1", baseURL: base))
        #expect(error?.code == .invalidBaseURL)
        #expect(error?.message.contains("https://api.workos.com") == true)
    }

    @Test(arguments: [
        "http://api.workos.com", "http://127.0.0.1.example.com", "http://localhost.example.com",
        "http://10.0.0.1",
        "http://[::2]", "http://[::ffff:127.0.0.1]", "http://0.0.0.0", "http://128.0.0.1",
        "http://2130706433",
    ])
    func unencryptedOnlyToLoopback(_ base: String) {
        let error = refusal(WorkOSConfiguration(clientID: "client_1", baseURL: base))
        #expect(error?.code == .insecureBaseURL)
        #expect(error?.message.contains("use https") == true)
    }

    @Test func otherFields() {
        for id in ["", " ", "client\n", "clïent", String(repeating: "c", count: 257)] {
            #expect(refusal(WorkOSConfiguration(clientID: id))?.code == .invalidClientID)
        }
        for key in ["", "sk_1\n", "sk 1", String(repeating: "k", count: 1025)] {
            let error = refusal(WorkOSConfiguration(clientID: "client_1", apiKey: key))
            #expect(error?.code == .invalidAPIKey)
            #expect(key.isEmpty || error?.message.contains(key) == false)
        }
        for agent in ["", " ", "a\r\nb", String(repeating: "a ", count: 129)] {
            #expect(
                refusal(WorkOSConfiguration(clientID: "client_1", userAgent: agent))?.code
                    == .invalidUserAgent)
        }
        #expect(
            refusal(WorkOSConfiguration(clientID: "client_1", connectTimeout: .zero))?.code
                == .invalidConnectTimeout)
        #expect(
            refusal(WorkOSConfiguration(clientID: "client_1", caBundlePath: "/nonexistent/ca.pem"))?.code
                == .unreadableCABundle)
        #expect(
            refusal(
                WorkOSConfiguration(
                    clientID: "c", apiKey: String(repeating: "k", count: 1024),
                    userAgent: String(repeating: "u", count: 256))) == nil)
    }

    @Test func descriptionWithholdsTheKey() {
        let configuration = WorkOSConfiguration(clientID: "client_1", apiKey: "sk_secret")
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in ["\(configuration)", String(reflecting: configuration), dumped] {
            #expect(!text.contains("sk_secret"))
        }
    }
}
