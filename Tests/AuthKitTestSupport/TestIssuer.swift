import CryptoExtras
package import Foundation
import JWTKit

/// Signs access tokens, as the upstream does, and shows its keys.
package final class TestIssuer: Sendable {
    /// Two that exist before any test: making a key takes a tenth of a second.
    package static let first = Task { try await TestIssuer("key-1") }
    package static let second = Task { try await TestIssuer("key-2") }

    let identifier: String
    private let key: _RSA.Signing.PrivateKey
    // One for each: a collection signs with its first key for a `kid` it does not have.
    private let signers: [Algorithm: JWTKeyCollection]
    private let jwk: [String: String]

    init(_ identifier: String) async throws {
        self.identifier = identifier
        let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        self.key = key
        let primitives = try Insecure.RSA.PublicKey(backing: key.publicKey).getKeyPrimitives()
        jwk = [
            "kty": "RSA", "alg": "RS256", "use": "sig", "kid": identifier,
            "n": Self.base64URL(primitives.modulus), "e": Self.base64URL(primitives.publicExponent),
        ]
        let signing = try Insecure.RSA.PrivateKey(backing: key)
        signers = [
            .rs256: await JWTKeyCollection().add(rsa: signing, digestAlgorithm: .sha256),
            .rs384: await JWTKeyCollection().add(rsa: signing, digestAlgorithm: .sha384),
            .hs256: await JWTKeyCollection().add(
                hmac: "a secret that whoever forges a token may choose", digestAlgorithm: .sha256),
            .unsecured: await JWTKeyCollection().addUnsecuredNone(),
        ]
    }

    /// How a token is signed.
    package enum Algorithm: CaseIterable {
        case rs256, rs384, hs256, unsecured
    }

    /// A token of these claims, whose header names this key unless another one, or `nil` for none.
    package func token(
        _ claims: [String: Any], _ algorithm: Algorithm = .rs256, named identifier: String? = ""
    ) async throws -> String {
        let payload = Payload(json: try JSONSerialization.data(withJSONObject: claims))
        var header = JWTHeader()
        if let identifier { header.kid = identifier.isEmpty ? self.identifier : identifier }
        guard let signer = signers[algorithm] else { throw CancellationError() }
        return try await signer.sign(payload, header: header)
    }

    /// A token, signed with RS256, whose claims are these bytes, whatever they are.
    package func token(verbatim claims: String) throws -> String {
        let header = #"{"alg":"RS256","kid":"\#(identifier)"}"#
        let signed = Self.base64URL(Data(header.utf8)) + "." + Self.base64URL(Data(claims.utf8))
        let signature = try key.signature(for: Data(signed.utf8), padding: .insecurePKCS1v1_5)
        return signed + "." + Self.base64URL(signature.rawRepresentation)
    }

    /// A key set with the keys of these issuers, and entries that mean nothing here.
    package static func keySet(_ issuers: TestIssuer..., others: [[String: String]] = []) throws -> [UInt8] {
        [UInt8](try JSONSerialization.data(withJSONObject: ["keys": others + issuers.map(\.jwk)]))
    }

    package static func base64URL(_ data: Data) -> String {
        data.base64EncodedString()
            .replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
            .replacingOccurrences(of: "=", with: "")
    }

    /// Claims as any JSON object.
    private struct Payload: JWTPayload {
        let json: Data

        init(json: Data) { self.json = json }

        init(from decoder: any Decoder) throws { json = Data() }

        func encode(to encoder: any Encoder) throws {
            let value = try JSONDecoder().decode(Value.self, from: json)
            try value.encode(to: encoder)
        }

        func verify(using algorithm: some JWTAlgorithm) {}
    }

    private enum Value: Codable {
        case integer(Int)
        case number(Double)
        case text(String)
        case list([Value])
        case object([String: Value])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let value = try? container.decode(Int.self) {
                self = .integer(value)
            } else if let value = try? container.decode(Double.self) {
                self = .number(value)
            } else if let value = try? container.decode(String.self) {
                self = .text(value)
            } else if let value = try? container.decode([Value].self) {
                self = .list(value)
            } else {
                self = .object(try container.decode([String: Value].self))
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .integer(let value): try container.encode(value)
            case .number(let value): try container.encode(value)
            case .text(let value): try container.encode(value)
            case .list(let value): try container.encode(value)
            case .object(let value): try container.encode(value)
            }
        }
    }
}
