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

/** Private memory of the process, in MiB, with the garbage collected: the table is not counted. */
async function resident() {
  for (let count = 0; count < 3; count++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return Number(/RssAnon:\s+(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
}

async function grows(work, count) {
  await work(Math.ceil(count / 5));
  const before = { memory: await resident(), descriptors: descriptors(), threads: threads() };
  await work(count);
  const after = { memory: await resident(), descriptors: descriptors(), threads: threads() };
  const said = JSON.stringify({ before, after });
  assert.equal(after.descriptors, before.descriptors, said);
  assert.ok(after.threads <= before.threads, said);
  assert.ok(after.memory - before.memory < 16, said);
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
  await client.refresh('hit', { perform });
  const work = async (count) => {
    for (let index = 0; index < count; index++) await client.refresh('hit', { perform: () => assert.fail('called') });
  };
  t.diagnostic(await grows(work, 100_000));
});

test('5,000 refreshes with four waits each leave nothing', async (t) => {
  const client = fixture.client();
  let next = 0;
  const work = async (count) => {
    for (let index = 0; index < count; index++) {
      const token = `waited ${next++}`;
      const perform = async () => {
        await new Promise((resolve) => setImmediate(resolve));
        return { access_token: token };
      };
      const results = await Promise.all([1, 2, 3, 4, 5].map(() => client.refresh(token, { perform })));
      for (const { accessToken } of results) assert.equal(accessToken, token);
    }
  };
  t.diagnostic(await grows(work, 5_000));
});
