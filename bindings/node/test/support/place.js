'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

/** A directory for a table of its own, in memory where there is such a place. Removed when the process exits. */
function makeDirectory() {
  const parent = fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir();
  const directory = fs.mkdtempSync(path.join(parent, 'refreshclient-node-'));
  fs.chmodSync(directory, 0o700);
  process.on('exit', () => fs.rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** How many threads the process has, and how many open descriptors. */
const threads = () => fs.readdirSync('/proc/self/task').length;
const descriptors = () => fs.readdirSync('/proc/self/fd').length;

module.exports = { descriptors, makeDirectory, threads };
