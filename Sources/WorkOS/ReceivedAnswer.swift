package import RefreshClient

/// What a transfer brought, before anything is made of it, whichever client made it.
package struct ReceivedAnswer: Sendable {
    /// The final status, or `nil` where none came.
    package var status: Int?
    /// The headers that matter, in order.
    package var headers: [UpstreamFailure.Header] = []
    /// The body as far as it came, at most ``longestBody`` bytes.
    package var body: [UInt8] = []
    /// Whether more body came than is kept.
    package var isTooLong = false
    /// Whether the upstream may have received the request.
    package var mayHaveBeenSent = true
    /// How the transfer ended.
    package var ending = Ending.complete

    /// How a transfer ended.
    package enum Ending: Sendable {
        /// With a whole answer.
        case complete
        /// Because time was up.
        case timedOut
        /// Otherwise; what happened, in words that hold nothing the upstream sent.
        case failed(String)
        /// Something answered, and not in HTTP; what happened, likewise.
        case notHTTP(String)

        /// In the hands of a program that does not say how.
        static let failedInProgram = Ending.failed("the upstream could not be reached")
    }

    /// The longest body that is kept.
    package static let longestBody = 64 * 1024
    /// The longest value of a header that is kept.
    package static let longestHeaderValue = 1024

    /// Makes an answer.
    package init(
        status: Int? = nil, headers: [UpstreamFailure.Header] = [], body: [UInt8] = [], isTooLong: Bool = false,
        mayHaveBeenSent: Bool = true, ending: Ending = .complete
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.isTooLong = isTooLong
        self.mayHaveBeenSent = mayHaveBeenSent
        self.ending = ending
    }

    /// Keeps a header if it is one that matters, its value cut to what may stand in a log.
    package mutating func keep(header name: String, _ text: some StringProtocol) {
        guard ["content-type", "retry-after", "x-request-id"].contains(name.lowercased()), headers.count < 8
        else { return }
        let value = text.unicodeScalars.filter { $0.isASCII && $0.value >= 0x20 && $0.value < 0x7f }
        var trimmed = Substring(String(String.UnicodeScalarView(value.prefix(Self.longestHeaderValue))))
        while trimmed.first == " " { trimmed.removeFirst() }
        while trimmed.last == " " { trimmed.removeLast() }
        headers.append(UpstreamFailure.Header(name: name, value: String(trimmed)))
    }

    /// The first header of that name, given in lower case.
    func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name }?.value
    }
}
