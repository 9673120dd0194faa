/* JavaScript values as the library's structures. */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include "environment.h"

/* Copies of texts and bodies, which may hold tokens: wiped when they are freed. */
struct texts {
    struct {
        char *bytes;
        size_t size;
    } items[16];
    int count;
};

void texts_free(struct texts *texts);

/* A property of an object: NULL, the default, or the fallback where it is undefined or null. Throws, and returns false,
 * where it is of another type. */
bool get_text(napi_env env, napi_value object, const char *name, struct texts *texts, const char **result);
bool get_number(napi_env env, napi_value object, const char *name, int64_t *result);
/* The bytes of a Buffer or another Uint8Array, copied. */
bool get_bytes(napi_env env, napi_value object, const char *name, struct texts *texts, const uint8_t **bytes,
               size_t *length);

bool get_options(napi_env env, napi_value object, struct texts *texts, refreshclient_options *options);
bool get_request(napi_env env, napi_value object, struct texts *texts, refreshclient_request *request);
bool get_answer(napi_env env, napi_value object, struct texts *texts, refreshclient_answer *answer);

/* Reads up to `count` arguments of a call, undefined where there are fewer. */
bool get_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments);
/* Reads a handle, a BigInt. Throws, and returns false, where it is something else. */
bool get_handle(napi_env env, napi_value value, uint64_t *handle);

#endif
