#include "outcome.h"

void set_value(napi_env env, napi_value object, const char *name, napi_value value) {
    if (value != NULL) napi_set_named_property(env, object, name, value);
}

void set_number(napi_env env, napi_value object, const char *name, double number) {
    napi_value value = NULL;
    napi_create_double(env, number, &value);
    set_value(env, object, name, value);
}

void set_handle(napi_env env, napi_value object, const char *name, uint64_t handle) {
    napi_value value = NULL;
    napi_create_bigint_uint64(env, handle, &value);
    set_value(env, object, name, value);
}

void set_text(napi_env env, napi_value object, const char *name, const char *text) {
    napi_value value = NULL;
    napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
    set_value(env, object, name, value);
}

napi_value error_to_js(napi_env env, const refreshclient_error *error) {
    napi_value object;
    if (napi_create_object(env, &object) != napi_ok) return NULL;
    set_number(env, object, "code", error->code);
    set_number(env, object, "isRetryable", error->is_retryable);
    set_number(env, object, "httpStatus", error->http_status);
    set_number(env, object, "mayHaveRotated", error->may_have_rotated);
    set_number(env, object, "retryAfterMs", (double)error->retry_after_ms);
    set_text(env, object, "reason", error->reason);
    set_text(env, object, "requestId", error->request_id);
    set_text(env, object, "message", error->message);
    return object;
}

napi_value outcome_to_js(struct environment *environment, int32_t code, const refreshclient_outcome *outcome) {
    napi_env env = environment->env;
    if (code == REFRESHCLIENT_HOLDER) environment_keep_lease(environment, outcome->lease);
    napi_value object;
    if (napi_create_object(env, &object) != napi_ok) return NULL;
    set_number(env, object, "code", code);
    if (code == REFRESHCLIENT_OK) set_text(env, object, "requestId", outcome->request_id);
    if (code == REFRESHCLIENT_HOLDER || code == REFRESHCLIENT_RETRY)
        set_handle(env, object, "lease", outcome->lease);
    if (code == REFRESHCLIENT_WAIT) {
        set_handle(env, object, "waiter", outcome->waiter);
        set_number(env, object, "descriptor", outcome->descriptor);
    }
    if (code == REFRESHCLIENT_WAIT || code == REFRESHCLIENT_RETRY)
        set_number(env, object, "waitMs", outcome->wait_ms);
    if (code < 0) set_value(env, object, "error", error_to_js(env, &outcome->error));
    if (outcome->body != NULL) {
        napi_value body = NULL;
        napi_create_buffer_copy(env, outcome->body_length, outcome->body, NULL, &body);
        set_value(env, object, "body", body);
    }
    return object;
}
