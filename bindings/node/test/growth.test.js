'use strict';

// node --test gives every file a process of its own: what is counted here is this file's alone.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { setFlagsFromString } = require('node:v8');
const { test } = require('node:test');
const { runInNewContext } = require('node:vm');

const { RefreshClient } = require('../lib/index.js');
const { useFixture } = require('./support/fixture.js');
const { descriptors, threads } = require('./support/place.js');

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

const fixture = useFixture();

/**
 * Private memory of the process, in MiB, with the garbage collected. Neither the table is counted, nor what V8 keeps
 * for objects to come.
 */
async function resident() {
  for (let count = 0; count < 3; count++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapTotal, heapUsed } = process.memoryUsage();
  const anonymous = Number(/RssAnon:\s+(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
  return (anonymous - heapTotal + heapUsed) / 2 ** 20;
}

async function grows(work, count) {
  await work(Math.ceil(count / 5));
  const before = { memory: await resident(), descriptors: descriptors(), threads: threads() };
  await work(count);
  const after = { memory: await resident(), descriptors: descriptors(), threads: threads() };
  const said = JSON.stringify({ before, after });
  assert.equal(after.descriptors, before.descriptors, said);
  assert.ok(after.threads <= before.threads, said);
  assert.ok(after.memory - before.memory < 6, said);
  return said;
}

test('10,000 clients, opened, used and closed, leave nothing', async (t) => {
  const perform = () => ({ access_token: 'at' });
  const work = async (count) => {
    for (let index = 0; index < count; index++) {
      // Each with options of its own: the same options make the same client.
      const client = new RefreshClient(fixture.options({ deadline: 30_000 + index }));
      if (index % 100 === 0) await client.refresh('opened', { perform });
      client.close();
    }
  };
  t.diagnostic(await grows(work, 10_000));
});

test('10,000 clients that are forgotten are closed with the garbage', async (t) => {
  const work = async (count) => {
    for (let index = 0; index < count; index++) {
      new RefreshClient(fixture.options({ deadline: 40_000 + index }));
      if (index % 1_000 === 0) await resident();
    }
  };
  t.diagnostic(await grows(work, 10_000));
});

test('100,000 hits leave nothing', async (t) => {
  const client = fixture.client({ resultRetention: 600_000 });
  const user = { id: 'user_1', filler: 'x'.repeat(2_000) };
  const perform = () => ({ access_token: 'at', refresh_token: 'rt', user });
  // Long, so that a copy that is not freed shows.
  const token = 'hit'.padEnd(1_000, '-');
  await client.refresh(token, { perform });
  const work = async (count) => {
    for (let index = 0; index < count; index++) await client.refresh(token, { perform: () => assert.fail('called') });
  };
  t.diagnostic(await grows(work, 100_000));
});

test('2,000 refreshes with 40 waits each leave nothing', async (t) => {
  const client = fixture.client();
  let next = 0;
  const work = async (count) => {
    for (let index = 0; index < count; index++) {
      const token = `waited ${next++}`;
      const perform = async () => {
        await new Promise((resolve) => setImmediate(resolve));
        return { access_token: token };
      };
      const results = await Promise.all(Array.from({ length: 41 }, () => client.refresh(token, { perform })));
      for (const { accessToken } of results) assert.equal(accessToken, token);
    }
  };
  t.diagnostic(await grows(work, 2_000));
});
