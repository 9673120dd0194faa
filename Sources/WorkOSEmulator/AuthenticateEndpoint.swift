import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore

/// `POST /user_management/authenticate` and `GET /sso/jwks/{client_id}`.
struct AuthenticateEndpoint: Sendable {
    private static let bodyLimit = 64 * 1024

    let state: EmulatorState
    let signer: AccessTokenSigner
    let time: any TimeSource

    /// The connection was ended on purpose; nothing can be answered on it.
    private struct ConnectionEnded: Error {}

    /// Adds the routes.
    func addRoutes(to router: Router<EmulatorContext>) {
        router.post("user_management/authenticate") { try await authenticate($0, $1) }
        router.get("sso/jwks/:client_id") { _, context in
            let expected = await state.settings.clientID
            guard expected == nil || expected == context.parameters.get("client_id") else {
                throw HTTPError(.notFound)
            }
            return try Response(json: signer.keySet)
        }
    }

    private func authenticate(_ request: Request, _ context: EmulatorContext) async throws -> Response {
        let body = try await request.body.collect(upTo: Self.bodyLimit)
        let call: RefreshCall
        do {
            call = try RefreshCall(
                body: body.readableBytesView, authorization: request.headers[.authorization],
                requestID: context.requestID)
        } catch .unsupportedGrant {
            return Response(.unsupportedGrant)
        } catch .malformed(let complaint) {
            return Response(.invalidRequest(complaint))
        }
        switch await state.arrive(call) {
        case .refused(let answer): return Response(answer)
        case .admitted(let delay, let fault):
            return try await perform(call, delay: delay, fault: fault, on: context.channel)
        }
    }

    private func perform(
        _ call: RefreshCall, delay: Duration, fault: Fault?, on channel: any Channel
    ) async throws -> Response {
        let early = fault?.kind == .rotateFirst ? await state.redeem(call) : nil
        switch await channel.waitWhileClientStays(fault?.kind == .hang ? nil : delay) {
        case .elapsed: await state.delayOver(call)
        case .gone:
            await state.abandon(call, rotated: early?.grant != nil)
            await channel.end(reset: false)
            throw ConnectionEnded()
        case .stopping: try await disconnect(call, channel, reset: false)
        }
        if let failure = fault?.failure {
            await state.answer(call, with: failure.status)
            return Response(failure)
        }
        if fault?.kind == .resetBefore { try await disconnect(call, channel, reset: true) }
        let redemption = if let early { early } else { await state.redeem(call) }
        if fault?.kind == .resetAfter { try await disconnect(call, channel, reset: true) }
        if fault?.kind == .dropAnswer { try await disconnect(call, channel, reset: false) }
        guard let grant = redemption.grant else {
            let answer: Answer = redemption == .unknown ? .invalidGrantUnknown : .invalidGrantSpent
            await state.answer(call, with: answer.status)
            return Response(answer)
        }
        do {
            let answer = try await self.answer(grant, clientID: call.clientID)
            await state.answer(call, with: answer.status)
            return respond(answer, fault: fault, on: channel)
        } catch {
            await state.answer(call, with: 500)
            throw error
        }
    }

    private func disconnect(_ call: RefreshCall, _ channel: any Channel, reset: Bool) async throws {
        await state.disconnect(call, reset: reset)
        await channel.end(reset: reset)
        throw ConnectionEnded()
    }

    /// The 200 for a grant.
    func answer(_ grant: Grant, clientID: String?) async throws -> Answer {
        Answer(
            status: 200,
            body: try JSONText.bytes(JSONValue.object(try await fields(grant, clientID: clientID))))
    }

    private func fields(_ grant: Grant, clientID: String?) async throws -> [String: JSONValue] {
        let claims = AccessTokenClaims(
            grant, issuer: await state.issuer, clientID: clientID, date: time.date,
            lifetime: await state.settings.accessTokenLifetime)
        var fields: [String: JSONValue] = [
            "user": .object(grant.session.user),
            "access_token": .string(try await signer.sign(claims)),
            "refresh_token": .string(grant.refreshToken),
            "authentication_method": .string(grant.session.authenticationMethod),
        ]
        if let organization = grant.organizationID { fields["organization_id"] = .string(organization) }
        if let impersonator = grant.session.impersonator { fields["impersonator"] = .object(impersonator) }
        return fields
    }

    private func respond(_ answer: Answer, fault: Fault?, on channel: any Channel) -> Response {
        var answer = answer
        switch fault?.kind {
        case .malformedJSON:
            answer.body = Array(answer.body.prefix(answer.body.count / 2))
        case .notJSON:
            answer.contentType = "text/html; charset=utf-8"
            answer.body = Array("<html><body><h1>200 OK</h1></body></html>\n".utf8)
        case .oversizedBody:
            // White space between the last field and the closing brace leaves the JSON as valid as it was.
            let padding = max(0, (fault?.bytes ?? 0) - answer.body.count)
            answer.body.insert(
                contentsOf: repeatElement(UInt8(ascii: " "), count: padding), at: answer.body.count - 1)
        case .cutShort: return Response(cutShort: answer, on: channel)
        case .slowBody: return Response(slowly: answer, over: fault?.bodyTime ?? .zero, on: channel)
        default: break
        }
        return Response(answer)
    }
}

extension SessionStore.Redemption {
    /// The token that was issued, if one was.
    var grant: Grant? {
        switch self {
        case .rotated(let grant), .replayed(let grant): grant
        case .spent, .unknown: nil
        }
    }
}
