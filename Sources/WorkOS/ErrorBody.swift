import FoundationEssentials

/// The code of a failure's body, in either of its shapes: `{"error":…,"error_description":…}` as in RFC 6749
/// section 5.2, or `{"code":…,"message":…}`.
struct ErrorBody: Decodable {
    /// `code` and `error`, where they are there and are names rather than prose.
    let names: [String]

    private enum CodingKeys: String, CodingKey {
        case code, error
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        names = [CodingKeys.code, .error].compactMap { key in
            guard let text = try? container.decode(String.self, forKey: key), Self.isName(text) else {
                return nil
            }
            return text
        }
    }

    /// The names in `body`, none where it is not JSON or has none.
    static func names(in body: [UInt8]) -> [String] {
        guard JSONText.isObject(body) else { return [] }
        return (try? JSONDecoder().decode(ErrorBody.self, from: Data(body)))?.names ?? []
    }

    /// Names go into logs and metrics, so they are bounded: up to 64 letters, digits, `_`, `-` and `.`.
    private static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.unicodeScalars.allSatisfy {
                $0.isASCII
                    && ($0.properties.isAlphabetic || ("0"..."9").contains($0)
                        || "_-.".unicodeScalars.contains($0))
            }
    }
}
