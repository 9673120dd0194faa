'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { RefreshError, TokenRefreshError, withLease } = require('../lib/index.js');
const { Peer } = require('./support/peer.js');
const { rejection, useFixture } = require('./support/fixture.js');

const fixture = useFixture();

/** Stands for the official SDK: camelCase objects, and exceptions with a status. */
class UserManagement {
  constructor(url) {
    this.url = url;
    this.calls = 0;
  }

  async authenticateWithRefreshToken({ clientId, refreshToken, organizationId }) {
    this.calls++;
    const response = await fetch(`${this.url}/user_management/authenticate`, {
      method: 'POST',
      body: JSON.stringify({
        grant_type: 'refresh_token',
        client_id: clientId,
        refresh_token: refreshToken,
        organization_id: organizationId,
      }),
    });
    const data = await response.json();
    if (!response.ok) {
      const retryAfter = Number(response.headers.get('retry-after')) || null;
      const { status } = response;
      throw Object.assign(new Error(`Error: ${data.error}`), { status, rawData: data, error: data.error, retryAfter });
    }
    const { user } = data;
    return {
      user: {
        object: user.object,
        id: user.id,
        email: user.email,
        emailVerified: user.email_verified,
        firstName: user.first_name,
        createdAt: user.created_at,
        externalId: user.external_id ?? null,
        metadata: user.metadata ?? {},
      },
      accessToken: data.access_token,
      refreshToken: data.refresh_token,
      impersonator: data.impersonator,
    };
  }
}

/** authkit-session's, with what it shows to others. */
class ForeignTokenRefreshError extends Error {
  constructor(message, cause, context) {
    super(message);
    this.name = 'TokenRefreshError';
    this.cause = cause;
    this.userId = context?.userId;
    this.sessionId = context?.sessionId;
  }
}

/** Stands for AuthKitCore: its refreshTokens, and one of its methods that uses it. */
class Core {
  constructor() {
    this.userManagement = new UserManagement(fixture.emulator.url);
  }

  async refreshTokens(refreshToken, organizationId, context) {
    try {
      const options = { clientId: 'client_1', refreshToken, organizationId };
      const result = await this.userManagement.authenticateWithRefreshToken(options);
      const { accessToken, refreshToken: next, user, impersonator } = result;
      return { accessToken, refreshToken: next, user, impersonator };
    } catch (error) {
      throw new ForeignTokenRefreshError('Failed to refresh tokens', error, context);
    }
  }

  async validateAndRefresh(session) {
    const refreshed = await this.refreshTokens(session.refreshToken, undefined, { userId: session.user.id });
    return { refreshed: true, session: refreshed };
  }
}

test("a core's refreshTokens returns what it did, and calls once for all processes", async () => {
  const { emulator } = fixture;
  const token = await emulator.token({
    email: 'a@example.com',
    organization_id: 'org_1',
    impersonator: { email: 'admin@example.com', reason: 'support' },
    user: { first_name: 'Ada', metadata: { some_key: 'kept' } },
  });
  await emulator.faults({ kind: 'delay', delay_ms: 100, refresh_token: token });
  const peer = await Peer.start(fixture.options(), emulator.url);
  const cores = [1, 2].map(() => withLease(new Core(), fixture.client()));
  const [theirs, ...ours] = await Promise.all([
    peer.refresh(token),
    ...cores.flatMap((core) => [undefined, ''].map((organizationId) => core.refreshTokens(token, organizationId))),
  ]);
  await peer.kill();
  for (const tokens of ours) {
    assert.deepEqual(Object.keys(tokens), ['accessToken', 'refreshToken', 'user', 'impersonator']);
    assert.equal(tokens.accessToken, theirs.result.accessToken);
    assert.deepEqual([tokens.user.email, tokens.user.firstName], ['a@example.com', 'Ada']);
    assert.deepEqual(tokens.user.metadata, { some_key: 'kept' });
    assert.equal(tokens.user.externalId, null);
    assert.deepEqual(tokens.impersonator, { email: 'admin@example.com', reason: 'support' });
  }
  assert.equal((await emulator.stats(token)).refresh_calls, 1);
});

test('the methods of the core that refresh are guarded with it', async () => {
  const token = await fixture.emulator.token();
  const core = new Core();
  assert.equal(withLease(core, fixture.client()), core);
  const session = { refreshToken: token, user: { id: 'user_1' } };
  const [first, second] = await Promise.all([core.validateAndRefresh(session), core.validateAndRefresh(session)]);
  assert.deepEqual(first.session, second.session);
  assert.equal(core.userManagement.calls, 1);
});

test('a function may stand for the core', async () => {
  const token = await fixture.emulator.token();
  const core = new Core();
  const { refreshTokens } = withLease((...all) => core.refreshTokens(...all), fixture.client());
  const one = await refreshTokens(token, 'org_1');
  const other = await rejection(refreshTokens(token, 'org_2'));
  assert.ok(one.accessToken);
  assert.equal(other.reason, 'invalid_grant');
  assert.equal(core.userManagement.calls, 2);
});

test('everyone gets a TokenRefreshError with its own context, and the cause', async () => {
  const { emulator } = fixture;
  const token = await emulator.token();
  await emulator.faults({ kind: 'invalid_grant', delay_ms: 100, refresh_token: token });
  const core = withLease(new Core(), fixture.client());
  const contexts = [1, 2, 3].map((number) => ({ userId: `user_${number}`, sessionId: `session_${number}` }));
  const errors = await Promise.all(contexts.map((context) => rejection(core.refreshTokens(token, undefined, context))));
  errors.forEach((error, index) => {
    assert.ok(error instanceof TokenRefreshError);
    assert.equal(error.name, 'TokenRefreshError');
    assert.deepEqual({ userId: error.userId, sessionId: error.sessionId }, contexts[index]);
    assert.ok(error.cause instanceof RefreshError);
    assert.deepEqual([error.cause.code, error.reason, error.retryable], ['SESSION_ENDED', 'invalid_grant', false]);
  });
  assert.equal(core.userManagement.calls, 1);
});

test("the error may be of authkit-session's own class; a fault of the program is its cause", async () => {
  const fault = new RangeError('a fault');
  const failing = async (refreshToken, organizationId, context) => {
    throw new ForeignTokenRefreshError('Failed', fault, context);
  };
  const { refreshTokens } = withLease(failing, fixture.client(), { TokenRefreshError: ForeignTokenRefreshError });
  const error = await rejection(refreshTokens('faulty', undefined, { userId: 'user_1' }));
  assert.ok(error instanceof ForeignTokenRefreshError);
  assert.deepEqual([error.userId, error.cause], ['user_1', fault]);
});

test('a 429 is waited out once, and a failure leaves nothing behind', async () => {
  const { emulator } = fixture;
  const token = await emulator.token();
  const limited = { kind: 'status', status: 429, retry_after: 1, refresh_token: token };
  await emulator.faults(limited, { kind: 'status', status: 503, refresh_token: token });
  const core = withLease(new Core(), fixture.client());
  const error = await rejection(core.refreshTokens(token));
  assert.deepEqual([error.reason, error.retryable], ['server_error', true]);
  assert.equal(core.userManagement.calls, 2);
  assert.ok((await core.refreshTokens(token)).accessToken);
});

test('what cannot be guarded is refused', () => {
  const core = withLease(new Core(), fixture.client());
  assert.throws(() => withLease(core, fixture.client()), /has its lease already/);
  assert.throws(() => withLease({}, fixture.client()), /AuthKitCore/);
});
