'use strict';

const { userFromWire } = require('./wire.js');

/**
 * Longer than a call of the official SDK can take: four tries of 60 s, three pauses of up to 60 s. A holder that dies
 * is seen at once all the same.
 */
const sdkLease = 430_000;

/** authkit-session's error: whose session could not be refreshed, and why. */
class TokenRefreshError extends Error {
  constructor(message, cause, context) {
    super(message, { cause });
    this.name = 'TokenRefreshError';
    this.userId = context?.userId;
    this.sessionId = context?.sessionId;
  }

  /** Whether a later try with the same token may succeed. */
  get retryable() {
    return this.cause?.retryable === true;
  }

  /** Why, in WorkOS's words. */
  get reason() {
    return this.cause?.reason;
  }
}

const guarded = new WeakSet();

/** Gives the refreshTokens of an AuthKitCore, or a function like it, the client's guarantee. */
function withLease(upstream, client, options = {}) {
  const { lease = sdkLease, deadline, TokenRefreshError: ErrorClass = TokenRefreshError } = options;
  const original = typeof upstream === 'function' ? upstream : upstream?.refreshTokens;
  if (typeof original !== 'function')
    throw new TypeError('withLease takes an AuthKitCore, or a function like its refreshTokens');
  // Guarded twice, the holder would wait for itself.
  if (guarded.has(original)) throw new TypeError('refreshTokens has its lease already');

  async function refreshTokens(refreshToken, organizationId, context) {
    const perform = (request) =>
      Reflect.apply(original, upstream, [request.refreshToken, request.organizationId, context]);
    try {
      const result = await client.refresh(refreshToken, {
        organizationId: organizationId || undefined,
        perform,
        retry: true,
        lease,
        deadline,
        context,
      });
      const { accessToken, refreshToken: next, user, impersonator } = result;
      return { accessToken, refreshToken: next, user: userFromWire(user), impersonator };
    } catch (error) {
      const cause = error?.name === 'TokenRefreshError' ? error.cause : error;
      throw new ErrorClass('Failed to refresh tokens', cause, context);
    }
  }

  guarded.add(refreshTokens);
  if (typeof upstream === 'function') return { refreshTokens };
  upstream.refreshTokens = refreshTokens;
  return upstream;
}

module.exports = { TokenRefreshError, withLease };
