import NIOCore

/// What a client may take of the daemon, each with its unit and the reason for it.
struct ServerLimits: Sendable {
    /// How long a connection may take from its opening, or from its last answer, to the end of the next request's head.
    /// 75 s: as long as keep-alive pools of common clients hold a connection, and an end for those that send by drops.
    var headTimeout = TimeAmount.seconds(75)
    /// How long the next piece of a request's body may take. 30 s: a stalled upload gives its connection back.
    var bodyTimeout = TimeAmount.seconds(30)
    /// How long a client may take none of what is sent to it. 60 s: as long as an upstream is waited for.
    var writeTimeout = TimeAmount.seconds(60)
    /// How long the upstream may take none of a body that is there for it, and say nothing. 60 s: as long as its answer is waited for.
    var uploadTimeout = Duration.seconds(60)
    /// The longest single header field, in bytes. 16 KiB: room for large cookies and tokens.
    var headerField = 16 * 1024
    /// The longest head, in bytes. 64 KiB: more than any upstream takes.
    var headerList = 64 * 1024
    /// The most header fields. 200: twice what is ever seen.
    var headerCount = 200
    /// The longest body of a refresh, in bytes. 64 KiB: a token of 16 KiB and the fields beside it, four times over.
    var refreshBody = 64 * 1024
    /// How long requests that are under way may take after a stop began. 30 s: one refresh, with its retry.
    var drainTimeout = TimeAmount.seconds(30)
}
