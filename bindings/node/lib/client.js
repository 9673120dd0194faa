'use strict';

const { Caller } = require('./caller.js');
const { RefreshError, errorOf, invalidArgument } = require('./error.js');
const { Holder } = require('./holder.js');
const { Code, codeNames, native } = require('./native.js');
const { clientOptions, requestOptions } = require('./options.js');
const { RefreshResult } = require('./result.js');

// The library's defaults, for what is counted here.
const defaultDeadline = 30_000;
const defaultLease = 12_000;

/** Clients that were forgotten rather than closed. */
const forgotten = new FinalizationRegistry((handle) => native().close(handle));

class RefreshClient {
  #handle;
  #deadline;
  #lease;
  #isClosed = false;
  /** Calls of the library's own upstream from this environment, by what they refresh. */
  #flights = new Map();

  constructor(options = {}) {
    const checked = clientOptions(options);
    this.#deadline = checked.deadline ?? defaultDeadline;
    this.#lease = checked.lease ?? defaultLease;
    const opened = native().open(checked);
    if (typeof opened !== 'bigint') throw errorOf(opened);
    this.#handle = opened;
    forgotten.register(this, opened, this);
  }

  async refresh(refreshToken, options = {}) {
    const request = requestOptions(refreshToken, options);
    this.#refuseClosed();
    const { perform, signal, context } = options;
    const caller = new Caller(request.deadline ?? this.#deadline, signal, context);
    const key = perform ? undefined : keyOf(request);
    for (;;) {
      signal?.throwIfAborted();
      request.deadline = caller.remaining;
      const flight = key && this.#flights.get(key);
      const outcome = flight ? await caller.until(flight) : await this.#seek(caller, request, options, key);
      // The lease went to somebody else while we paused, or the deadline was that of the flight's first caller.
      const goesOn = outcome.code === Code.LEASE_LOST || (flight && outcome.code === Code.DEADLINE_EXCEEDED);
      if (!goesOn || caller.remaining === 0) return resultOf(outcome, context);
    }
  }

  get directory() {
    this.#refuseClosed();
    return checkedValue(native().directory(this.#handle));
  }

  get counts() {
    this.#refuseClosed();
    return checkedValue(native().counts(this.#handle));
  }

  close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    forgotten.unregister(this);
    native().close(this.#handle);
  }

  static get libraryVersion() {
    return native().version();
  }

  #refuseClosed() {
    const fields = { code: 'STALE_HANDLE', reason: 'stale_handle' };
    if (this.#isClosed) throw new RefreshError('the client is closed', fields);
  }

  /** The stored outcome, another caller's, or that of the upstream call that fell to this one. */
  async #seek(caller, request, options, key) {
    let outcome = native().begin(this.#handle, request);
    if (outcome.code === Code.WAIT) outcome = await this.#wait(outcome, caller);
    if (outcome.code !== Code.HOLDER) return outcome;
    if (options.perform) {
      const leaseTime = request.lease ?? this.#lease;
      return caller.until(new Holder(outcome.lease, request, leaseTime, options).run());
    }
    return caller.until(this.#fly(outcome.lease, request, key));
  }

  /** Waits for another caller on the event loop: for its outcome, or for the lease. */
  #wait(waiting, { signal }) {
    return new Promise((resolve, reject) => {
      const left = () => {
        native().cancel(waiting.waiter);
        reject(signal.reason);
      };
      signal?.addEventListener('abort', left, { once: true });
      native().wait(waiting, (outcome) => {
        signal?.removeEventListener('abort', left);
        resolve(outcome);
      });
    });
  }

  /**
   * Calls WorkOS through the library, on a thread: one for each token that this environment refreshes, whoever else
   * wants it meanwhile.
   */
  #fly(lease, request, key) {
    const earlier = this.#flights.get(key);
    if (earlier) {
      native().abandon(lease);
      return earlier;
    }
    const flight = native().refreshWorkOS(this.#handle, request, lease);
    this.#flights.set(key, flight);
    const landed = () => this.#flights.delete(key);
    flight.then(landed, landed);
    return flight;
  }
}

if (Symbol.dispose) RefreshClient.prototype[Symbol.dispose] = RefreshClient.prototype.close;

/** What makes two requests the same. */
function keyOf({ refreshToken, organizationId, scope, resource, audience }) {
  return JSON.stringify([refreshToken, organizationId, scope, resource, audience]);
}

/** The result in an outcome, or its error thrown. */
function resultOf(outcome, context) {
  if (outcome.code === Code.OK) return new RefreshResult(outcome.body, outcome.requestId);
  if (outcome.thrown) throw outcome.thrown;
  throw errorOf(outcome, context, outcome.cause);
}

function checkedValue(value) {
  if (typeof value !== 'number') return value;
  throw new RefreshError('the library refused the handle', { code: codeNames.get(value), reason: 'stale_handle' });
}

module.exports = { RefreshClient };
