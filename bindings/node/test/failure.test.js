'use strict';

const assert = require('node:assert/strict');
const net = require('node:net');
const { once } = require('node:events');
const { test } = require('node:test');
const { performance } = require('node:perf_hooks');

const { RefreshClient, RefreshError } = require('../lib/index.js');
const { fetchFrom } = require('./support/emulator.js');
const { rejection, signalled, useFixture } = require('./support/fixture.js');

const fixture = useFixture();
const context = { userId: 'user_1', sessionId: 'session_1' };

for (const how of ['built-in', 'fetch']) {
  const perform = () => (how === 'fetch' ? fixture.fetch : undefined);

  test(`a terminal answer ends the session (${how})`, async () => {
    const { emulator } = fixture;
    const token = await emulator.token();
    await emulator.faults({ kind: 'invalid_grant', refresh_token: token });
    const error = await rejection(fixture.client().refresh(token, { perform: perform(), context }));
    assert.ok(error instanceof RefreshError && error instanceof Error);
    const { name, code, reason, retryable, status, mayHaveRotated } = error;
    assert.deepEqual(
      { name, code, reason, retryable, status, mayHaveRotated },
      {
        name: 'RefreshError',
        code: 'SESSION_ENDED',
        reason: 'invalid_grant',
        retryable: false,
        status: 400,
        mayHaveRotated: false,
      },
    );
    assert.deepEqual(error.context, context);
    assert.match(error.requestId, /^[0-9a-f-]{36}$/);
    assert.equal(JSON.parse(error.body).error, 'invalid_grant');
    assert.ok(!error.message.includes(token));
  });

  test(`a failure of the server keeps the session (${how})`, async () => {
    const { emulator } = fixture;
    const client = fixture.client();
    const token = await emulator.token();
    await emulator.faults({ kind: 'status', status: 503, refresh_token: token });
    const error = await rejection(client.refresh(token, { perform: perform() }));
    const { code, reason, retryable, status } = error;
    assert.deepEqual([code, reason, retryable, status], ['UPSTREAM_FAILED', 'server_error', true, 503]);
    assert.ok((await client.refresh(token, { perform: perform() })).accessToken);
  });

  test(`a 429 is waited out, and the call made once more (${how})`, async () => {
    const { emulator } = fixture;
    const token = await emulator.token();
    await emulator.faults({ kind: 'status', status: 429, retry_after: 1, refresh_token: token });
    const client = fixture.client();
    const started = performance.now();
    const results = await Promise.all([1, 2, 3].map(() => client.refresh(token, { perform: perform() })));
    assert.ok(performance.now() - started >= 990);
    assert.equal((await emulator.stats(token)).refresh_calls, 2);
    assert.equal(new Set(results.map(({ accessToken }) => accessToken)).size, 1);
  });

  test(`a second 429 fails, and says how long to wait (${how})`, async () => {
    const { emulator } = fixture;
    const token = await emulator.token();
    await emulator.faults({ kind: 'status', status: 429, retry_after: 1, count: 2, refresh_token: token });
    const error = await rejection(fixture.client().refresh(token, { perform: perform() }));
    const { reason, retryable, status, retryAfter } = error;
    assert.deepEqual([reason, retryable, status, retryAfter], ['rate_limit_exceeded', true, 429, 1]);
    assert.equal((await emulator.stats(token)).refresh_calls, 2);
  });

  for (const kind of ['malformed_json', 'cut_short', 'not_json']) {
    test(`after a 200 that cannot be read the token may be gone: ${kind} (${how})`, async () => {
      const { emulator } = fixture;
      const token = await emulator.token();
      await emulator.faults({ kind, refresh_token: token });
      const error = await rejection(fixture.client().refresh(token, { perform: perform() }));
      assert.deepEqual([error.reason, error.retryable, error.mayHaveRotated], ['server_error', true, true]);
    });
  }

  test(`a refused connection is a failure of the network, and nothing was sent (${how})`, async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${server.address().port}`;
    server.close();
    await once(server, 'close');
    const client = fixture.client({ baseUrl: url });
    const error = await rejection(client.refresh('any', { perform: how === 'fetch' ? fetchFrom(url) : undefined }));
    const { code, reason, retryable, mayHaveRotated } = error;
    assert.deepEqual([code, reason, retryable, mayHaveRotated], ['UPSTREAM_FAILED', 'network_error', true, false]);
    if (how === 'fetch') assert.equal(error.cause.cause.code, 'ECONNREFUSED');
  });

  test(`a connection that breaks may have rotated the token (${how})`, async () => {
    const { emulator } = fixture;
    const token = await emulator.token();
    await emulator.faults({ kind: 'reset_after', refresh_token: token });
    const error = await rejection(fixture.client().refresh(token, { perform: perform() }));
    assert.deepEqual([error.reason, error.retryable, error.mayHaveRotated], ['network_error', true, true]);
  });
}

// this process                          another one
// has the lease for 3 s, gets a 429
//                                       waits
// pauses for 1 s, has the lease for 3 s more
// calls again, for 2.6 s
//                                       has the same answer
test('the second call has as long a lease as the first', async () => {
  const client = fixture.client({ requestTimeout: 200, lease: 400 });
  const peer = await fixture.peer({ requestTimeout: 200, lease: 400 });
  let calls = 0;
  const { call, called } = signalled();
  const perform = async () => {
    call();
    if (++calls === 1) return { status: 429, headers: { 'retry-after': '1' } };
    await new Promise((resolve) => setTimeout(resolve, 2_600));
    return { access_token: 'of the second call' };
  };
  const holder = client.refresh('limited', { perform, lease: 3_000 });
  await called;
  const waiter = await peer.refresh('limited');
  assert.equal(waiter.result?.accessToken, 'of the second call', JSON.stringify(waiter));
  assert.equal((await holder).accessToken, 'of the second call');
  assert.equal(calls, 2);
});

// peer                                   this process
// has the lease, gets a 429, pauses
// is stopped
//                                       waits until the lease ends, and calls
// goes on: the lease is another one's
// does not call, and has the answer
test('whoever was stopped in the pause does not call again where the lease is gone', async () => {
  const { emulator } = fixture;
  const token = await emulator.token();
  await emulator.faults({ kind: 'status', status: 429, retry_after: 1, refresh_token: token });
  const peer = await fixture.peer({ requestTimeout: 500, lease: 1_000 });
  const stopped = peer.refresh(token);
  await emulator.event('answered', token);
  // It has the answer at once, and pauses for a second.
  await new Promise((resolve) => setTimeout(resolve, 300));
  peer.child.kill('SIGSTOP');
  const mine = await fixture.client().refresh(token, { perform: fixture.fetch });
  peer.child.kill('SIGCONT');
  const { result } = await stopped;
  assert.equal(result.accessToken, mine.accessToken);
  assert.equal((await emulator.stats(token)).refresh_calls, 2);
});

test('a call that outlasts its lease is told to end two seconds before', async () => {
  const { emulator } = fixture;
  const token = await emulator.token();
  await emulator.faults({ kind: 'hang', refresh_token: token });
  const client = fixture.client({ requestTimeout: 1_000 });
  const started = performance.now();
  const error = await rejection(client.refresh(token, { perform: fixture.fetch, lease: 3_000 }));
  const elapsed = performance.now() - started;
  assert.ok(elapsed > 900 && elapsed < 2_900, `${elapsed} ms`);
  assert.deepEqual([error.reason, error.retryable], ['timeout', true]);
  assert.equal(error.cause.name, 'TimeoutError');
});

test("an exception in perform is this caller's, releases the lease, and others get an error of their own", async () => {
  const client = fixture.client();
  const { call, called } = signalled();
  let fail;
  const perform = () =>
    new Promise((_, reject) => {
      fail = reject;
      call();
    });
  const holder = rejection(client.refresh('mine', { perform }));
  await called;
  const waiter = rejection(client.refresh('mine', { perform: () => assert.fail('held'), context }));
  const mine = new RangeError('a fault of the program, with mine in its text');
  fail(mine);
  assert.equal(await holder, mine);
  const other = await waiter;
  assert.deepEqual([other.code, other.reason, other.retryable], ['UPSTREAM_FAILED', 'callback_failed', true]);
  assert.ok(!other.message.includes('mine'));
  assert.deepEqual(other.context, context);
  // The lease was to last 12 s.
  const started = performance.now();
  await client.refresh('mine', { perform: () => ({ access_token: 'at' }) });
  assert.ok(performance.now() - started < 1_000);
});

test('a perform that throws at once, or returns nothing, leaves no lease behind', async () => {
  const client = fixture.client();
  const thrown = new SyntaxError('at once');
  const perform = () => {
    throw thrown;
  };
  assert.equal(await rejection(client.refresh('thrown', { perform })), thrown);
  assert.ok((await rejection(client.refresh('thrown', { perform: () => undefined }))) instanceof TypeError);
  const tooLong = () => Buffer.alloc(100_000);
  assert.equal((await rejection(client.refresh('thrown', { perform: tooLong }))).code, 'INVALID_ARGUMENT');
  const started = performance.now();
  assert.equal((await client.refresh('thrown', { perform: () => '{"access_token":"at"}' })).accessToken, 'at');
  assert.ok(performance.now() - started < 1_000);
});

test("an SDK's exception is the upstream's answer", async () => {
  const client = fixture.client();
  const oauth = Object.assign(new Error('Error: invalid_grant'), {
    name: 'OauthException',
    status: 400,
    requestID: 'request_1',
    error: 'invalid_grant',
    errorDescription: 'Session has already ended.',
    rawData: { error: 'invalid_grant', error_description: 'Session has already ended.' },
  });
  const throws = (error) => ({ perform: () => Promise.reject(error) });
  const ended = await rejection(client.refresh('sdk 1', throws(oauth)));
  const { code, reason, requestId, cause } = ended;
  assert.deepEqual([code, reason, requestId, cause], ['SESSION_ENDED', 'invalid_grant', 'request_1', oauth]);
  const limited = Object.assign(new Error('Too many'), { status: 429, requestID: 'request_2', retryAfter: 7 });
  const waits = await rejection(client.refresh('sdk 2', throws(limited)));
  assert.deepEqual([waits.reason, waits.retryAfter, waits.retryable], ['rate_limit_exceeded', 7, true]);
  const axios = Object.assign(new Error('Request failed'), { response: { status: 502, headers: {}, data: '<html>' } });
  assert.equal((await rejection(client.refresh('sdk 3', throws(axios)))).status, 502);
});

test('a signal leaves the wait, and nobody else', async () => {
  const client = fixture.client();
  const { call, called } = signalled();
  let answer;
  const perform = () =>
    new Promise((resolve) => {
      answer = resolve;
      call();
    });
  const holder = client.refresh('left', { perform });
  await called;
  const controller = new AbortController();
  const leaver = rejection(client.refresh('left', { perform, signal: controller.signal }));
  const stayer = client.refresh('left', { perform });
  controller.abort(new Error('the page was closed'));
  assert.equal((await leaver).message, 'the page was closed');
  answer({ access_token: 'at' });
  assert.deepEqual((await stayer).body, (await holder).body);
  const early = AbortSignal.abort(new Error('before'));
  assert.equal((await rejection(client.refresh('left', { perform, signal: early }))).message, 'before');
});

test('neither a signal nor a deadline ends a call under way', async () => {
  const client = fixture.client();
  for (const leave of ['signal', 'deadline']) {
    const { call, called } = signalled();
    let answer;
    let request;
    const perform = (given) =>
      new Promise((resolve) => {
        request = given;
        answer = resolve;
        call();
      });
    const controller = new AbortController();
    const options = leave === 'signal' ? { signal: controller.signal } : { deadline: 100 };
    const holder = rejection(client.refresh(`under way ${leave}`, { perform, context, ...options }));
    await called;
    controller.abort();
    const error = await holder;
    if (leave === 'signal') assert.equal(error.name, 'AbortError');
    else assert.deepEqual([error.code, error.reason, error.context], ['DEADLINE_EXCEEDED', 'timeout', context]);
    assert.equal(request.signal.aborted, false);
    const next = client.refresh(`under way ${leave}`, { perform: () => assert.fail('called again') });
    answer({ access_token: `at ${leave}` });
    assert.equal((await next).accessToken, `at ${leave}`);
  }
});

test('whoever leaves the built-in upstream leaves it to the others', async () => {
  const { emulator } = fixture;
  const client = fixture.client();
  const token = await emulator.token();
  await emulator.faults({ kind: 'delay', delay_ms: 600, refresh_token: token });
  const controller = new AbortController();
  const first = rejection(client.refresh(token, { deadline: 150 }));
  const second = rejection(client.refresh(token, { signal: controller.signal }));
  const third = client.refresh(token);
  controller.abort();
  assert.equal((await second).name, 'AbortError');
  assert.equal((await first).code, 'DEADLINE_EXCEEDED');
  assert.ok((await third).accessToken);
  const stats = await emulator.stats(token);
  assert.deepEqual([stats.refresh_calls, stats.abandoned], [1, 0]);
});

test('what is no argument is refused, with its name', async () => {
  const wrong = [
    [() => new RefreshClient(), /client/i],
    [() => new RefreshClient({ clientId: 1 }), /clientId must be a string/],
    [() => fixture.client({ clientID: 'x' }), /there is no option clientID/],
    [() => fixture.client({ lease: 1.5 }), /lease must be a whole number/],
    [() => fixture.client({ wait: 'spin' }), /wait must be one of pipes, poll/],
    [() => fixture.client({ failsWithoutTable: 1 }), /failsWithoutTable must be true or false/],
    [() => fixture.client({ baseUrl: 'http://example.com' }), /http/],
    [() => fixture.client({ requestTimeout: 9_000, lease: 5_000 }), /lease/],
  ];
  for (const [make, message] of wrong) assert.throws(make, { name: 'RefreshError', code: 'INVALID_ARGUMENT', message });
  const client = fixture.client();
  const perform = () => assert.fail('called');
  for (const [token, options, message] of [
    [undefined, {}, /refreshToken/],
    ['', {}, /refreshToken/],
    ['a\0b', {}, /refreshToken must not have a NUL/],
    ['a\ud800', {}, /refreshToken must be well-formed/],
    ['x'.repeat(20_000), {}, /16/],
    ['a', { organisationId: 'org' }, /there is no option organisationId/],
    ['a', { organizationId: 7 }, /organizationId must be a string/],
    ['a', { deadline: NaN }, /deadline must be a whole number/],
    ['a', { signal: {} }, /signal must be an AbortSignal/],
    ['a', { perform: 'fetch' }, /perform must be a function/],
  ]) {
    const error = await rejection(client.refresh(token, { perform, ...options }));
    assert.equal(error.code, 'INVALID_ARGUMENT', `${token} ${error}`);
    assert.match(error.message, message);
  }
});

test('a closed client says so, twice closed or not', async () => {
  const client = fixture.client();
  client.close();
  client.close();
  assert.equal((await rejection(client.refresh('a'))).code, 'STALE_HANDLE');
  assert.throws(() => client.counts, { code: 'STALE_HANDLE' });
});

test('a directory that cannot be used is the operator\'s to mend', async () => {
  const client = fixture.client({ directory: '/proc/nowhere' });
  const error = await rejection(client.refresh('a', { perform: () => assert.fail('called') }));
  assert.equal(error.code, 'DIRECTORY_UNUSABLE');
  assert.match(error.message, /\/proc\/nowhere/);
});
