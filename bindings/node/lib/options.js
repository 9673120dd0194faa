'use strict';

const { invalidArgument } = require('./error.js');

const loneSurrogate = /\p{Surrogate}/u;

/**
 * A text for the library, or undefined. What C would cut at a NUL, or UTF-8 cannot say, would make two tokens one:
 * refused.
 */
function text(name, value) {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw invalidArgument(`${name} must be a string`);
  if (value.includes('\0')) throw invalidArgument(`${name} must not have a NUL character`);
  if (loneSurrogate.test(value)) throw invalidArgument(`${name} must be well-formed Unicode`);
  return value;
}

/** A whole number for the library, or undefined. */
function whole(name, value) {
  if (value === undefined || value === null) return undefined;
  if (!Number.isSafeInteger(value) || value < 0)
    throw invalidArgument(`${name} must be a whole number, and not below 0`);
  return value;
}

/** 1, 0 or undefined. */
function flag(name, value) {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'boolean') throw invalidArgument(`${name} must be true or false`);
  return value ? 1 : 0;
}

/** The value, which must be one of the keys, as their number; or undefined. */
function choice(name, value, choices) {
  if (value === undefined || value === null) return undefined;
  if (!Object.hasOwn(choices, value))
    throw invalidArgument(`${name} must be one of ${Object.keys(choices).join(', ')}`);
  return choices[value];
}

/** What a misspelt option would silently leave at its default is an error. */
function refuseUnknown(options, known) {
  if (options === null || typeof options !== 'object') throw invalidArgument('options must be an object');
  for (const name of Object.keys(options)) {
    if (!known.has(name)) throw invalidArgument(`there is no option ${name}`);
  }
}

const logLevels = { none: 0, error: 1, warning: 2, notice: 3, info: 4 };
const waits = { pipes: 0, poll: 1 };
const clientTexts = ['directory', 'clientId', 'apiKey', 'baseUrl', 'tokenEndpoint', 'caBundle'];
const clientNumbers = ['requestTimeout', 'lease', 'resultRetention', 'terminalFailureRetention', 'deadline', 'mapSize'];
const clientOptionNames = new Set([...clientTexts, ...clientNumbers, 'wait', 'failsWithoutTable', 'logLevel']);

/** The options of a client, checked, in the form that the addon takes. */
function clientOptions(options) {
  refuseUnknown(options, clientOptionNames);
  const checked = {};
  for (const name of clientTexts) checked[name] = text(name, options[name]);
  for (const name of clientNumbers) checked[name] = whole(name, options[name]);
  checked.polls = choice('wait', options.wait, waits);
  checked.failsWithoutTable = flag('failsWithoutTable', options.failsWithoutTable);
  checked.logLevel = choice('logLevel', options.logLevel, logLevels);
  return checked;
}

const requestTexts = ['organizationId', 'scope', 'resource', 'audience', 'ipAddress', 'userAgent', 'deviceId'];
const requestOptionNames = new Set([...requestTexts, 'deadline', 'lease', 'perform', 'retry', 'signal', 'context']);

/** What is to be refreshed, checked, in the form that the addon takes. */
function requestOptions(refreshToken, options) {
  refuseUnknown(options, requestOptionNames);
  const checked = { refreshToken: text('refreshToken', refreshToken) };
  if (!checked.refreshToken) throw invalidArgument('refreshToken must be a string, and not empty');
  for (const name of requestTexts) checked[name] = text(name, options[name]);
  checked.deadline = whole('deadline', options.deadline);
  checked.lease = whole('lease', options.lease);
  flag('retry', options.retry);
  if (options.perform !== undefined && typeof options.perform !== 'function')
    throw invalidArgument('perform must be a function');
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal))
    throw invalidArgument('signal must be an AbortSignal');
  return checked;
}

module.exports = { clientOptions, requestOptions };
