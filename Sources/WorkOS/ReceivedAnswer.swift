import CCurl
package import RefreshClient

/// What a transfer brought, before anything is made of it.
package struct ReceivedAnswer {
    /// The final status, or `nil` where none came.
    var status: Int?
    /// The headers that matter, in order.
    var headers: [UpstreamFailure.Header] = []
    /// The body as far as it came, at most ``Exchange/longestBody`` bytes.
    var body: [UInt8] = []
    /// Whether more body came than is kept.
    var isTooLong = false
    /// Whether the upstream may have received the request.
    var mayHaveBeenSent = true
    /// How the transfer ended.
    var ending = Ending.complete

    /// How a transfer ended.
    enum Ending {
        /// With a whole answer.
        case complete
        /// Because time was up.
        case timedOut
        /// Otherwise; what happened, in words that hold nothing the upstream sent.
        case failed(CURLcode, String)

        /// In the hands of a program that does not say how.
        static let failedInProgram = Ending.failed(CURLE_RECV_ERROR, "the upstream could not be reached")
    }

    /// The first header of that name, given in lower case.
    func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name }?.value
    }
}

extension ReceivedAnswer {
    /// An answer of that status which came whole, or was cut short while its body came.
    package init(status: Int, headers: [UpstreamFailure.Header], body: [UInt8], isCutShort: Bool) {
        self.init(status: status, headers: headers, body: body, ending: isCutShort ? .timedOut : .complete)
    }
}
