import HTTPTypes
import Hummingbird
import NIOCore

/// Everything under `/_emulator`: what the upstream does not have.
struct ControlEndpoints: Sendable {
    private static let bodyLimit = 1024 * 1024

    let state: EmulatorState
    let authenticate: AuthenticateEndpoint

    /// Adds the routes.
    func addRoutes(to router: Router<EmulatorContext>) {
        let control = router.group("_emulator")
        control.get("health") { _, _ in try Response(json: ["status": "ok"]) }
        control.post("reset") { _, _ in
            await state.reset()
            return Response(status: .noContent)
        }
        control.post("sessions") { request, context in
            let body = try await json(request, orElse: [:])
            let grant = await state.signIn(try SignIn(body), requestID: context.requestID)
            let clientID = await state.settings.clientID
            return Response(try await authenticate.answer(grant, clientID: clientID))
        }
        addSettings(to: control)
        addStatistics(to: control)
        addFaults(to: control)
        control.get("events") { try await events($0, $1) }
    }

    private func addSettings(to control: RouterGroup<EmulatorContext>) {
        control.get("settings") { _, _ in try Response(json: await state.settings.json) }
        control.patch("settings") { request, _ in
            try Response(json: await state.change(try await json(request, orElse: nil)).json)
        }
    }

    private func addStatistics(to control: RouterGroup<EmulatorContext>) {
        control.get("stats") { request, _ in
            let query = try Query(request, allowed: ["token_hash", "tokens"])
            let statistics = await state.counted()
            guard let text = query["token_hash"] else {
                return try Response(json: statistics.json(withTokens: try query.flag("tokens") ?? true))
            }
            guard let hash = TokenHash(text: text) else {
                throw ControlError(
                    message: "token_hash must be the first 16 hex digits of the token's SHA-256.")
            }
            return try Response(json: statistics.json(of: hash))
        }
        control.delete("stats") { _, _ in
            await state.resetStatistics()
            return Response(status: .noContent)
        }
    }

    private func addFaults(to control: RouterGroup<EmulatorContext>) {
        control.get("faults") { _, _ in try Response(json: .array(await state.faults.map(\.json))) }
        control.post("faults") { request, _ in
            await state.add(try Fault.list(try await json(request, orElse: nil)))
            return try Response(json: .array(await state.faults.map(\.json)))
        }
        control.delete("faults") { _, _ in
            await state.clearFaults()
            return Response(status: .noContent)
        }
    }

    /// The body as JSON; where it is empty, `empty`, or an error.
    private func json(_ request: Request, orElse empty: JSONValue?) async throws -> JSONValue {
        let body = try await request.body.collect(upTo: Self.bodyLimit)
        if body.readableBytes == 0, let empty { return empty }
        guard let value = JSONText.parse(body.readableBytesView) else {
            throw ControlError(message: "The body must be JSON.")
        }
        return value
    }

    private func events(_ request: Request, _ context: EmulatorContext) async throws -> Response {
        let query = try Query(request, allowed: ["since", "follow"])
        // Taken before the answer begins: what happens from now on is in the stream.
        let since = if let given = try query.number("since") { given } else { await state.lastEvent }
        let stream = EventStream(
            state: state, channel: context.channel, follow: try query.flag("follow") ?? true)
        return Response(
            status: .ok, headers: [.contentType: "application/x-ndjson"],
            body: .init { writer in try await stream.write(after: since, to: &writer) })
    }
}
