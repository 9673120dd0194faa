import AuthKit
import AuthKitMiddleware
import FoundationEssentials
import Glibc
import HTTPTypes
import Hummingbird
import NIOCore

/// What a request knows: who is signed in.
struct PageContext: AuthKitRequestContext {
    var coreContext: CoreRequestContextStorage
    var authKit = AuthKitState.signedOut

    init(source: ApplicationRequestContextSource) { coreContext = .init(source: source) }
}

/// The pages of the example.
struct Pages {
    let core: AuthKitCore
    let cookies: SessionCookies

    /// What `/api/me` answers.
    private struct Me: ResponseEncodable {
        var pid: Int32
        var user: String?
        var session: String?
        var isRefreshed: Bool
    }

    /// The router, with the middleware in front of every page.
    func router() -> Router<PageContext> {
        let router = Router(context: PageContext.self)
        router.add(middleware: AuthKitMiddleware(core: core, cookies: cookies))
        router.get("healthz") { _, _ in "ok" }
        router.get("/") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "text/html; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: Self.page)))
        }
        router.get("api/me") { _, context in
            guard let session = context.authKit.session else { throw HTTPError(.unauthorized) }
            return Me(
                pid: getpid(), user: session.session.userID, session: session.claims?.sessionID,
                isRefreshed: session.isRefreshed)
        }
        // An application would come here from the sign-in page and exchange its code; this takes the answer of that
        // exchange as it is. Anyone can post one, so that it is for trying out alone.
        router.post("sign-in") { request, _ in
            let body = try await request.body.collect(upTo: 64 * 1024)
            var response = Response(status: .noContent)
            do {
                try cookies.keep(try AuthKitSession(answer: Array(body.readableBytesView)), in: &response.headers)
            } catch {
                throw HTTPError(.badRequest, message: "\(error)")
            }
            return response
        }
        router.post("sign-out") { _, _ in
            var response = Response(status: .noContent)
            cookies.forget(in: &response.headers)
            return response
        }
        return router
    }

    /// A page whose parts all need the session at the same moment, as pages with many loaders do.
    private static let page = """
        <!doctype html>
        <meta charset="utf-8">
        <title>Twelve parts, one session</title>
        <h1>Twelve parts, one session</h1>
        <pre id="result">loading</pre>
        <script>
        async function load() {
          const parts = await Promise.all(Array.from({length: 12}, async (_, part) => {
            const response = await fetch("/api/me?part=" + part, {cache: "no-store"});
            return {status: response.status, ...(response.ok ? await response.json() : {})};
          }));
          document.getElementById("result").textContent = JSON.stringify(parts, null, 1);
          return parts;
        }
        </script>
        <button onclick="load()">Load the parts</button>
        """
}
