'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { performance } = require('node:perf_hooks');
const readline = require('node:readline');
const { test } = require('node:test');
const { inspect } = require('node:util');

const { signalled, useFixture } = require('./support/fixture.js');
const { threads } = require('./support/place.js');

const fixture = useFixture();

test('without perform, the library calls WorkOS itself', async () => {
  const { emulator } = fixture;
  const client = fixture.client();
  const token = await emulator.token({ email: 'a@example.com' });
  const result = await client.refresh(token);
  assert.equal(result.user.email, 'a@example.com');
  assert.equal(result.data.access_token, result.accessToken);
  assert.notEqual(result.refreshToken, token);
  assert.match(result.requestId, /^[0-9a-f-]{36}$/);
  assert.deepEqual(JSON.parse(result.body), result.data);
  assert.equal((await emulator.stats(token)).rotations, 1);
});

for (const [form, body] of Object.entries({
  'a Response': (response) => response,
  'a Buffer': async (response) => Buffer.from(await response.arrayBuffer()),
  'an ArrayBuffer': (response) => response.arrayBuffer(),
  'a string': (response) => response.text(),
  'an object': (response) => response.json(),
  'an answer in parts': async (response) => {
    const body = await response.text();
    return { status: response.status, headers: { 'X-Request-Id': 'r1' }, body };
  },
})) {
  test(`perform may return ${form}; a later call finds the same bytes`, async () => {
    const { emulator } = fixture;
    const client = fixture.client();
    const token = await emulator.token();
    const first = await client.refresh(token, { perform: async (request) => body(await fixture.fetch(request)) });
    const second = await client.refresh(token, { perform: () => assert.fail('called again') });
    assert.deepEqual(second.body, first.body);
    assert.equal((await emulator.stats(token)).refresh_calls, 1);
    if (form === 'an answer in parts') assert.equal(second.requestId, 'r1');
  });
}

test('perform is told what to refresh', async () => {
  const { emulator } = fixture;
  const token = await emulator.token();
  let seen;
  const perform = (request) => {
    seen = request;
    return fixture.fetch(request);
  };
  const result = await fixture.client().refresh(token, { organizationId: 'org_1', perform });
  assert.equal(seen.refreshToken, token);
  assert.equal(seen.organizationId, 'org_1');
  assert.ok(seen.signal instanceof AbortSignal && !seen.signal.aborted);
  assert.equal(result.organizationId, 'org_1');
});

for (const how of ['perform', 'the built-in upstream']) {
  test(`40 callers in one process share one call of ${how}`, async () => {
    const { emulator } = fixture;
    const client = fixture.client();
    const token = await emulator.token();
    await emulator.faults({ kind: 'delay', delay_ms: 150, refresh_token: token });
    const options = how === 'perform' ? { perform: fixture.fetch } : {};
    const results = await Promise.all(Array.from({ length: 40 }, () => client.refresh(token, options)));
    const stats = await emulator.stats(token);
    assert.equal(stats.refresh_calls, 1);
    for (const result of results) assert.deepEqual(result.body, results[0].body);
  });
}

test('40 callers of the built-in upstream take a few threads', async () => {
  const { emulator } = fixture;
  const client = fixture.client();
  await client.refresh(await emulator.token());
  const token = await emulator.token();
  await emulator.faults({ kind: 'delay', delay_ms: 500, refresh_token: token });
  const before = threads();
  const { counts } = client;
  const callers = Array.from({ length: 40 }, () => client.refresh(token));
  await emulator.event('request_arrived', token);
  // One that waits for the library, and the library's own for the call.
  assert.ok(threads() <= before + 4, `${threads()} threads, ${before} before`);
  for (const { accessToken } of await Promise.all(callers)) assert.equal(accessToken, (await callers[0]).accessToken);
  // All the others joined the one, without a look into the table.
  const { claims, hits } = client.counts;
  assert.deepEqual([claims, hits], [counts.claims + 2, counts.hits]);
});

test('calls of the built-in upstream leave the pool to others', async () => {
  const { emulator } = fixture;
  const client = fixture.client();
  // One more than the pool has threads.
  const tokens = await Promise.all([1, 2, 3, 4, 5].map(() => emulator.token()));
  await emulator.faults(...tokens.map((token) => ({ kind: 'delay', delay_ms: 1_500, refresh_token: token })));
  let done = 0;
  const calls = tokens.map((token) => client.refresh(token).then(() => done++));
  for (const token of tokens) await emulator.event('request_arrived', token);
  await fs.promises.stat(__filename);
  assert.equal(done, 0);
  await Promise.all(calls);
});

// A process with nothing else to do: nothing but the addon wakes it.
for (const how of ['calls', 'waits']) {
  test(`a process that only ${how} goes on at once`, async () => {
    const token = await fixture.emulator.token();
    const { call, called } = signalled();
    let answer;
    const perform = (request) =>
      new Promise((resolve) => {
        answer = () => resolve(fixture.fetch(request));
        call();
      });
    const holder = how === 'waits' && fixture.client().refresh(token, { perform });
    if (holder) await called;
    const source = `
      const { RefreshClient } = require(${JSON.stringify(path.join(__dirname, '..'))});
      const client = new RefreshClient(${JSON.stringify(fixture.options())});
      // The loop is not empty, and nothing else comes along.
      const idle = setTimeout(() => {}, 60_000);
      client.refresh(${JSON.stringify(token)}).then(({ accessToken }) => {
        console.log(accessToken);
        clearTimeout(idle);
      });
      console.log('started');
    `;
    const child = spawn(process.execPath, ['-e', source], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = readline.createInterface(child.stdout)[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, 'started');
    const started = performance.now();
    if (holder) answer();
    assert.match((await lines.next()).value ?? 'it ended', /^ey/);
    assert.ok(performance.now() - started < 5_000, `${performance.now() - started} ms`);
  });
}

test('a process does not end before the call that it began', async () => {
  const { emulator } = fixture;
  const token = await emulator.token();
  await emulator.faults({ kind: 'delay', delay_ms: 1_000, refresh_token: token });
  const source = `
    const { RefreshClient } = require(${JSON.stringify(path.join(__dirname, '..'))});
    const client = new RefreshClient(${JSON.stringify(fixture.options())});
    client.refresh(${JSON.stringify(token)}, { deadline: 20_000, signal: AbortSignal.timeout(100) }).catch(() => {});
  `;
  const child = spawn(process.execPath, ['-e', source], { stdio: ['ignore', 'inherit', 'inherit'] });
  assert.deepEqual(await once(child, 'exit'), [0, null]);
  assert.ok((await fixture.client().refresh(token, { perform: () => assert.fail('called') })).accessToken);
  const stats = await emulator.stats(token);
  assert.deepEqual([stats.refresh_calls, stats.abandoned], [1, 0]);
});

test('an organization, scope, resource or audience makes another refresh', async () => {
  const client = fixture.client();
  const calls = [];
  const perform = ({ organizationId, scope, resource, audience }) => {
    calls.push([organizationId, scope, resource, audience]);
    return { access_token: `at_${calls.length}` };
  };
  const others = [{}, { organizationId: 'org_1' }, { scope: 's' }, { resource: 'https://r' }, { audience: 'a' }];
  const tokens = await Promise.all(others.map((other) => client.refresh('shared', { ...other, perform })));
  assert.equal(calls.length, others.length);
  assert.equal(new Set(tokens.map(({ accessToken }) => accessToken)).size, others.length);
});

test("what the official SDK returns is published as WorkOS's JSON", async () => {
  const user = { object: 'user', id: 'user_1', firstName: 'Ada', emailVerified: true, metadata: { someKey: 'v' } };
  const tokens = { accessToken: 'at', refreshToken: 'rt', sealedSession: 'mine' };
  const sdk = { ...tokens, user, organizationId: 'org_1', authenticationMethod: 'SSO' };
  const result = await fixture.client().refresh('of the SDK', { perform: async () => sdk });
  assert.deepEqual(result.data, {
    organization_id: 'org_1',
    access_token: 'at',
    refresh_token: 'rt',
    authentication_method: 'SSO',
    user: { object: 'user', id: 'user_1', first_name: 'Ada', email_verified: true, metadata: { someKey: 'v' } },
  });
});

test('printing a result shows no token', async () => {
  const token = await fixture.emulator.token();
  const result = await fixture.client().refresh(token);
  const printed = inspect(result, { depth: 9, showHidden: true });
  assert.ok(!printed.includes(result.accessToken) && !printed.includes(result.refreshToken), printed);
  assert.ok(printed.includes(result.user.id));
});

test('a client says where the workers meet, and counts', async () => {
  const client = fixture.client();
  assert.equal(client.directory, fixture.directory);
  const before = client.counts;
  const perform = () => ({ access_token: 'at' });
  await client.refresh('counted', { perform });
  await client.refresh('counted', { perform });
  assert.equal(client.counts.claims, before.claims + 1);
  assert.equal(client.counts.hits, before.hits + 1);
  assert.equal(client.counts.upstreamCalls, before.upstreamCalls);
});
