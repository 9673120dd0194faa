'use strict';

const { wireFromSDK } = require('./wire.js');

/** A header's value, of a fetch Response or of a plain object with names in any case. */
function header(headers, name) {
  if (!headers) return undefined;
  if (typeof headers.get === 'function') return headers.get(name) ?? undefined;
  const key = Object.keys(headers).find((candidate) => candidate.toLowerCase() === name);
  const value = key === undefined ? undefined : headers[key];
  return value === undefined || value === null ? undefined : String(value);
}

/** Bytes of a body in any of the forms in which it may come. */
function bytesOf(body) {
  if (Buffer.isBuffer(body)) return body;
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (body instanceof ArrayBuffer) return Buffer.from(body);
  if (typeof body === 'string') return Buffer.from(body, 'utf8');
  if (body && typeof body === 'object') return Buffer.from(JSON.stringify(body), 'utf8');
  throw new TypeError('perform must return the body of the answer: a Buffer, a string, an object or a Response');
}

function answerWith(status, headers, body) {
  return {
    status,
    body,
    requestId: header(headers, 'x-request-id'),
    retryAfter: header(headers, 'retry-after'),
    contentType: header(headers, 'content-type'),
  };
}

/** The answer in what perform returned. */
async function answerOf(returned) {
  if (!returned || typeof returned !== 'object' || 'access_token' in returned)
    return { status: 200, body: bytesOf(returned) };
  const { accessToken, headers, status } = returned;
  if (typeof status === 'number') {
    const body = typeof returned.arrayBuffer === 'function' ? await bodyOf(returned) : partsBody(returned);
    return { ...answerWith(status, headers, body), mayRetry: 1 };
  }
  return { status: 200, body: bytesOf(typeof accessToken === 'string' ? wireFromSDK(returned) : returned) };
}

/** The body of an answer in parts, under either of the names that HTTP clients give it; it may be absent. */
function partsBody({ body, data }) {
  const given = body ?? data;
  return given === undefined || given === null ? undefined : bytesOf(given);
}

/** The body of a Response. One that breaks off behind a 200 counts as cut short: the token may have been rotated. */
async function bodyOf(response) {
  try {
    return Buffer.from(await response.arrayBuffer());
  } catch (error) {
    if (response.status !== 200 || isTimeout(error)) throw error;
    return Buffer.alloc(0);
  }
}

// undici's codes begin with UND_ERR.
const timeoutCodes = new Set([
  'ETIMEDOUT',
  'ESOCKETTIMEDOUT',
  'ECONNABORTED',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
]);
// Nothing was sent: there was no connection.
const unsentCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);
const networkCodes = new Set([
  'ECONNRESET',
  'EPIPE',
  'EPROTO',
  'UND_ERR_SOCKET',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_SOCKET_CLOSED',
]);

function isTimeout(error) {
  return error?.name === 'TimeoutError' || error?.name === 'AbortError' || timeoutCodes.has(error?.code);
}

/** The error and what caused it, outermost first. */
function causesOf(error) {
  const causes = [];
  for (let cause = error; cause && typeof cause === 'object' && causes.length < 8; cause = cause.cause)
    causes.push(cause);
  return causes;
}

/** What an SDK, or an HTTP client, made an error of: it has the answer's status, or the answer itself. */
function statusAnswer(error) {
  const { response, status } = error;
  if (Number.isInteger(response?.status) && response.data !== undefined)
    return answerWith(response.status, response.headers, bytesOf(response.data ?? ''));
  if (!Number.isInteger(status) || status < 400 || status > 599) return undefined;
  let body = error.rawData;
  if (!body || typeof body !== 'object')
    body = error.error
      ? { error: error.error, error_description: error.errorDescription }
      : { code: error.code, message: error.message };
  const retryAfter = Number.isFinite(error.retryAfter) ? String(error.retryAfter) : undefined;
  const requestId = error.requestID || error.requestId || undefined;
  return { status, body: bytesOf(body), requestId, retryAfter, contentType: 'application/json' };
}

/**
 * The answer that an exception of perform's stands for, or undefined where it says nothing of the upstream: a fault in
 * the program.
 */
function answerOfException(error) {
  const causes = causesOf(error);
  for (const cause of causes) {
    const answer = statusAnswer(cause);
    if (answer) return answer;
  }
  for (const cause of causes) {
    if (unsentCodes.has(cause.code)) return { status: 0, notSent: 1 };
    if (isTimeout(cause)) return { status: 0, timedOut: 1 };
    if (networkCodes.has(cause.code)) return { status: 0 };
  }
  // What fetch throws where it has no more to say.
  if (error instanceof TypeError && error.message === 'fetch failed') return { status: 0 };
  return undefined;
}

module.exports = { answerOf, answerOfException };
