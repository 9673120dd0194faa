import CCurl
import Crypto
import FoundationEssentials
import WorkOS

/// A test program's side of an emulator's control endpoints, over libcurl.
package struct ControlClient {
    /// Where the emulator listens.
    package let baseURL: String

    /// Loads libcurl.
    package init(baseURL: String) throws {
        try WorkOSUpstream.preload()
        self.baseURL = baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL
    }

    /// One event of the emulator's.
    package struct Event: Decodable {
        /// Its number, from 1.
        package var seq: UInt64
        /// What happened.
        package var event: String
        /// When, in nanoseconds of `CLOCK_MONOTONIC`.
        package var timeNs: UInt64
        /// The request it happened to.
        package var requestId: String?
        /// The token it happened to.
        package var tokenHash: String?
        /// The answer's status.
        package var status: Int?
    }

    /// A signed-in session's refresh token.
    package func signIn() throws -> String {
        struct Grant: Decodable { var refreshToken: String }
        return try decoder.decode(Grant.self, from: call("POST", "sessions", body: "{}")).refreshToken
    }

    /// Changes the emulator's settings; `body` is JSON.
    package func change(_ body: String) throws {
        _ = try call("PATCH", "settings", body: body)
    }

    /// Sets a fault; `body` is JSON.
    package func addFault(_ body: String) throws {
        _ = try call("POST", "faults", body: "[\(body)]")
    }

    /// Calls that were made with a token.
    package func refreshCalls(of token: String) throws -> Int {
        struct Counters: Decodable { var refreshCalls: Int }
        let body = try call("GET", "stats?token_hash=\(Self.hash(of: token))")
        return try decoder.decode(Counters.self, from: body).refreshCalls
    }

    /// All calls, since the emulator began.
    package func allRefreshCalls() throws -> Int {
        struct Counters: Decodable { var refreshCalls: Int }
        return try decoder.decode(Counters.self, from: call("GET", "stats?tokens=false")).refreshCalls
    }

    /// What has happened after `sequence`.
    package func events(after sequence: UInt64) throws -> [Event] {
        let text = try call("GET", "events?follow=false&since=\(sequence)")
        return text.split(separator: UInt8(ascii: "\n")).compactMap {
            try? decoder.decode(Event.self, from: $0)
        }
    }

    /// Waits for an event after `sequence`, as it comes, for `seconds` at the most.
    package func await(_ name: String, of token: String, after sequence: UInt64, seconds: Int = 20) throws -> Event {
        let hash = Self.hash(of: token)
        var found: Event?
        var rest: [UInt8] = []
        _ = try call("GET", "events?since=\(sequence)", seconds: seconds) { piece in
            rest += piece
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Data(rest[..<end])
                rest.removeSubrange(...end)
                if let event = try? decoder.decode(Event.self, from: line), event.event == name,
                    event.tokenHash == hash
                {
                    found = event
                    return false
                }
            }
            return true
        }
        guard let found else { throw StormError("the emulator saw no \(name) within \(seconds) s") }
        return found
    }

    /// What the emulator calls a token.
    package static func hash(of token: String) -> String {
        let digits = Array("0123456789abcdef")
        return String(
            SHA256.hash(data: Array(token.utf8)).prefix(8).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }

    private var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }

    // MARK: HTTP

    private final class Sink {
        var body: [UInt8] = []
        let take: (([UInt8]) -> Bool)?

        init(_ take: (([UInt8]) -> Bool)?) {
            self.take = take
        }
    }

    /// One request. `take` sees the answer piece by piece and ends it by answering false.
    private func call(
        _ method: String, _ path: String, body: String? = nil, seconds: Int = 20, take: (([UInt8]) -> Bool)? = nil
    ) throws -> Data {
        guard let handle = ccurl_easy_init() else { throw StormError("libcurl has no memory") }
        defer { ccurl_easy_cleanup(handle) }
        let url = "\(baseURL)/_emulator/\(path)"
        ccurl_setopt_string(handle, CURLOPT_URL, url)
        ccurl_setopt_string(handle, CURLOPT_CUSTOMREQUEST, method)
        ccurl_setopt_string(handle, CURLOPT_NOPROXY, "*")
        ccurl_setopt_long(handle, CURLOPT_NOSIGNAL, 1)
        ccurl_setopt_long(handle, CURLOPT_TIMEOUT, seconds)
        ccurl_setopt_long(handle, CURLOPT_FAILONERROR, 1)
        if let body { ccurl_setopt_string(handle, CURLOPT_COPYPOSTFIELDS, body) }
        let sink = Sink(take)
        ccurl_setopt_transfer(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
            let sink = Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue()
            let piece = Array(UnsafeRawBufferPointer(start: bytes, count: size * count))
            guard let take = sink.take else {
                sink.body += piece
                return piece.count
            }
            return take(piece) ? piece.count : 0
        }
        ccurl_setopt_pointer(handle, CURLOPT_WRITEDATA, Unmanaged.passUnretained(sink).toOpaque())
        let code = withExtendedLifetime(sink) { ccurl_easy_perform(handle) }
        if code != CURLE_OK, !(take != nil && code == CURLE_WRITE_ERROR) {
            throw StormError("\(method) \(url): \(String(cString: ccurl_easy_strerror(code)))")
        }
        return Data(sink.body)
    }
}
