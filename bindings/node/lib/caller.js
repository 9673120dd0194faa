'use strict';

const { performance } = require('node:perf_hooks');

const { deadlineExceeded } = require('./error.js');

/** Beyond it, setTimeout ends at once. */
const longestTimer = 2 ** 31 - 1;

/** One caller of refresh: how long it may take, whether it has left, and whom to name in its errors. */
class Caller {
  constructor(deadline, signal, context) {
    this.end = performance.now() + deadline;
    this.signal = signal;
    this.context = context;
  }

  /** Whole milliseconds that are left, none below 0. */
  get remaining() {
    return Math.max(0, Math.ceil(this.end - performance.now()));
  }

  /**
   * What the promise comes to, unless the caller leaves before, by its signal or at its deadline. The promise goes on
   * all the same.
   */
  async until(promise) {
    // Whoever has left does not see how it ends.
    promise.catch(() => {});
    const { signal } = this;
    let timer;
    let aborted;
    const leaving = new Promise((_, reject) => {
      timer = setTimeout(() => reject(deadlineExceeded(this.context)), Math.min(this.remaining, longestTimer));
      aborted = () => reject(signal.reason);
      signal?.addEventListener('abort', aborted, { once: true });
      if (signal?.aborted) aborted();
    });
    try {
      return await Promise.race([promise, leaving]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
    }
  }
}

module.exports = { Caller };
