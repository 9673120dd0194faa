import FoundationEssentials
import Hummingbird
import NIOCore

/// What a request's handler needs beyond the request: its connection and its name.
struct EmulatorContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The connection the request came on.
    let channel: any Channel
    /// `X-Request-ID` of the answer.
    let requestID: String

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
        requestID = UUID().uuidString.lowercased()
    }
}
