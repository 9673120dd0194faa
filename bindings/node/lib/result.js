'use strict';

const { inspect } = require('node:util');

/** A refresh that succeeded: the upstream's answer, the same bytes for every caller. */
class RefreshResult {
  constructor(body, requestId) {
    const data = JSON.parse(body.toString('utf8'));
    this.body = body;
    this.data = data;
    this.accessToken = data.access_token;
    this.refreshToken = data.refresh_token;
    this.user = data.user;
    this.organizationId = data.organization_id;
    this.impersonator = data.impersonator;
    this.requestId = requestId || undefined;
  }

  /** Printed without the tokens, for a result is logged sooner or later. */
  [inspect.custom](depth, options) {
    const shown = { user: this.user?.id, organizationId: this.organizationId, requestId: this.requestId };
    return `RefreshResult ${inspect(shown, options)}`;
  }
}

module.exports = { RefreshResult };
