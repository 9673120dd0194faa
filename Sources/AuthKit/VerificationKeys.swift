import FoundationEssentials
import JWTKit
import WorkOS

/// The RSA keys of a JSON Web Key Set (RFC 7517), each usable for RS256 alone, whatever a token's header says.
struct VerificationKeys: Sendable {
    private let keys: [String: JWTKeyCollection]

    /// Takes the keys that can sign with RS256 and have a `kid`. Others, and those that are broken, are passed over, so
    /// that a kind of key added later does not cost the ones known here.
    ///
    /// - Throws: ``KeySetFailure`` where the bytes are no key set.
    init(keySet: [UInt8]) async throws(KeySetFailure) {
        guard let set = try? JSONDecoder().decode(WorkOS.JSONValue.self, from: Data(keySet)),
            case .array(let entries)? = set["keys"]
        else { throw KeySetFailure("what was fetched is not a JSON Web Key Set") }
        var keys: [String: JWTKeyCollection] = [:]
        for entry in entries {
            func text(_ name: String) -> String? { entry[name]?.stringValue }
            guard text("kty") == "RSA", text("use") ?? "sig" == "sig", text("alg") ?? "RS256" == "RS256",
                let identifier = text("kid"), let modulus = text("n"), let exponent = text("e"),
                let key = try? Insecure.RSA.PublicKey(modulus: modulus, exponent: exponent)
            else { continue }
            // One collection for each key: a collection of many would fall back to its first for a `kid` it lacks.
            let collection = JWTKeyCollection()
            await collection.add(rsa: key, digestAlgorithm: .sha256)
            keys[identifier] = collection
        }
        self.keys = keys
    }

    /// The key of that identifier.
    subscript(identifier: String) -> VerificationKey? {
        keys[identifier].map(VerificationKey.init(collection:))
    }
}

/// One RSA key, for RS256.
struct VerificationKey: Sendable {
    fileprivate let collection: JWTKeyCollection

    /// Whether this key signed the token.
    func verifies(_ token: String) async -> Bool {
        (try? await collection.verify(token, as: Anything.self)) != nil
    }

    /// Claims are read and judged elsewhere, by the injected clock; here the signature alone counts.
    private struct Anything: JWTPayload {
        func verify(using algorithm: some JWTAlgorithm) {}
    }
}
