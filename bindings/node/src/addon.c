/* The functions that lib/native.js gives to the rest. They take what lib/client.js has checked, and return numbers,
 * objects and promises of outcomes; only what cannot be an outcome is thrown. */
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "job.h"
#include "outcome.h"
#include "wait.h"

/* load(path): loads the library. Throws where it cannot. */
static napi_value load(napi_env env, napi_callback_info info) {
    napi_value path;
    char text[4096];
    size_t length;
    if (!get_arguments(env, info, 1, &path)) return NULL;
    if (napi_get_value_string_utf8(env, path, text, sizeof text, &length) != napi_ok) {
        napi_throw_type_error(env, NULL, "path");
        return NULL;
    }
    char *reason = library_load(text);
    if (reason != NULL) napi_throw_error(env, "LIBRARY_NOT_LOADED", reason);
    free(reason);
    return NULL;
}

/* version(): of the library. */
static napi_value version(napi_env env, napi_callback_info info) {
    (void)info;
    napi_value result = NULL;
    napi_create_string_utf8(env, library.version(), NAPI_AUTO_LENGTH, &result);
    return result;
}

/* open(options): a handle, or the error. */
static napi_value open_client(napi_env env, napi_callback_info info) {
    struct environment *environment = environment_of(env);
    napi_value argument;
    if (!get_arguments(env, info, 1, &argument)) return NULL;
    struct texts texts = { .count = 0 };
    refreshclient_options options = REFRESHCLIENT_OPTIONS_INIT;
    napi_value result = NULL;
    if (get_options(env, argument, &texts, &options)) {
        refreshclient_error error = REFRESHCLIENT_ERROR_INIT;
        struct open_client *client = malloc(sizeof *client);
        if (client == NULL) {
            napi_throw_error(env, "RESOURCES_EXHAUSTED", "no memory");
        } else if (library.open(&options, &client->client, &error) == REFRESHCLIENT_OK) {
            LIST_INSERT_HEAD(&environment->clients, client, entry);
            napi_create_bigint_uint64(env, client->client, &result);
        } else {
            free(client);
            result = error_to_js(env, &error);
        }
    }
    texts_free(&texts);
    return result;
}

/* close(client): the code. */
static napi_value close_client(napi_env env, napi_callback_info info) {
    struct environment *environment = environment_of(env);
    napi_value argument, result = NULL;
    refreshclient_t handle;
    if (!get_arguments(env, info, 1, &argument) || !get_handle(env, argument, &handle)) return NULL;
    struct open_client *client;
    LIST_FOREACH(client, &environment->clients, entry) if (client->client == handle) break;
    int32_t code = REFRESHCLIENT_STALE_HANDLE;
    if (client != NULL) {
        LIST_REMOVE(client, entry);
        free(client);
        code = library.close(handle);
    }
    napi_create_int32(env, code, &result);
    return result;
}

/* directory(client): a text, or the code of an error. */
static napi_value directory(napi_env env, napi_callback_info info) {
    napi_value argument, result = NULL;
    refreshclient_t client;
    if (!get_arguments(env, info, 1, &argument) || !get_handle(env, argument, &client)) return NULL;
    char buffer[4097];
    int64_t length = library.directory(client, buffer, sizeof buffer);
    if (length < 0) napi_create_int64(env, length, &result);
    else napi_create_string_utf8(env, buffer, strlen(buffer), &result);
    return result;
}

/* counts(client): an object, or the code of an error. */
static napi_value counts(napi_env env, napi_callback_info info) {
    napi_value argument, result = NULL;
    refreshclient_t client;
    if (!get_arguments(env, info, 1, &argument) || !get_handle(env, argument, &client)) return NULL;
    refreshclient_counts read = REFRESHCLIENT_COUNTS_INIT;
    int32_t code = library.get_counts(client, &read);
    if (code != REFRESHCLIENT_OK) {
        napi_create_int32(env, code, &result);
        return result;
    }
    if (napi_create_object(env, &result) != napi_ok) return NULL;
    set_number(env, result, "upstreamCalls", (double)read.upstream_calls);
    set_number(env, result, "claims", (double)read.claims);
    set_number(env, result, "takeovers", (double)read.takeovers);
    set_number(env, result, "hits", (double)read.hits);
    set_number(env, result, "refreshedAlone", (double)read.refreshed_alone);
    set_number(env, result, "coordinationFailures", (double)read.coordination_failures);
    return result;
}

/* begin(client, request): an outcome. */
static napi_value begin(napi_env env, napi_callback_info info) {
    struct environment *environment = environment_of(env);
    napi_value arguments[2], result = NULL;
    refreshclient_t client;
    if (!get_arguments(env, info, 2, arguments) || !get_handle(env, arguments[0], &client)) return NULL;
    struct texts texts = { .count = 0 };
    refreshclient_request request = REFRESHCLIENT_REQUEST_INIT;
    if (get_request(env, arguments[1], &texts, &request)) {
        refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
        int32_t code = library.begin_nonblocking(client, &request, &outcome);
        result = outcome_to_js(environment, code, &outcome);
        library.outcome_free(&outcome);
    }
    texts_free(&texts);
    return result;
}

/* wait({ waiter, descriptor, waitMs }, callback): calls back with an outcome, unless it is cancelled. */
static napi_value wait(napi_env env, napi_callback_info info) {
    napi_value arguments[2], value;
    refreshclient_waiter_t waiter;
    int64_t descriptor = -1, wait_ms = 0;
    if (!get_arguments(env, info, 2, arguments)
        || napi_get_named_property(env, arguments[0], "waiter", &value) != napi_ok
        || !get_handle(env, value, &waiter) || !get_number(env, arguments[0], "descriptor", &descriptor)
        || !get_number(env, arguments[0], "waitMs", &wait_ms))
        return NULL;
    if (!wait_start(environment_of(env), waiter, (int32_t)descriptor, (int32_t)wait_ms, arguments[1]))
        napi_throw_error(env, "RESOURCES_EXHAUSTED", "no memory");
    return NULL;
}

/* cancel(waiter): leaves the wait that was begun with it; its callback is not called any more. */
static napi_value cancel(napi_env env, napi_callback_info info) {
    napi_value argument;
    refreshclient_waiter_t waiter;
    if (!get_arguments(env, info, 1, &argument) || !get_handle(env, argument, &waiter)) return NULL;
    struct wait *found = wait_find(environment_of(env), waiter);
    if (found != NULL) wait_cancel(found);
    return NULL;
}

/* finish(lease, answer): a promise of an outcome. */
static napi_value finish(napi_env env, napi_callback_info info) {
    napi_value arguments[2];
    struct job *job = job_make(env, JOB_FINISH);
    if (job == NULL) return NULL;
    if (get_arguments(env, info, 2, arguments) && get_handle(env, arguments[0], &job->lease)
        && get_answer(env, arguments[1], &job->texts, &job->answer))
        return job_run_in_pool(environment_of(env), job);
    job_free(job);
    return NULL;
}

/* fail(lease, { isTerminal, reason, message }): a promise of an outcome. */
static napi_value fail(napi_env env, napi_callback_info info) {
    napi_value arguments[2];
    struct job *job = job_make(env, JOB_FAIL);
    if (job == NULL) return NULL;
    int64_t is_terminal = 0;
    if (get_arguments(env, info, 2, arguments) && get_handle(env, arguments[0], &job->lease)
        && get_number(env, arguments[1], "isTerminal", &is_terminal)
        && get_text(env, arguments[1], "reason", &job->texts, &job->reason)
        && get_text(env, arguments[1], "message", &job->texts, &job->message)) {
        job->is_terminal = is_terminal != 0;
        return job_run_in_pool(environment_of(env), job);
    }
    job_free(job);
    return NULL;
}

/* abandon(lease): a promise of an outcome. */
static napi_value abandon(napi_env env, napi_callback_info info) {
    napi_value argument;
    struct job *job = job_make(env, JOB_ABANDON);
    if (job == NULL) return NULL;
    if (get_arguments(env, info, 1, &argument) && get_handle(env, argument, &job->lease))
        return job_run_in_pool(environment_of(env), job);
    job_free(job);
    return NULL;
}

/* renew(lease, { lease }): a promise of an outcome. */
static napi_value renew(napi_env env, napi_callback_info info) {
    napi_value arguments[2];
    struct job *job = job_make(env, JOB_RENEW);
    if (job == NULL) return NULL;
    if (get_arguments(env, info, 2, arguments) && get_handle(env, arguments[0], &job->lease)
        && get_number(env, arguments[1], "lease", &job->lease_ms))
        return job_run_in_pool(environment_of(env), job);
    job_free(job);
    return NULL;
}

/* refreshWorkOS(client, request, lease): gives the lease up, and refreshes; a promise of an outcome. */
static napi_value refresh_workos(napi_env env, napi_callback_info info) {
    struct environment *environment = environment_of(env);
    napi_value arguments[3];
    struct job *job = job_make(env, JOB_REFRESH);
    if (job == NULL) return NULL;
    if (get_arguments(env, info, 3, arguments) && get_handle(env, arguments[0], &job->client)
        && get_request(env, arguments[1], &job->texts, &job->request) && get_handle(env, arguments[2], &job->lease)) {
        refreshclient_lease_t lease = job->lease;
        napi_value promise = job_run_on_thread(environment, job);
        if (promise != NULL) environment_drop_lease(environment, lease);
        return promise;
    }
    job_free(job);
    return NULL;
}

NAPI_MODULE_INIT() {
    if (environment_make(env) == NULL) return NULL;
    static const struct {
        const char *name;
        napi_callback function;
    } functions[] = {
        { "load", load },     { "version", version }, { "open", open_client }, { "close", close_client },
        { "directory", directory }, { "counts", counts }, { "begin", begin },  { "wait", wait },
        { "cancel", cancel }, { "finish", finish },   { "fail", fail },        { "abandon", abandon },
        { "renew", renew },   { "refreshWorkOS", refresh_workos },
    };
    for (size_t index = 0; index < sizeof functions / sizeof *functions; index++) {
        napi_value function;
        if (napi_create_function(env, functions[index].name, NAPI_AUTO_LENGTH, functions[index].function, NULL,
                                 &function) != napi_ok
            || napi_set_named_property(env, exports, functions[index].name, function) != napi_ok)
            return NULL;
    }
    return exports;
}
