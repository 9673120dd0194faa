#include "arguments.h"

#include <stdlib.h>
#include <string.h>

void texts_free(struct texts *texts) {
    for (int index = 0; index < texts->count; index++) {
        explicit_bzero(texts->items[index].bytes, texts->items[index].size);
        free(texts->items[index].bytes);
    }
    texts->count = 0;
}

static char *make_room(napi_env env, struct texts *texts, size_t size) {
    char *bytes = texts->count < (int)(sizeof texts->items / sizeof *texts->items) ? malloc(size) : NULL;
    if (bytes == NULL) {
        napi_throw_error(env, "RESOURCES_EXHAUSTED", "no memory");
        return NULL;
    }
    texts->items[texts->count].bytes = bytes;
    texts->items[texts->count++].size = size;
    return bytes;
}

/* The property's value, NULL where it is undefined or null. */
static bool get_property(napi_env env, napi_value object, const char *name, napi_value *value, napi_valuetype *type) {
    if (napi_get_named_property(env, object, name, value) != napi_ok || napi_typeof(env, *value, type) != napi_ok) {
        napi_throw_type_error(env, NULL, "an object is expected");
        return false;
    }
    if (*type == napi_undefined || *type == napi_null) *value = NULL;
    return true;
}

bool get_text(napi_env env, napi_value object, const char *name, struct texts *texts, const char **result) {
    napi_value value;
    napi_valuetype type;
    if (!get_property(env, object, name, &value, &type)) return false;
    if (value == NULL) return true;
    size_t length;
    if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) {
        napi_throw_type_error(env, NULL, name);
        return false;
    }
    char *bytes = make_room(env, texts, length + 1);
    if (bytes == NULL) return false;
    napi_get_value_string_utf8(env, value, bytes, length + 1, &length);
    *result = bytes;
    return true;
}

bool get_number(napi_env env, napi_value object, const char *name, int64_t *result) {
    napi_value value;
    napi_valuetype type;
    if (!get_property(env, object, name, &value, &type)) return false;
    if (value == NULL || napi_get_value_int64(env, value, result) == napi_ok) return true;
    napi_throw_type_error(env, NULL, name);
    return false;
}

static bool get_int32(napi_env env, napi_value object, const char *name, int32_t *result) {
    int64_t number = *result;
    if (!get_number(env, object, name, &number)) return false;
    *result = (int32_t)number;
    return true;
}

bool get_bytes(napi_env env, napi_value object, const char *name, struct texts *texts, const uint8_t **bytes,
               size_t *length) {
    napi_value value;
    napi_valuetype type;
    if (!get_property(env, object, name, &value, &type)) return false;
    if (value == NULL) return true;
    void *data;
    if (napi_get_buffer_info(env, value, &data, length) != napi_ok) {
        napi_throw_type_error(env, NULL, name);
        return false;
    }
    char *copy = make_room(env, texts, *length + 1);
    if (copy == NULL) return false;
    if (*length > 0) memcpy(copy, data, *length);
    *bytes = (const uint8_t *)copy;
    return true;
}

bool get_options(napi_env env, napi_value object, struct texts *texts, refreshclient_options *options) {
    return get_text(env, object, "directory", texts, &options->directory)
        && get_text(env, object, "clientId", texts, &options->client_id)
        && get_text(env, object, "apiKey", texts, &options->api_key)
        && get_text(env, object, "baseUrl", texts, &options->base_url)
        && get_text(env, object, "tokenEndpoint", texts, &options->token_endpoint)
        && get_text(env, object, "caBundle", texts, &options->ca_bundle)
        && get_number(env, object, "requestTimeout", &options->request_timeout_ms)
        && get_number(env, object, "lease", &options->lease_ms)
        && get_number(env, object, "resultRetention", &options->result_retention_ms)
        && get_number(env, object, "terminalFailureRetention", &options->terminal_failure_retention_ms)
        && get_number(env, object, "deadline", &options->deadline_ms)
        && get_number(env, object, "mapSize", &options->map_size)
        && get_int32(env, object, "polls", &options->polls)
        && get_int32(env, object, "failsWithoutTable", &options->fails_without_table)
        && get_int32(env, object, "logLevel", &options->log_level);
}

bool get_request(napi_env env, napi_value object, struct texts *texts, refreshclient_request *request) {
    return get_text(env, object, "refreshToken", texts, &request->refresh_token)
        && get_text(env, object, "organizationId", texts, &request->organization_id)
        && get_text(env, object, "scope", texts, &request->scope)
        && get_text(env, object, "resource", texts, &request->resource)
        && get_text(env, object, "audience", texts, &request->audience)
        && get_text(env, object, "ipAddress", texts, &request->ip_address)
        && get_text(env, object, "userAgent", texts, &request->user_agent)
        && get_text(env, object, "deviceId", texts, &request->device_id)
        && get_number(env, object, "deadline", &request->deadline_ms)
        && get_number(env, object, "lease", &request->lease_ms);
}

bool get_answer(napi_env env, napi_value object, struct texts *texts, refreshclient_answer *answer) {
    return get_int32(env, object, "status", &answer->status)
        && get_int32(env, object, "timedOut", &answer->timed_out)
        && get_int32(env, object, "notSent", &answer->not_sent)
        && get_int32(env, object, "mayRetry", &answer->may_retry)
        && get_bytes(env, object, "body", texts, &answer->body, &answer->body_length)
        && get_text(env, object, "requestId", texts, &answer->request_id)
        && get_text(env, object, "retryAfter", texts, &answer->retry_after)
        && get_text(env, object, "contentType", texts, &answer->content_type);
}

bool get_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments) {
    if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) == napi_ok) return true;
    napi_throw_type_error(env, NULL, "arguments");
    return false;
}

bool get_handle(napi_env env, napi_value value, uint64_t *handle) {
    bool is_lossless = false;
    if (napi_get_value_bigint_uint64(env, value, handle, &is_lossless) == napi_ok && is_lossless) return true;
    napi_throw_type_error(env, NULL, "a handle is a BigInt");
    return false;
}
