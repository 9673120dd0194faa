import CryptoExtras
import FoundationEssentials
import JWTKit
import Synchronization

/// Signs access tokens with a key made at start, and serves its public half.
final class AccessTokenSigner: Sendable {
    /// The key set as `GET /sso/jwks/{client_id}` answers it.
    let keySet: JSONValue

    private let keyIdentifier: JWKIdentifier
    // One collection per core: each is an actor and signs one token at a time.
    private let signers: [JWTKeyCollection]
    private let next = Atomic(0)

    /// Makes a 2048-bit RSA key.
    ///
    /// Throws what the cryptographic library throws.
    init(parallel: Int) async throws {
        let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        let publicKey = try Insecure.RSA.PublicKey(backing: key.publicKey)
        let primitives = try publicKey.getKeyPrimitives()
        let name = "sso_oidc_key_pair_" + Identifier.refreshToken()
        keySet = [
            "keys": [
                [
                    "kty": "RSA", "alg": "RS256", "use": "sig", "kid": .string(name),
                    "n": .string(Self.base64URL(primitives.modulus)),
                    "e": .string(Self.base64URL(primitives.publicExponent)),
                ]
            ]
        ]
        keyIdentifier = JWKIdentifier(string: name)
        let privateKey = try Insecure.RSA.PrivateKey(backing: key)
        var signers: [JWTKeyCollection] = []
        for _ in 0..<max(1, parallel) {
            let collection = JWTKeyCollection()
            await collection.add(rsa: privateKey, digestAlgorithm: .sha256, kid: keyIdentifier)
            signers.append(collection)
        }
        self.signers = signers
    }

    /// The signed token.
    func sign(_ claims: AccessTokenClaims) async throws -> String {
        let turn = next.wrappingAdd(1, ordering: .relaxed).oldValue
        return try await signers[Int(turn.magnitude % signers.count.magnitude)].sign(
            claims, kid: keyIdentifier)
    }

    private static func base64URL(_ data: some DataProtocol) -> String {
        Data(data).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
