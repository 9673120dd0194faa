package import RefreshClient
import Synchronization

/// An upstream that answers as a test decides, and keeps what it was asked.
package final class UpstreamScript: Upstream {
    package let endpoint = "https://upstream.test"
    package let clientID = "client_test"
    private let received = Mutex<[UpstreamRequest]>([])
    private let answer: @Sendable (UpstreamRequest) -> UpstreamAnswer

    package init(_ answer: @escaping @Sendable (UpstreamRequest) -> UpstreamAnswer) { self.answer = answer }

    package var requests: [UpstreamRequest] { received.withLock { $0 } }

    package func attempt(_ request: UpstreamRequest, timeout: Duration) -> UpstreamAnswer {
        received.withLock { $0.append(request) }
        return answer(request)
    }

    package static func success(_ accessToken: String, _ more: String = "") -> UpstreamAnswer {
        .success(
            UpstreamSuccess(body: Array(#"{"access_token":"\#(accessToken)","refresh_token":"rt-2"\#(more)}"#.utf8)))
    }
}
