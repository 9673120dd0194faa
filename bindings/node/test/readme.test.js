'use strict';

// The README's examples, run one after another as one program, each with a session of its own.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { promisify } = require('node:util');
const { test } = require('node:test');

const { useFixture } = require('./support/fixture.js');

const fixture = useFixture();
const root = path.join(__dirname, '..');

/** What the examples take for granted: a session, the official SDK, and authkit-session's core. */
const prelude = `
const newSession = async () => {
  const response = await fetch(process.env.WORKOS_BASE_URL + '/_emulator/sessions', { method: 'POST' });
  return { refreshToken: (await response.json()).refresh_token };
};
const workos = {
  userManagement: {
    async authenticateWithRefreshToken({ clientId, refreshToken }) {
      const response = await fetch(process.env.WORKOS_BASE_URL + '/user_management/authenticate', {
        method: 'POST',
        body: JSON.stringify({ grant_type: 'refresh_token', client_id: clientId, refresh_token: refreshToken }),
      });
      const data = await response.json();
      return { accessToken: data.access_token, refreshToken: data.refresh_token, user: data.user };
    },
  },
};
const authKitCore = {
  refreshTokens: (refreshToken) =>
    workos.userManagement.authenticateWithRefreshToken({ clientId: process.env.WORKOS_CLIENT_ID, refreshToken }),
};
let session = await newSession();
`;

test("the README's examples run", async () => {
  const readme = fs.readFileSync(path.join(root, 'README.md'), 'utf8');
  const examples = [...readme.matchAll(/^```js\n(.*?)^```/gms)].map(([, code]) => code);
  assert.equal(examples.length, 5);
  const folder = fs.mkdtempSync(path.join(fixture.directory, 'readme-'));
  fs.mkdirSync(path.join(folder, 'node_modules'));
  fs.symlinkSync(root, path.join(folder, 'node_modules', 'refreshclient'));
  const program = path.join(folder, 'examples.mjs');
  const check = `
const texts = [accessToken, refreshToken, user.id, result.accessToken, tokens.accessToken];
console.log(JSON.stringify(texts.map((text) => typeof text)));`;
  fs.writeFileSync(program, prelude + examples.join('\nsession = await newSession();\n') + check);
  const environment = {
    ...process.env,
    WORKOS_BASE_URL: fixture.emulator.url,
    WORKOS_CLIENT_ID: 'client_1',
    WORKOS_API_KEY: 'sk_any',
    REFRESHD_DIRECTORY: path.join(folder, 'table'),
  };
  fs.mkdirSync(environment.REFRESHD_DIRECTORY, { mode: 0o700 });
  const { stdout } = await promisify(execFile)(process.execPath, [program], { env: environment });
  const [signIn, kinds] = stdout.trim().split('\n');
  assert.equal(signIn, 'sign user_1 in again: invalid_grant');
  assert.deepEqual(JSON.parse(kinds), Array(5).fill('string'));
  const stats = await fixture.emulator.control('GET', 'stats?tokens=false');
  assert.deepEqual([stats.rotations, stats.unknown_tokens, stats.refresh_calls], [4, 1, 5]);
});
