'use strict';

const path = require('node:path');
const fs = require('node:fs');

const build = path.join(__dirname, '..', 'build');

/** The return codes of the library. */
const Code = Object.freeze({
  OK: 0,
  HOLDER: 1,
  WAIT: 2,
  RETRY: 3,
  SESSION_ENDED: -1,
  UPSTREAM_FAILED: -2,
  DEADLINE_EXCEEDED: -3,
  COORDINATION_FAILED: -4,
  DIRECTORY_UNUSABLE: -5,
  INVALID_ARGUMENT: -6,
  STALE_HANDLE: -7,
  LEASE_LOST: -8,
  RESOURCES_EXHAUSTED: -9,
  CALLBACK_FAILED: -10,
});

/** What may be wrong with a call, by the library's number. */
const codeNames = new Map(Object.entries(Code).map(([name, number]) => [number, name]));

/** Where the library may be: as told, beside the addon, or installed. */
function candidates() {
  if (process.env.REFRESHCLIENT_LIBRARY) return [process.env.REFRESHCLIENT_LIBRARY];
  const beside = path.join(build, 'librefreshclient.so');
  return [...(fs.existsSync(beside) ? [beside] : []), 'librefreshclient.so.1', 'librefreshclient.so'];
}

let addon;

/** The addon with the library loaded. Throws an Error with code LIBRARY_NOT_LOADED where there is none. */
function native() {
  if (addon) return addon;
  const loaded = require(path.join(build, 'refreshclient.node'));
  const reasons = [];
  for (const candidate of candidates()) {
    try {
      loaded.load(candidate);
      addon = loaded;
      return addon;
    } catch (error) {
      reasons.push(error.message);
    }
  }
  const advice = 'librefreshclient.so cannot be loaded; set REFRESHCLIENT_LIBRARY to its path';
  const error = new Error(`${advice} (${reasons.join('; ')})`);
  error.code = 'LIBRARY_NOT_LOADED';
  throw error;
}

module.exports = { Code, codeNames, native };
