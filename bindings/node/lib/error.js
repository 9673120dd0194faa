'use strict';

const { codeNames } = require('./native.js');

/** Why a refresh failed. The words are those of WorkOS's own SDK. */
class RefreshError extends Error {
  constructor(message, fields = {}) {
    super(message, 'cause' in fields ? { cause: fields.cause } : undefined);
    this.name = 'RefreshError';
    this.code = fields.code;
    this.reason = fields.reason;
    this.retryable = fields.retryable ?? false;
    this.retryAfter = fields.retryAfter;
    this.status = fields.status;
    this.requestId = fields.requestId;
    this.mayHaveRotated = fields.mayHaveRotated ?? false;
    this.context = fields.context;
    // Not shown where the error is printed: an answer may carry what is not for a log.
    Object.defineProperty(this, 'body', { value: fields.body, enumerable: false });
  }
}

/** The error of an outcome of the library's, for the caller with this context. */
function errorOf(outcome, context, cause) {
  const error = outcome.error ?? outcome;
  const fields = {
    code: codeNames.get(error.code || outcome.code) ?? 'UNKNOWN',
    reason: error.reason || undefined,
    retryable: error.isRetryable === 1,
    retryAfter: error.retryAfterMs >= 0 ? error.retryAfterMs / 1000 : undefined,
    status: error.httpStatus || undefined,
    requestId: error.requestId || undefined,
    mayHaveRotated: error.mayHaveRotated === 1,
    body: outcome.body,
    context,
  };
  if (cause !== undefined) fields.cause = cause;
  return new RefreshError(error.message || 'the refresh failed', fields);
}

/** The error for an argument that is not what it should be. */
function invalidArgument(message) {
  return new RefreshError(message, { code: 'INVALID_ARGUMENT', reason: 'invalid_request' });
}

/** The error of a caller whose time is up while its own call, or the library's, is under way and goes on. */
function deadlineExceeded(context) {
  return new RefreshError('the deadline passed; the call that was sent goes on, and the next caller finds its result', {
    code: 'DEADLINE_EXCEEDED',
    reason: 'timeout',
    retryable: true,
    mayHaveRotated: true,
    context,
  });
}

module.exports = { RefreshError, deadlineExceeded, errorOf, invalidArgument };
