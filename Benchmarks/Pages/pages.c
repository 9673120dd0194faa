/* The contenders for callers in other languages: what the pages behind gunicorn call, by ctypes. */
#include <errno.h>
#include <string.h>

#include "../Driver/fleet.h"

static scene stage;
static const contender *chosen;
static shared *upstream_state;

/* In the master, before the workers are forked. `shared_file` also leads the one who measures to the upstream's state. */
int pages_prepare(const char *name, const char *directory, const char *redis_socket, const char *library,
                  const char *sidecar_socket, const char *shared_file)
{
    stage = (scene){ .directory = directory,
                     .redis_socket = redis_socket,
                     .library = library,
                     .sidecar_socket = sidecar_socket,
                     .retention_ms = 30000 };
    upstream_state = map_shared(shared_file);
    for (int i = 0; contenders[i] != NULL; i++) {
        if (strcmp(contenders[i]->name, name) == 0) chosen = contenders[i];
    }
    if (chosen == NULL) return -1;
    chosen->prepare(&stage);
    return 0;
}

/* For a page, on any thread of a worker. Returns the length of the body, or -1. */
int pages_refresh(const char *token, char *body, int capacity)
{
    static _Thread_local void *caller;
    result result;
    fleet_upstream upstream = make_upstream(upstream_state);
    if (caller == NULL) caller = chosen->open(&stage);
    if (chosen->refresh(caller, token, &upstream.upstream, &result) != 0 || result.length > (size_t)capacity) return -1;
    memcpy(body, result.bytes, result.length);
    return (int)result.length;
}

/* For the one who measures: makes the state, begins a round, and counts its calls. */
void pages_reset(const char *shared_file)
{
    upstream_state = map_shared(shared_file);
    reset_shared(upstream_state);
}

void pages_begin_round(int call_ms)
{
    begin_round(upstream_state, call_ms * INT64_C(1000000), call_ms * INT64_C(1000000), 0);
}

int pages_calls(void) { return upstream_state->calls; }
