'use strict';

const { after, before } = require('node:test');

const { RefreshClient } = require('../../lib/index.js');
const { Emulator, fetchFrom } = require('./emulator.js');
const { makeDirectory } = require('./place.js');
const { Peer } = require('./peer.js');

/** An emulator and a directory for the tests of a file. Clients and peers made with it end with the tests. */
function useFixture() {
  const fixture = {
    directory: makeDirectory(),
    options: (more) => ({
      clientId: 'client_1',
      baseUrl: fixture.emulator.url,
      directory: fixture.directory,
      logLevel: 'none',
      ...more,
    }),
    client(more) {
      const client = new RefreshClient(fixture.options(more));
      ends.push(() => client.close());
      return client;
    },
    async peer(more) {
      const peer = await Peer.start(fixture.options(more), fixture.emulator.url);
      ends.push(() => peer.kill());
      return peer;
    },
  };
  const ends = [];
  before(async () => {
    fixture.emulator = await Emulator.start();
    fixture.fetch = fetchFrom(fixture.emulator.url);
  });
  after(async () => {
    for (const end of ends) await end();
    await fixture.emulator.stop();
  });
  return fixture;
}

/** What a promise is rejected with. */
async function rejection(promise) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`not rejected, but ${require('node:util').inspect(value)}`);
}

/** Resolves when the function is called; the function comes with it. */
function signalled() {
  let call;
  const called = new Promise((resolve) => {
    call = resolve;
  });
  return { call, called };
}

module.exports = { rejection, signalled, useFixture };
