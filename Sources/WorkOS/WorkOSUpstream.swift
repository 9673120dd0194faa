import CCurl
import ProcessSupport
public import RefreshClient

/// The WorkOS API as an upstream, called with libcurl from inside the worker.
///
/// A value of settings and no more: no thread, connection, lock or file is kept between attempts. So it may be
/// used from any thread, by many at once, and in processes forked before, after or during an attempt. libcurl is
/// loaded at the first attempt, or by ``preload()``.
///
/// An attempt needs 256 KiB of stack. Request and response are held in memory of its own that is wiped
/// afterwards; the strings given to it, what it returns, and what libcurl and the TLS library hold meanwhile are
/// not.
///
/// Proxies are taken from the environment as libcurl does (`https_proxy`, `all_proxy`, `no_proxy`), since many
/// hosts reach the internet no other way and TLS ends at the upstream all the same; not for loopback hosts.
public struct WorkOSUpstream: Upstream {
    /// The URL that is called, in one spelling for all base URLs that mean the same.
    public var endpoint: String { target.url }

    /// The configuration's client identifier.
    public var clientID: String { configuration.clientID }

    let configuration: WorkOSConfiguration
    let target: Endpoint

    /// Checks a configuration and makes an upstream of it. Opens nothing; only looks whether the file of trusted
    /// certificates can be read.
    ///
    /// - Throws: ``WorkOSConfigurationError`` with the fix in its message.
    public init(_ configuration: WorkOSConfiguration) throws(WorkOSConfigurationError) {
        try configuration.validate()
        target = try Endpoint(baseURL: configuration.baseURL)
        self.configuration = configuration
    }

    /// Loads libcurl now. For masters that fork workers, which then share its pages, and for tools that want to
    /// know at their start that it is there. Calling it again costs nothing.
    ///
    /// - Throws: ``WorkOSConfigurationError`` of code `libcurl_unavailable`.
    public static func preload() throws(WorkOSConfigurationError) {
        try CurlLibrary.load()
    }

    /// Sends one request and waits for its answer; see ``Upstream/attempt(_:timeout:)``.
    ///
    /// Never sends anything twice: a new connection each time, none used again, no redirect followed. A
    /// `timeout` of zero or less is a failure with reason `timeout` at once. Raises no signal.
    ///
    /// Name lookup ends with the connect timeout where libcurl is 7.87 or later (Debian 12 has 7.88). Older ones
    /// wait for the system's resolver to give up first, which its own timeouts bound (`resolv.conf(5)`).
    public func attempt(_ request: UpstreamRequest, timeout: Duration) -> UpstreamAnswer {
        Forks.heldOff { answer(to: request, timeout: timeout) }
    }

    private func answer(to request: UpstreamRequest, timeout: Duration) -> UpstreamAnswer {
        let milliseconds = Self.milliseconds(timeout)
        guard milliseconds > 0 else {
            return AnswerClassifier.classify(ReceivedAnswer(mayHaveBeenSent: false, ending: .timedOut))
        }
        do {
            try CurlLibrary.load()
        } catch {
            return .failure(TransportFailure.beforeSending(error.message))
        }
        guard let headers = headers(idempotencyKey: request.idempotencyKey) else {
            return .failure(
                TransportFailure.beforeSending("the idempotency key is not 1 to 256 visible characters"))
        }
        guard let bytes = try? body(of: request).serialized() else {
            return .failure(TransportFailure.beforeSending("the request cannot be written as JSON"))
        }
        return AnswerClassifier.classify(
            perform(
                .post, target.url, Exchange(request: bytes), headers: headers, timeoutMilliseconds: milliseconds))
    }

    /// The JSON that asks for `request`, for a client that is not libcurl.
    package func requestBody(for request: UpstreamRequest) throws -> [UInt8] {
        try body(of: request).serialized().copied()
    }

    private func body(of request: UpstreamRequest) -> RequestBody {
        RequestBody(
            clientID: configuration.clientID, clientSecret: configuration.apiKey,
            refreshToken: request.refreshToken,
            organizationID: request.organizationID, endUser: request.endUser)
    }

    /// What a request does; a `get` has no body.
    enum Method {
        case get, post
    }

    func perform(
        _ method: Method, _ url: String, _ exchange: Exchange, headers: borrowing HeaderList, timeoutMilliseconds: Int
    ) -> ReceivedAnswer {
        guard var handle = CurlHandle() else {
            return ReceivedAnswer(
                mayHaveBeenSent: false, ending: .failed("out of memory"))
        }
        handle.set(CURLOPT_URL, url)
        handle.set(CURLOPT_TIMEOUT_MS, timeoutMilliseconds)
        handle.set(
            CURLOPT_CONNECTTIMEOUT_MS,
            min(Self.milliseconds(configuration.connectTimeout), timeoutMilliseconds))
        restrictTransport(&handle)
        if method == .post {
            handle.set(CURLOPT_POST, 1)
            handle.setSize(CURLOPT_POSTFIELDSIZE_LARGE, exchange.requestLength)
        }
        handle.setHeaders(headers)
        exchange.attach(to: &handle)

        let code = handle.failure ?? withExtendedLifetime(exchange) { handle.perform() }
        var received = exchange.received
        switch code {
        case CURLE_OK: received.ending = .complete
        case CURLE_OPERATION_TIMEDOUT: received.ending = .timedOut
        default:
            // libcurl's own words say most, but once an answer may have come they could hold some of it.
            let words = received.mayHaveBeenSent ? "" : exchange.errorText
            let system = handle.systemError
            let said =
                words.isEmpty ? CurlLibrary.text(of: code) + (system == 0 ? "" : " (errno \(system))") : words
            received.ending =
                [CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL].contains(code) ? .notHTTP(said) : .failed(said)
        }
        return received
    }

    private func restrictTransport(_ handle: inout CurlHandle) {
        // Signals are the host's; without this, older resolvers use SIGALRM.
        handle.set(CURLOPT_NOSIGNAL, 1)
        // Leave the resolver's thread behind instead of joining it when time is up.
        _ = handle.setIfKnown(CURLOPT_QUICK_EXIT, 1)
        handle.set(CURLOPT_PROTOCOLS, Int(target.isSecure ? CURLPROTO_HTTPS : CURLPROTO_HTTP))
        handle.set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        handle.set(CURLOPT_FOLLOWLOCATION, 0)
        handle.set(CURLOPT_FRESH_CONNECT, 1)
        handle.set(CURLOPT_FORBID_REUSE, 1)
        handle.set(CURLOPT_SSL_VERIFYPEER, 1)
        handle.set(CURLOPT_SSL_VERIFYHOST, 2)
        handle.set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        if let path = configuration.caBundlePath {
            handle.set(CURLOPT_CAINFO, path)
            handle.set(CURLOPT_CAPATH, nil)
        }
        if target.isLoopback { handle.set(CURLOPT_PROXY, "") }
        // The API key is for the upstream, and a proxy's answers are not the upstream's.
        handle.set(CURLOPT_HEADEROPT, Int(CURLHEADER_SEPARATE))
        handle.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
    }

    private func headers(idempotencyKey: String) -> HeaderList? {
        guard WorkOSConfiguration.isVisible(idempotencyKey, longest: 256) else { return nil }
        var list = HeaderList(maximum: 7)
        var fits = list.append("Content-Type", "application/json")
        fits = list.append("Accept", "application/json") && fits
        fits = list.append("User-Agent", configuration.userAgent) && fits
        fits = list.append("Idempotency-Key", idempotencyKey) && fits
        if let apiKey = configuration.apiKey {
            fits = list.append("Authorization", "Bearer ", apiKey) && fits
        }
        // Waiting for "100 Continue" would cost a second where the upstream does not know it.
        fits = list.append("Expect") && fits
        if fits { return list }
        return nil
    }

    /// Whole milliseconds, up, within what libcurl takes on every platform.
    static func milliseconds(_ duration: Duration) -> Int {
        guard duration > .zero else { return 0 }
        let (seconds, attoseconds) = duration.components
        guard seconds < 1_000_000 else { return 1_000_000_000 }
        return Int(seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
