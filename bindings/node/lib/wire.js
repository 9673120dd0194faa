'use strict';

// The official SDK hands out camelCase objects; what the callers of all languages share is WorkOS's own JSON.

const camel = (key) => key.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
const snake = (key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The object with its own keys renamed; the values, such as a user's metadata, stay as they are. */
function rename(object, name) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [name(key), value]));
}

/** WorkOS's JSON for what its SDK returned. A session that the SDK sealed is the caller's own, and left out. */
function wireFromSDK({ sealedSession, user, ...rest }) {
  const wire = rename(rest, snake);
  if (user && typeof user === 'object') wire.user = rename(user, snake);
  return wire;
}

/** The user as the SDK shows it. */
function userFromWire(user) {
  if (!user || typeof user !== 'object') return user;
  return { externalId: null, metadata: {}, ...rename(user, camel) };
}

module.exports = { userFromWire, wireFromSDK };
