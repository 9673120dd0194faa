import Crypto
import Foundation
import NIOHTTP1

/// The page at `/`: what `/v1/counters` and `/v1/leases` say, for people. One document without anything from elsewhere.
enum StatusPage {
    /// The page. Style and script are known to the browser by their hashes (Content Security Policy Level 3, section 2.3.1):
    /// nothing else in it runs, whatever the data were.
    static let answer = Answer(
        status: .ok,
        headers: [
            "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store",
            "Content-Security-Policy": [
                "default-src 'none'", "style-src '\(hash(StatusPageStyle.text))'",
                "script-src '\(hash(StatusPageScript.text))'", "connect-src 'self'", "base-uri 'none'",
                "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
            ].joined(separator: "; "),
            "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
        ],
        body: Array(text.utf8))

    private static func hash(_ text: String) -> String {
        "sha256-\(Data(SHA256.hash(data: Data(text.utf8))).base64EncodedString())"
    }

    private static let text = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>refreshd</title>
        <style>\(StatusPageStyle.text)</style>
        </head>
        <body>
        <header>
        <h1>refreshd</h1>
        <code id="directory"></code>
        <span id="live" role="status">connecting</span>
        </header>
        <main>
        <section class="tiles" aria-label="In short">
        <div class="tile wide">
        <h2>Coalesced</h2>
        <p class="figure" id="ratio">–</p>
        <p class="note" id="ratio-note">no caller yet</p>
        <div class="stack" id="callers"></div>
        <ul class="legend" id="callers-legend"></ul>
        </div>
        <div class="tile"><h2>Upstream calls</h2><p class="figure" id="calls">–</p><dl id="calls-by"></dl></div>
        <div class="tile"><h2>Waiting now</h2><p class="figure" id="waiting">–</p><dl id="waiting-by"></dl></div>
        <div class="tile"><h2>Processes</h2><p class="figure" id="processes">–</p><dl id="events"></dl></div>
        </section>
        <section aria-labelledby="latency">
        <h2 id="latency">How long it takes</h2>
        <div class="charts">
        <figure><figcaption>Whole calls</figcaption><div id="chart-call"></div></figure>
        <figure><figcaption>Waits for another’s call</figcaption><div id="chart-wait"></div></figure>
        <figure><figcaption>Upstream</figcaption><div id="chart-upstream_call"></div></figure>
        </div>
        </section>
        <section aria-labelledby="leases">
        <h2 id="leases">Leases <span class="note" id="leases-note"></span></h2>
        <div class="scroll">
        <table>
        <thead><tr><th>Key</th><th>State</th><th class="n">Waiters</th><th class="n">Holder</th><th class="n">Age</th>\
        <th class="n">Left</th><th class="n">Attempt</th><th class="n">Bytes</th></tr></thead>
        <tbody id="rows"></tbody>
        </table>
        </div>
        </section>
        <section aria-labelledby="table">
        <h2 id="table">Table</h2>
        <dl class="sizes" id="sizes"></dl>
        </section>
        </main>
        <noscript>This page needs JavaScript; the same figures are at /v1/counters and /v1/leases.</noscript>
        <script>\(StatusPageScript.text)</script>
        </body>
        </html>

        """
}
