import FoundationEssentials
import WorkOS

/// A JWS in compact form (RFC 7515 section 3.1), taken apart and not verified.
struct CompactToken {
    private static let longest = 64 * 1024

    /// `alg` of the header.
    let algorithm: String?
    /// `kid` of the header.
    let keyIdentifier: String?
    /// The claims that can be read.
    let payload: JSONValue

    init(_ token: String) throws(AccessTokenClaims.ParsingError) {
        guard token.utf8.count <= Self.longest else { throw .notAToken }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Self.decode(parts[0]), let payload = Self.decode(parts[1]) else {
            throw .notAToken
        }
        guard let header = Self.object(header),
            let payload = try? JSONDecoder().decode(ReadableFields.self, from: payload)
        else { throw .notAnObject }
        algorithm = header["alg"]?.stringValue
        keyIdentifier = header["kid"]?.stringValue
        self.payload = payload.object
    }

    private static func decode(_ part: Substring) -> Data? {
        Base64URL.decode(String(part))
    }

    private static func object(_ data: Data) -> JSONValue? {
        guard let value = try? JSONDecoder().decode(JSONValue.self, from: data), case .object = value else {
            return nil
        }
        return value
    }
}
