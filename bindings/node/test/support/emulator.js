'use strict';

const { spawn } = require('node:child_process');
const { createHash } = require('node:crypto');
const { once } = require('node:events');
const path = require('node:path');
const readline = require('node:readline');

const root = path.join(__dirname, '..', '..', '..', '..');

/** A running workos-emulator, and what tests ask of it. */
class Emulator {
  static async start(...options) {
    const program = process.env.WORKOS_EMULATOR ?? path.join(root, '.build', 'debug', 'workos-emulator');
    const limits = ['--user-limit', 'off', '--environment-limit', 'off'];
    const child = spawn(program, [...limits, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
    const end = () => child.kill();
    process.on('exit', end);
    child.once('exit', () => process.off('exit', end));
    const [line] = await once(readline.createInterface(child.stdout), 'line');
    return new Emulator(child, line.split(' ').pop());
  }

  constructor(child, url) {
    this.child = child;
    this.url = url;
  }

  async control(method, name, body) {
    const response = await fetch(`${this.url}/_emulator/${name}`, { method, body: body && JSON.stringify(body) });
    const text = await response.text();
    return text ? JSON.parse(text) : undefined;
  }

  /** A new session's refresh token. */
  async token(session) {
    return (await this.control('POST', 'sessions', session)).refresh_token;
  }

  /** What happened to a token. */
  stats(token) {
    return this.control('GET', `stats?token_hash=${hashOf(token)}`);
  }

  faults(...faults) {
    return this.control('POST', 'faults', faults);
  }

  /** Waits for an event of this token. */
  async event(name, token) {
    const response = await fetch(`${this.url}/_emulator/events?since=0`);
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of response.body) {
      text += decoder.decode(chunk, { stream: true });
      const lines = text.split('\n');
      text = lines.pop();
      for (const line of lines) {
        const event = JSON.parse(line);
        if (event.event === name && event.token_hash === hashOf(token)) return event;
      }
    }
    throw new Error(`no ${name}`);
  }

  async stop() {
    const exited = once(this.child, 'exit');
    this.child.kill();
    await exited;
  }
}

function hashOf(token) {
  return createHash('sha256').update(token).digest('hex').slice(0, 16);
}

/** A perform for this emulator, with fetch. */
function fetchFrom(url) {
  return ({ refreshToken, organizationId, signal }) =>
    fetch(`${url}/user_management/authenticate`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        grant_type: 'refresh_token',
        client_id: 'client_1',
        refresh_token: refreshToken,
        organization_id: organizationId,
      }),
      signal,
    });
}

module.exports = { Emulator, fetchFrom };
