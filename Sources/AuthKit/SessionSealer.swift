import Crypto
import FoundationEssentials

/// Makes a session a text that nobody without the key can read, change or make, and back: AES-256-GCM.
///
/// Equal sessions make equal texts, in every process that has the key: the nonce is a keyed hash (HMAC-SHA256) of what
/// is sealed, as in synthetic-IV modes. So a dozen requests that share one refresh set one and the same cookie, and a
/// nonce is used twice only for the same text, or with the chance that two random ones would be the same.
///
/// A plain value: thread- and fork-safe.
public struct SessionSealer: Sendable {
    private static let version: UInt8 = 1
    private static let nonceLength = 12
    private static let headerLength = 9
    private let keys: [SessionKey]
    private let purpose: String

    /// Makes a sealer.
    ///
    /// - Parameters:
    ///   - key: seals, and opens.
    ///   - retiredKeys: open only: what was sealed before the key was changed. Drop them once those sessions are over.
    ///   - purpose: what the text is for, for instance the cookie's name; a text for another purpose does not open.
    public init(key: SessionKey, retiredKeys: [SessionKey] = [], purpose: String) {
        keys = [key] + retiredKeys
        self.purpose = purpose
    }

    /// Why a text is no session. Holds no part of it.
    public enum Failure: Error, Sendable, Hashable {
        /// Not a sealed session of this version.
        case malformed
        /// Sealed with a key that is not here.
        case unknownKey
        /// Changed since, or sealed for another purpose.
        case notAuthentic
        /// The session cannot be written as JSON.
        case notEncodable
    }

    /// The session as a text of letters, digits, `-` and `_`.
    ///
    /// - Throws: ``Failure/notEncodable``, for instance for a number in `user` that is not finite.
    public func seal(_ session: AuthKitSession) throws(Failure) -> String {
        let key = keys[0]
        let encoder = JSONEncoder()
        // Equal sessions, equal bytes.
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            let plain = try encoder.encode(session)
            let header = [Self.version] + key.identifier
            let context = associatedData(header)
            var hash = HMAC<SHA256>(key: key.naming)
            hash.update(data: context)
            hash.update(data: plain)
            let nonce = try AES.GCM.Nonce(data: Data(hash.finalize()).prefix(Self.nonceLength))
            let box = try AES.GCM.seal(plain, using: key.sealing, nonce: nonce, authenticating: context)
            return Base64URL.encode(Data(header) + Data(nonce) + box.ciphertext + box.tag)
        } catch {
            throw .notEncodable
        }
    }

    /// The session of a text, and whether a retired key was needed: as long as that happens, the key cannot be dropped.
    public func unseal(_ text: String) throws(Failure) -> (session: AuthKitSession, usedRetiredKey: Bool) {
        guard let data = Base64URL.decode(text), data.count > Self.headerLength, data.first == Self.version else {
            throw .malformed
        }
        let header = [UInt8](data.prefix(Self.headerLength))
        guard let index = keys.firstIndex(where: { $0.identifier == Array(header.dropFirst()) }) else {
            throw .unknownKey
        }
        guard let box = try? AES.GCM.SealedBox(combined: data.dropFirst(Self.headerLength)),
            let plain = try? AES.GCM.open(box, using: keys[index].sealing, authenticating: associatedData(header))
        else { throw .notAuthentic }
        guard let session = try? JSONDecoder().decode(AuthKitSession.self, from: plain) else { throw .malformed }
        return (session, index > 0)
    }

    private func associatedData(_ header: [UInt8]) -> Data {
        Data(header) + Data(purpose.utf8)
    }
}
