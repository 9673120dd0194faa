'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const path = require('node:path');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');

const { signalled, useFixture } = require('./support/fixture.js');
const { descriptors, threads } = require('./support/place.js');

const fixture = useFixture();
const package_ = JSON.stringify(path.join(__dirname, '..'));

/** A worker thread with a client; `refresh` starts what it is to be doing, and `posts` says so. */
async function start(code) {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { RefreshClient } = require(${package_});
    const client = new RefreshClient(workerData.options);
    const post = (message) => parentPort.postMessage(message);
    ${code}
  `;
  const worker = new Worker(source, { eval: true, workerData: { options: fixture.options() } });
  const [message] = await once(worker, 'message');
  return { worker, message };
}

test('worker threads refresh together with the main thread', async () => {
  const token = await fixture.emulator.token();
  const code = `client.refresh(${JSON.stringify(token)}).then(({ accessToken }) => post(accessToken));`;
  const client = fixture.client();
  const [mine, ...theirs] = await Promise.all([client.refresh(token), start(code), start(code), start(code)]);
  for (const { message } of theirs) assert.equal(message, mine.accessToken);
  assert.equal((await fixture.emulator.stats(token)).refresh_calls, 1);
  for (const { worker } of theirs) await worker.terminate();
});

test('a worker thread that ends gives its leases up', async () => {
  const { worker } = await start(`client.refresh('of a thread', { perform: () => new Promise(() => post('holds')) });`);
  const client = fixture.client();
  const started = process.hrtime.bigint();
  const waiting = client.refresh('of a thread', { perform: () => ({ access_token: 'next' }) });
  await worker.terminate();
  assert.equal((await waiting).accessToken, 'next');
  // The lease was to last 12 s.
  assert.ok(process.hrtime.bigint() - started < 3_000_000_000n);
});

test('a worker thread that ends while it waits leaves nothing behind', async () => {
  const client = fixture.client();
  const { call, called } = signalled();
  let answer;
  const held = client.refresh('waited for', {
    perform: () =>
      new Promise((resolve) => {
        answer = resolve;
        call();
      }),
  });
  await called;
  const before = [threads(), descriptors()];
  for (let index = 0; index < 10; index++) {
    const { worker } = await start(`
      for (let count = 0; count < 20; count++) client.refresh('waited for').catch(() => {});
      setImmediate(post, 'waits');
    `);
    await worker.terminate();
  }
  // A worker leaves its own threads before it says so, but the kernel may take a moment more to forget them.
  while (threads() > before[0]) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(descriptors() <= before[1] + 1, `${descriptors()} descriptors, ${before[1]} before`);
  answer({ access_token: 'at' });
  assert.equal((await held).accessToken, 'at');
});

test('a call of the built-in upstream survives its worker thread', async () => {
  const { emulator } = fixture;
  const token = await emulator.token();
  await emulator.faults({ kind: 'delay', delay_ms: 500, refresh_token: token });
  const { worker } = await start(`client.refresh(${JSON.stringify(token)}).catch(() => {}); setImmediate(post, 'calls');`);
  await emulator.event('request_arrived', token);
  await worker.terminate();
  const result = await fixture.client().refresh(token);
  assert.ok(result.accessToken);
  const stats = await emulator.stats(token);
  assert.deepEqual([stats.refresh_calls, stats.abandoned], [1, 0]);
});

test('a process may exit while it waits, holds and calls', async () => {
  const { emulator } = fixture;
  const token = await emulator.token();
  await emulator.faults({ kind: 'hang', refresh_token: token });
  const source = `
    const { RefreshClient } = require(${package_});
    const client = new RefreshClient(${JSON.stringify(fixture.options())});
    client.refresh(${JSON.stringify(token)}).catch(() => {});
    client.refresh('exits', { perform: () => new Promise(() => {}) }).catch(() => {});
    client.refresh('exits').catch(() => {});
    process.once('message', () => process.exit(7));
    process.send('ready');
  `;
  const { spawn } = require('node:child_process');
  const child = spawn(process.execPath, ['-e', source], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  await once(child, 'message');
  await emulator.event('request_arrived', token);
  child.send('exit');
  const [code, signal] = await once(child, 'exit');
  assert.deepEqual([code, signal], [7, null]);
  const next = await fixture.client().refresh('exits', { perform: () => ({ access_token: 'next' }) });
  assert.equal(next.accessToken, 'next');
});
