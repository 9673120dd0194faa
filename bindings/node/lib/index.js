'use strict';

const { RefreshClient } = require('./client.js');
const { RefreshError } = require('./error.js');
const { RefreshResult } = require('./result.js');
const { TokenRefreshError, withLease } = require('./authkit.js');

module.exports = { RefreshClient, RefreshError, RefreshResult, TokenRefreshError, withLease };
