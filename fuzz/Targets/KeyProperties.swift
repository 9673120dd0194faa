import LeaseTable

/// What is accepted as a key, against a second opinion.
///
/// Input: endpoint, client id, token, organization, scope, resource, audience, with FF between them; FF FE before a
/// part says that it is absent.
enum KeyProperties {
    static func check(_ input: [UInt8]) throws(Finding) {
        var fields = input.split(separator: 0xff, maxSplits: 6, omittingEmptySubsequences: false).map { bytes in
            bytes.first == 0xfe ? nil : String(decoding: bytes, as: UTF8.self)
        }
        while fields.count < 7 { fields.append(nil) }
        let parts = KeyParts(
            endpoint: fields[0] ?? "", clientID: fields[1] ?? "", refreshToken: fields[2] ?? "",
            organizationID: fields[3], scope: fields[4], resource: fields[5], audience: fields[6])
        let others = [parts.endpoint, parts.clientID] + fields[3...].compactMap { $0 }
        let isAcceptable =
            (1...KeyParts.longestToken).contains(parts.refreshToken.utf8.count)
            && others.allSatisfy { part in
                (1...KeyParts.longestPart).contains(part.utf8.count)
                    && !part.unicodeScalars.contains { $0.properties.generalCategory == .control }
            }
        switch Result(catching: { () throws(KeyPartsError) in try KeyMaterial(parts) }) {
        case .success(let key):
            try FuzzTargets.check(isAcceptable, "a key that must not be accepted")
            var shorter = parts
            shorter.refreshToken.removeLast()
            try FuzzTargets.check(
                (try? KeyMaterial(shorter))?.recordKey != key.recordKey, "two tokens have one record")
        case .failure(let error):
            try FuzzTargets.check(!isAcceptable, "a key that must be accepted: \(error)")
        }
    }
}
