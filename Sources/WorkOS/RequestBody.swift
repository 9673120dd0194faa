import CCurl
import FoundationEssentials
import RefreshClient

/// The JSON that is sent; absent fields are left out.
struct RequestBody: Encodable {
    let grantType = "refresh_token"
    let clientID: String
    let clientSecret: String?
    let refreshToken: String
    let organizationID: String?
    let endUser: EndUser

    private enum CodingKeys: String, CodingKey {
        case grantType = "grant_type"
        case clientID = "client_id"
        case clientSecret = "client_secret"
        case refreshToken = "refresh_token"
        case organizationID = "organization_id"
        case ipAddress = "ip_address"
        case userAgent = "user_agent"
        case deviceID = "device_id"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(grantType, forKey: .grantType)
        try container.encode(clientID, forKey: .clientID)
        try container.encodeIfPresent(clientSecret, forKey: .clientSecret)
        try container.encode(refreshToken, forKey: .refreshToken)
        try container.encodeIfPresent(organizationID, forKey: .organizationID)
        try container.encodeIfPresent(endUser.ipAddress, forKey: .ipAddress)
        try container.encodeIfPresent(endUser.userAgent, forKey: .userAgent)
        try container.encodeIfPresent(endUser.deviceID, forKey: .deviceID)
    }

    /// The bytes to send. The encoder's own intermediate copies are out of reach; its result is wiped.
    func serialized() throws -> WipedBuffer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var encoded = try encoder.encode(self)
        let buffer = WipedBuffer(capacity: encoded.count)
        unsafe encoded.withUnsafeMutableBytes { bytes in
            _ = unsafe buffer.append(UnsafeRawBufferPointer(bytes))
            if let start = bytes.baseAddress { unsafe ccurl_wipe(start, bytes.count) }
        }
        return buffer
    }
}
