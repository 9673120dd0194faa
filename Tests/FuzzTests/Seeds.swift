import FuzzTargets
import Glibc
import LMDB
import LeaseTable
import ProcessSupport
import RefreshClient

/// Real input for each target, as the library makes it.
enum Seeds {
    struct NotMade: Error {}

    static func of(_ target: FuzzTarget) throws -> [(name: String, bytes: [UInt8])] {
        switch target {
        case .record: try records()
        case .success:
            [
                (
                    "with-request-id",
                    OutcomePayload.encode(UpstreamSuccess(body: Array(body.utf8), requestID: "req_1"))
                ),
                ("plain", OutcomePayload.encode(UpstreamSuccess(body: Array(body.utf8)))),
                ("empty-body", OutcomePayload.encode(UpstreamSuccess(body: []))),
            ]
        case .failure:
            [
                ("one-attempt", OutcomePayload.encode([refused])),
                ("two-attempts", OutcomePayload.encode([limited, refused])),
                ("no-answer", OutcomePayload.encode([noAnswer])),
            ]
        case .tableKeys:
            [
                ("lease", TableKeys.lease(try key.recordKey)),
                ("expiry", TableKeys.expiry(BootInstant(nanoseconds: 1_234_567_890), try key.recordKey)),
                ("expiry-never", TableKeys.expiry(BootInstant(nanoseconds: .max), try key.recordKey)),
            ]
        case .pipeName:
            [
                ("usual", Array(WakePipeName(holder: holder, number: 0x1234_5678_9abc_def0).fileName.utf8)),
                ("smallest", Array("1.0.0000000000000000".utf8)),
                ("largest", Array("2147483647.18446744073709551615.ffffffffffffffff".utf8)),
            ]
        case .guardHeader: try guards()
        case .answer:
            [
                ("success", answer(200, "x-request-id: req_1\n\n" + body)),
                ("spent", answer(400, #"content-type: application/json"# + "\n\n" + #"{"error":"invalid_grant"}"#)),
                ("limited", answer(429, "retry-after: 3\n\n" + #"{"code":"rate_limit_exceeded","message":"x"}"#)),
                ("limited-date", answer(429, "retry-after: Wed, 21 Oct 2065 07:28:00 GMT\n\n{}")),
                ("gateway", answer(502, "\n<html>Bad gateway</html>")),
                ("deep", answer(200, "\n" + #"{"access_token":"a","user":[[[[{"a":[1,2.5,null,true]}]]]]}"#)),
            ]
        case .keyParts:
            [
                ("workos", join(["https://api.workos.com", "client_1", "token", "org_1"])),
                (
                    "everything",
                    join(["https://a.example", "c", "t", "o", "openid profile", "https://r.example", "aud"])
                ),
                ("scope-only", join(["https://a.example", "c", "t", nil, "openid"])),
            ]
        }
    }

    /// Whether the parser takes it, rather than turning it down before there is anything to check.
    static func isAccepted(_ bytes: [UInt8], by target: FuzzTarget) -> Bool {
        switch target {
        case .record: (try? RecordCodec.decode(bytes, environment: environment)) != nil
        case .success: OutcomePayload.decodeSuccess(bytes) != nil
        case .failure: OutcomePayload.decodeFailure(bytes) != nil
        case .tableKeys:
            bytes.withUnsafeBytes { TableKeys.parseLease($0) != nil || TableKeys.parseExpiry($0) != nil }
        case .pipeName: WakePipeName(fileName: String(decoding: bytes, as: UTF8.self)) != nil
        case .guardHeader: bytes.withUnsafeBytes { (try? GuardHeader(decoding: $0)) != nil }
        case .answer, .keyParts: true
        }
    }

    // MARK: Pieces

    private static let body =
        #"{"access_token":"eyJ.e30.x","refresh_token":"rt_2","user":{"id":"user_1"},"organization_id":"org_1"}"#
    private static let refused = UpstreamFailure(
        class: .terminal, reason: .invalidGrant, status: 400,
        headers: [UpstreamFailure.Header(name: "Content-Type", value: "application/json")],
        body: Array(#"{"error":"invalid_grant"}"#.utf8), detail: "the upstream answered 400 invalid_grant")
    private static let limited = UpstreamFailure(
        class: .transient, reason: .rateLimitExceeded, status: 429, body: Array("{}".utf8),
        retryAfterMilliseconds: 3000, detail: "the upstream's rate limit was met (429)")
    private static let noAnswer = UpstreamFailure(
        class: .transient, reason: .timeout, mayHaveRotated: true, detail: "no answer in time")
    private static let holder = Holder(pid: 4711, startTime: 987_654, uid: 1000)
    private static let environment = EnvironmentID(bytes: [UInt8](repeating: 0x5a, count: 16)) ?? EnvironmentID()
    private static var key: KeyMaterial {
        get throws {
            try KeyMaterial(KeyParts(endpoint: "https://a.example", clientID: "client_1", refreshToken: "rt_1"))
        }
    }

    private static func answer(_ status: Int, _ rest: String) -> [UInt8] {
        [UInt8(status >> 8), UInt8(status & 0xff), 0] + Array(rest.utf8)
    }

    private static func join(_ parts: [String?]) -> [UInt8] {
        Array(parts.map { $0.map { Array($0.utf8) } ?? [0xfe] }.joined(separator: [0xff]))
    }

    private static func guards() throws -> [(name: String, bytes: [UInt8])] {
        var words: [UInt64] = [
            0x7265_6672_6573_6864, 1 | UInt64(MemoryLayout<pthread_mutex_t>.size) << 32, 1, 2, 3, 4, 4_026_531_836,
            4_026_531_834, 1 << 30, 1024, 11, 12, 13,
        ]
        func bytes() -> [UInt8] {
            words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
        }
        let usual = bytes()
        words[8] = 8192
        words[9] = 1
        return [("usual", usual), ("page", usual + [UInt8](repeating: 0, count: 64)), ("smallest", bytes())]
    }

    /// Every state that the state machine makes.
    private static func records() throws -> [(name: String, bytes: [UInt8])] {
        let key = try key
        func generation(_ transaction: UInt64) -> Generation {
            Generation(environment: environment, transaction: transaction)
        }
        func sealed(_ kind: OutcomeKind, _ transaction: UInt64, _ plaintext: [UInt8]) throws -> SealedOutcome {
            try SealedOutcome.seal(plaintext: plaintext, kind: kind, generation: generation(transaction), key: key)
        }
        let now = BootInstant(nanoseconds: 1_000_000_000_000)
        let pipe = WakePipeName(holder: holder, number: 0x1234_5678_9abc_def0)
        guard case .claimable(let grounds) = LeaseStateMachine.claim(nil, Claim(), now: now) else { throw NotMade() }
        func held(_ transaction: UInt64, _ grounds: Grounds) -> LeaseRecord {
            LeaseStateMachine.held(
                for: grounds, generation: generation(transaction), holder: holder, pipe: pipe, now: now,
                lease: .seconds(12))
        }
        let first = held(7, grounds)
        let retention = FailureRetention(terminal: .seconds(5), survival: .seconds(5))
        let success = try sealed(.success, 7, OutcomePayload.encode(UpstreamSuccess(body: Array(body.utf8))))
        let terminal = try sealed(.terminalFailure, 7, OutcomePayload.encode([refused]))
        let transient = try sealed(.transientFailure, 7, OutcomePayload.encode([limited]))
        guard
            case .store(let published, _) = LeaseStateMachine.publish(
                first, success: success, publisher: holder, pipe: pipe, retention: .seconds(30), now: now),
            case .store(let ended) = LeaseStateMachine.fail(
                first, failure: terminal, retention: retention, notBefore: nil, now: now),
            case .store(let failed) = LeaseStateMachine.fail(
                first, failure: transient, retention: retention, notBefore: now.advanced(by: .seconds(3)), now: now),
            case .claimable(let again) = LeaseStateMachine.claim(failed, Claim(), now: now.advanced(by: .seconds(4)))
        else { throw NotMade() }
        return try [
            ("held", first), ("success", published), ("failed-terminal", ended), ("failed-transient", failed),
            ("held-after-failure", held(9, again)),
        ].map { ($0.0, try RecordCodec.encode($0.1)) }
    }
}
