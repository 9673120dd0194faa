'use strict';

// A page that needs a fresh token, served by HOST_WORKERS processes of a cluster.

const cluster = require('node:cluster');
const http = require('node:http');

const { RefreshClient } = require('../../../bindings/node');

const { HOST_PORT, HOST_WORKERS, HOST_PRELOAD, HOST_WARMUP_TOKEN } = process.env;
const { WORKOS_BASE_URL, WORKOS_CLIENT_ID, WORKOS_API_KEY } = process.env;

const client = new RefreshClient({ clientId: WORKOS_CLIENT_ID, apiKey: WORKOS_API_KEY, baseUrl: WORKOS_BASE_URL });

/** The upstream call, with Node's own fetch. */
function perform({ refreshToken, organizationId, signal }) {
  return fetch(`${WORKOS_BASE_URL}/user_management/authenticate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${WORKOS_API_KEY}` },
    body: JSON.stringify({
      grant_type: 'refresh_token',
      client_id: WORKOS_CLIENT_ID,
      client_secret: WORKOS_API_KEY,
      refresh_token: refreshToken,
      organization_id: organizationId,
    }),
    signal,
  });
}

async function page(token) {
  try {
    const { accessToken } = await client.refresh(token, { perform });
    return [200, { access_token: accessToken, pid: process.pid }];
  } catch (error) {
    const { reason = error.name, retryable = false, message } = error;
    return [503, { error: reason, retryable, message, pid: process.pid }];
  }
}

async function answer(request, response) {
  if (request.url === '/healthz') return response.end('ok');
  if (request.url !== '/page') return response.writeHead(404).end();
  const [status, body] = await page(request.headers['x-refresh-token']);
  return response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function lead() {
  // Workers accept for themselves, so that one that is killed takes only its own connections with it.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  // Node's workers are started, not forked: what the primary has used is nothing to them. It is used all the same.
  if (HOST_PRELOAD && HOST_WARMUP_TOKEN) await page(HOST_WARMUP_TOKEN);
  let isEnding = false;
  const endWithWorkers = () => Object.keys(cluster.workers).length === 0 && process.exit(0);
  cluster.on('exit', () => (isEnding ? endWithWorkers() : cluster.fork()));
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.once(signal, () => {
      isEnding = true;
      for (const worker of Object.values(cluster.workers)) worker.process.kill();
      endWithWorkers();
    });
  }
  for (let index = 0; index < Number(HOST_WORKERS); index++) cluster.fork();
}

if (cluster.isPrimary) lead();
else http.createServer(answer).listen(Number(HOST_PORT), '127.0.0.1');
