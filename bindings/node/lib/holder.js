'use strict';

const { setTimeout: pause } = require('node:timers/promises');

const { answerOf, answerOfException } = require('./answer.js');
const { Code, native } = require('./native.js');

/** What of a lease stays for publishing when the call has had its time. */
const margin = 2_000;

/**
 * Makes the upstream call of a lease through the program's own function, and says how it ended. Nobody's deadline or
 * signal reaches it: the call may have rotated the token, and others wait for what it brings.
 */
class Holder {
  #lease;
  #request;
  #leaseTime;
  #perform;
  #retry;

  constructor(lease, request, leaseTime, { perform, retry }) {
    this.#lease = lease;
    this.#request = request;
    this.#leaseTime = leaseTime;
    this.#perform = perform;
    this.#retry = retry;
  }

  /**
   * Comes to an outcome: a success, an error, or LEASE_LOST where the lease went to somebody else before anything was
   * sent again. `thrown` is what perform threw where that says nothing of the upstream, `cause` where it does.
   */
  async run() {
    for (;;) {
      const { outcome, exception } = await this.#callOnce();
      if (outcome.code !== Code.RETRY) return explain(outcome, exception);
      await pause(outcome.waitMs);
      const renewed = await native().renew(this.#lease, { lease: this.#leaseTime });
      if (renewed.code === Code.OK) continue;
      await native().abandon(this.#lease);
      return renewed;
    }
  }

  async #callOnce() {
    let answer;
    let exception;
    try {
      answer = await this.#answer();
    } catch (error) {
      exception = { error };
      answer = answerOfException(error);
    }
    if (answer === undefined) return { outcome: await this.#fail('perform threw an exception'), exception };
    if (this.#retry !== undefined) answer.mayRetry = this.#retry ? 1 : 0;
    const outcome = await native().finish(this.#lease, answer);
    // Refused as no answer at all: the lease is still ours, and others wait.
    if (outcome.code === Code.INVALID_ARGUMENT) await this.#fail('perform returned what is no answer');
    return { outcome, exception };
  }

  async #answer() {
    const controller = new AbortController();
    const time = Math.max(this.#leaseTime - margin, Math.floor(this.#leaseTime / 2));
    const end = () => controller.abort(new DOMException('the lease is about to end', 'TimeoutError'));
    const timer = setTimeout(end, time);
    try {
      const { refreshToken, organizationId, scope, resource, audience } = this.#request;
      const request = { refreshToken, organizationId, scope, resource, audience, signal: controller.signal };
      return await answerOf(await this.#perform(request));
    } finally {
      clearTimeout(timer);
    }
  }

  #fail(message) {
    return native().fail(this.#lease, { isTerminal: 0, reason: 'callback_failed', message });
  }
}

/** The outcome with what was thrown; a success that somebody has stored meanwhile counts before an exception. */
function explain(outcome, exception) {
  if (!exception || outcome.code === Code.OK) return outcome;
  if (outcome.code === Code.CALLBACK_FAILED) return { ...outcome, thrown: exception.error };
  return { ...outcome, cause: exception.error };
}

module.exports = { Holder };
