import AsyncAlgorithms
import NIOCore
import NIOHTTP1

/// One request as it came, its body still coming.
struct ClientRequest: Sendable {
    /// Method, target and headers.
    let head: HTTPRequestHead
    /// How long the body is.
    let length: BodyLength
    /// The body, to be read once, piece by piece as it is asked for. Throws where the client leaves in its midst.
    let body: AsyncThrowingChannel<ByteBuffer, any Error>
    /// Who sent it.
    let peer: Peer

    /// How the length of a body is told.
    enum BodyLength: Sendable, Equatable {
        /// There is none.
        case none
        /// By `Content-Length`.
        case known(Int64)
        /// By its own last chunk.
        case chunked
    }

    /// The values of a header, whatever the spelling of its name.
    func values(_ name: String) -> [String] { head.headers[name] }

    /// The only value of a header; `nil` where there is none, or more than one.
    func single(_ name: String) -> String? {
        let values = values(name)
        return values.count == 1 ? values.first : nil
    }

    /// Whether the head may be that of a refresh, so that its body is worth reading before anything is sent: to exactly
    /// `path`, with a body that has not `longest` bytes already by its own word.
    func mayBeRefresh(at path: String, longest: Int) -> Bool {
        guard head.method == .POST, head.uri == path else { return false }
        return switch length {
        case .none, .known(0): false
        case .known(let length): length <= longest
        case .chunked: true
        }
    }

    /// How the body of `head` is delimited; `nil` where that is not plain, which the parser before should have refused.
    static func length(_ head: HTTPRequestHead) -> BodyLength? {
        let codings = head.headers["transfer-encoding"]
        let lengths = head.headers["content-length"]
        switch (codings.count, lengths.count) {
        case (0, 0): return BodyLength.none
        case (1, 0): return codings[0].lowercased() == "chunked" && head.version == .http1_1 ? .chunked : nil
        case (0, 1):
            let digits = lengths[0].utf8
            guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int64(lengths[0])
            else { return nil }
            return .known(count)
        default: return nil
        }
    }
}
