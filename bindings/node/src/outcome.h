/* The library's structures as JavaScript values. */
#ifndef OUTCOME_H
#define OUTCOME_H

#include "environment.h"

/* { code, body, requestId, lease, waiter, descriptor, waitMs, error }, with what the code calls for. Notes the lease of
 * a holder. NULL where JavaScript cannot be reached any more. */
napi_value outcome_to_js(struct environment *environment, int32_t code, const refreshclient_outcome *outcome);

/* { code, isRetryable, httpStatus, mayHaveRotated, retryAfterMs, reason, requestId, message } */
napi_value error_to_js(napi_env env, const refreshclient_error *error);

/* Sets a property; a value of NULL is left out. */
void set_value(napi_env env, napi_value object, const char *name, napi_value value);
void set_number(napi_env env, napi_value object, const char *name, double number);
void set_handle(napi_env env, napi_value object, const char *name, uint64_t handle);
void set_text(napi_env env, napi_value object, const char *name, const char *text);

#endif
