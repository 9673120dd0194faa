'use strict';

const assert = require('node:assert/strict');
const { setMaxListeners } = require('node:events');
const { test } = require('node:test');
const { monitorEventLoopDelay } = require('node:perf_hooks');

const { rejection, useFixture } = require('./support/fixture.js');
const { descriptors, threads } = require('./support/place.js');

const fixture = useFixture();

test('40 callers in 4 processes share one call, whichever way they make it', async () => {
  const { emulator } = fixture;
  const peers = await Promise.all([1, 2, 3, 4].map(() => fixture.peer()));
  for (let round = 0; round < 5; round++) {
    const token = await emulator.token();
    await emulator.faults({ kind: 'delay', delay_ms: 100, refresh_token: token });
    const callers = peers.flatMap((peer, index) =>
      Array.from({ length: 10 }, () => peer.refresh(token, { how: index % 2 ? 'fetch' : 'built-in' })));
    const answers = await Promise.all(callers);
    assert.equal((await emulator.stats(token)).refresh_calls, 1);
    assert.equal(new Set(answers.map(({ result }) => result.body)).size, 1);
  }
});

// holder process                        this process
// has the lease, and calls WorkOS
//                                       waits
// is killed, WorkOS's answer unread
//                                       gets the lease, and calls WorkOS
for (const how of ['perform', 'the built-in upstream']) {
  test(`when the holder is killed, one of those who wait takes over (${how})`, async () => {
    const { emulator } = fixture;
    const peer = await fixture.peer();
    const client = fixture.client();
    const token = await emulator.token();
    const lost = peer.refresh(token, { how: 'hang' });
    assert.ok((await peer.holding()).holds);
    const before = client.counts.takeovers;
    const options = how === 'perform' ? { perform: fixture.fetch } : {};
    const waiting = Array.from({ length: 10 }, () => client.refresh(token, options));
    // They wait once these have returned: begin is done at once.
    const killed = process.hrtime.bigint();
    await peer.kill();
    assert.equal(await lost, null);
    const results = await Promise.all(waiting);
    // The lease was to last 12 s.
    assert.ok(process.hrtime.bigint() - killed < 3_000_000_000n);
    assert.equal(new Set(results.map(({ accessToken }) => accessToken)).size, 1);
    assert.equal((await emulator.stats(token)).refresh_calls, 1);
    assert.equal(client.counts.takeovers, before + 1);
  });
}

test('500 waits take no thread, block nothing, and all end with one event', async (t) => {
  const { emulator } = fixture;
  const peer = await fixture.peer();
  const client = fixture.client();
  const token = await emulator.token();
  // What the first refresh and the first wait start, they have started.
  await client.refresh(await emulator.token(), { perform: fixture.fetch });
  const held = peer.refresh(token, { how: 'hold' });
  assert.ok((await peer.holding()).holds);
  const threadsBefore = threads();
  const descriptorsBefore = descriptors();
  const waits = Array.from({ length: 500 }, () => client.refresh(token, { perform: () => assert.fail('called') }));
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const leavers = Array.from({ length: 100 }, () => rejection(client.refresh(token, { signal: controller.signal })));
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  let turns = 0;
  while (turns < 50) {
    await new Promise((resolve) => setImmediate(resolve));
    turns++;
  }
  assert.equal(threads(), threadsBefore);
  t.diagnostic(`600 waits: ${threads() - threadsBefore} threads, ${descriptors() - descriptorsBefore} descriptors`);
  controller.abort();
  for (const leaver of leavers) assert.equal((await leaver).name, 'AbortError');
  assert.ok(descriptors() <= descriptorsBefore + waits.length, 'who has left leaves its descriptor');
  peer.goOn();
  const results = await Promise.all(waits);
  delay.disable();
  const { result } = await held;
  for (const { accessToken } of results) assert.equal(accessToken, result.accessToken);
  // 500 results are parsed in one turn: a blocked loop would stand for the whole of the peer's call and more.
  assert.ok(delay.max < 1e9, `${delay.max / 1e6} ms`);
  assert.equal(threads(), threadsBefore);
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(descriptors() <= descriptorsBefore, `${descriptors()} descriptors, ${descriptorsBefore} before`);
});

test('a wait does not outlast its deadline', async () => {
  const peer = await fixture.peer();
  const client = fixture.client();
  peer.refresh('long', { how: 'hang' });
  assert.ok((await peer.holding()).holds);
  const started = process.hrtime.bigint();
  const error = await rejection(client.refresh('long', { deadline: 300, perform: () => assert.fail('called') }));
  const elapsed = Number(process.hrtime.bigint() - started) / 1e6;
  assert.equal(error.code, 'DEADLINE_EXCEEDED');
  assert.ok(error.retryable);
  assert.ok(elapsed >= 299 && elapsed < 3_000, `${elapsed} ms`);
  await peer.kill();
});

test('a holder that hangs is passed when its lease ends', async () => {
  const peer = await fixture.peer({ requestTimeout: 500, lease: 1_000 });
  const client = fixture.client();
  peer.refresh('hung', { how: 'hang' });
  assert.ok((await peer.holding()).holds);
  assert.equal((await client.refresh('hung', { perform: () => ({ access_token: 'next' }) })).accessToken, 'next');
  await peer.kill();
});
