// Sends what the official WorkOS SDK for Node (@workos-inc/node 7) sends for authenticateWithRefreshToken, in both of its
// ways: by fetch, as in its Worker build, and by node:http with a connection that is kept alive, as in its Node build.
//
//     node node_requests.js fetch|http BASE-URL CLIENT-ID API-KEY CALLS [ORGANIZATION]
//
// Reads the refresh token from standard input, says "ready", waits for another line, then makes all calls at the same
// time. Prints one line of JSON for each: {status, headers, body}, or {failure}.
"use strict";

const http = require("node:http");
const readline = require("node:readline");

const [way, base, clientId, apiKey, calls, organizationId] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true });

const headersOf = (client) => ({
  Accept: "application/json, text/plain, */*",
  "Content-Type": "application/json",
  Authorization: `Bearer ${apiKey}`,
  "User-Agent": `workos-node/7.69.0/${client} (node/${process.version})`,
});

// What has no value is not sent: JSON.stringify leaves it out.
const bodyOf = (refreshToken) =>
  JSON.stringify({
    grant_type: "refresh_token",
    client_id: clientId,
    client_secret: apiKey,
    refresh_token: refreshToken,
    organization_id: organizationId,
    ip_address: "203.0.113.7",
    user_agent: "Mozilla/5.0",
  });

const senders = {
  async fetch(url, body) {
    const answer = await fetch(url, { method: "POST", headers: headersOf("fetch"), body });
    return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() };
  },

  http(url, body) {
    return new Promise((resolve, reject) => {
      const headers = { ...headersOf("node"), "Content-Length": Buffer.byteLength(body) };
      const request = http.request(url, { method: "POST", headers, agent }, (answer) => {
        const pieces = [];
        answer.on("data", (piece) => pieces.push(piece));
        answer.on("error", reject);
        answer.on("end", () =>
          resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(pieces).toString() }));
      });
      request.on("error", reject);
      request.end(body);
    });
  },
};

async function main() {
  const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const token = (await lines.next()).value;
  console.log("ready");
  await lines.next();
  const url = new URL("/user_management/authenticate", base).toString();
  const all = Array.from({ length: Number(calls) }, () =>
    senders[way](url, bodyOf(token)).catch((error) => ({ failure: String(error.cause ?? error) })));
  for (const answer of await Promise.all(all)) console.log(JSON.stringify(answer));
  agent.destroy();
  process.exit(0);
}

main();
