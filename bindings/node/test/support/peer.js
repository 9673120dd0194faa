'use strict';

// Another process that holds tokens. With its parent it speaks in messages: { refresh: [token, options], hold } is
// answered by { holds } when `hold` and its perform runs, and by { result } or { error }.

const { fork } = require('node:child_process');
const { once } = require('node:events');

const { RefreshClient } = require('../../lib/index.js');
const { fetchFrom } = require('./emulator.js');

if (require.main === module) {
  const { options, url } = JSON.parse(process.argv[2]);
  const client = new RefreshClient(options);
  process.on('message', async ({ id, token, refresh = {}, how, goOn }) => {
    if (goOn) return process.emit('go-on');
    const performs = {
      'built-in': undefined,
      fetch: fetchFrom(url),
      // Has the lease, and keeps it until the parent lets it go on.
      hold: async (request) => {
        process.send({ id, holds: true });
        await once(process, 'go-on');
        return fetchFrom(url)(request);
      },
      // Has the lease, and will never be done.
      hang: () => {
        process.send({ id, holds: true });
        return new Promise(() => {});
      },
    };
    try {
      const result = await client.refresh(token, { ...refresh, perform: performs[how] });
      return process.send({ id, result: { accessToken: result.accessToken, body: result.body.toString('base64') } });
    } catch (error) {
      return process.send({ id, error: { name: error.name, code: error.code, reason: error.reason, message: error.message } });
    }
  });
  process.send({ ready: true });
}

/** The other side of it, for tests. */
class Peer {
  #next = 0;

  static async start(options, url) {
    const child = fork(__filename, [JSON.stringify({ options, url })]);
    await once(child, 'message');
    return new Peer(child);
  }

  constructor(child) {
    this.child = child;
    child.setMaxListeners(0);
  }

  /** Sends a refresh; resolves with { result } or { error }, or null if the process ends before. */
  refresh(token, { how = 'fetch', ...refresh } = {}) {
    const id = this.#next++;
    this.child.send({ id, token, refresh, how });
    return this.#message((message) => message.id === id && !message.holds);
  }

  /** Resolves when a perform of this process runs. */
  holding() {
    return this.#message((message) => message.holds);
  }

  goOn() {
    this.child.send({ goOn: true });
  }

  async kill(signal = 'SIGKILL') {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    await exited;
  }

  #message(wanted) {
    return new Promise((resolve) => {
      const end = (value) => {
        this.child.off('message', heard);
        this.child.off('exit', ended);
        resolve(value);
      };
      const heard = (message) => wanted(message) && end(message);
      const ended = () => end(null);
      this.child.on('message', heard);
      this.child.once('exit', ended);
    });
  }
}

module.exports = { Peer };
