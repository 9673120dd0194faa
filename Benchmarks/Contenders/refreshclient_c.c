/* This project's library, through its C interface: refreshclient_begin, the program's own call, refreshclient_finish. */
#include "refreshclient.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "contender.h"

static refreshclient_t client;
static int32_t (*begin)(refreshclient_t, const refreshclient_request *, refreshclient_outcome *);
static int32_t (*finish)(refreshclient_lease_t, const refreshclient_answer *, refreshclient_outcome *);
static void (*outcome_free)(refreshclient_outcome *);

static void *symbol(void *library, const char *name)
{
    void *found = dlsym(library, name);
    if (found == NULL) die("%s: %s", name, dlerror());
    return found;
}

/* Loaded and opened in the master, as preloading servers do: no file is opened and no thread started by that. */
static void prepare(const scene *scene)
{
    void *library = dlopen(scene->library, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) die("%s", dlerror());
    int32_t (*open_client)(const refreshclient_options *, refreshclient_t *, refreshclient_error *) =
        symbol(library, "refreshclient_open");
    begin = symbol(library, "refreshclient_begin");
    finish = symbol(library, "refreshclient_finish");
    outcome_free = symbol(library, "refreshclient_outcome_free");

    refreshclient_options options = REFRESHCLIENT_OPTIONS_INIT;
    options.directory = scene->directory;
    options.client_id = "client_benchmark";
    options.token_endpoint = "http://127.0.0.1:9/oauth2/token";
    options.result_retention_ms = scene->retention_ms;
    options.fails_without_table = 1;
    if (scene->records > 0) options.map_size = INT64_C(4) << 30;
    refreshclient_error error = REFRESHCLIENT_ERROR_INIT;
    errno = 0;
    if (open_client(&options, &client, &error) != REFRESHCLIENT_OK) die("refreshclient_open: %s", error.message);
}

static void *open_caller(const scene *scene) { return (void *)scene; }

static int refresh(void *caller, const char *token, upstream *upstream, result *result)
{
    (void)caller;
    refreshclient_request request = REFRESHCLIENT_REQUEST_INIT;
    request.refresh_token = token;
    refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
    int32_t code = begin(client, &request, &outcome);
    if (code == REFRESHCLIENT_HOLDER) {
        upstream->call(upstream, result);
        refreshclient_answer answer = REFRESHCLIENT_ANSWER_INIT;
        answer.status = 200;
        answer.body = (const uint8_t *)result->bytes;
        answer.body_length = result->length;
        refreshclient_lease_t lease = outcome.lease;
        outcome_free(&outcome);
        code = finish(lease, &answer, &outcome);
    }
    if (code == REFRESHCLIENT_OK) {
        set_result(result, outcome.body, outcome.body_length);
    } else if (code != REFRESHCLIENT_DEADLINE_EXCEEDED) {
        errno = 0;
        die("refreshclient: code %d: %s", code, outcome.error.message);
    }
    outcome_free(&outcome);
    return code == REFRESHCLIENT_OK ? 0 : -1;
}

const contender refreshclient_c = {
    .name = "refreshclient-c",
    .needs_library = true,
    .coordinates = true,
    .prepare = prepare,
    .open = open_caller,
    .refresh = refresh,
};
