#include "wait.h"

#include <stdlib.h>

#include "outcome.h"

struct watch;

struct wait {
    LIST_ENTRY(wait) entry;
    struct environment *environment;
    /* The number it was begun with, and the one it has now. */
    refreshclient_waiter_t key;
    refreshclient_waiter_t waiter;
    /* NULL where only the time tells. */
    struct watch *watch;
    uv_timer_t timer;
    napi_ref callback;
};

/* A wait's descriptor: another one each time that it waits on, so with another handle of libuv's. */
struct watch {
    struct wait *wait;
    struct environment *environment;
    uv_poll_t poll;
};

/* How long to sleep where the descriptor cannot be watched. */
enum { UNWATCHED_WAIT_MS = 20 };

static void resume(struct wait *wait);

static struct wait_list *list_of(struct environment *environment, refreshclient_waiter_t key) {
    return &environment->waits[key % WAIT_LISTS];
}

static void watch_closed(uv_handle_t *handle) {
    struct watch *watch = handle->data;
    struct environment *environment = watch->environment;
    free(watch);
    environment_handle_closed(environment);
}

/* Stops at once: the library may close the descriptor as soon as its wait goes on. */
static void watch_close(struct watch *watch) {
    uv_poll_stop(&watch->poll);
    uv_close((uv_handle_t *)&watch->poll, watch_closed);
}

static void watch_fired(uv_poll_t *poll, int status, int events) {
    (void)status;
    (void)events;
    struct watch *watch = poll->data;
    resume(watch->wait);
}

/* Watches the descriptor, or returns NULL where that cannot be. */
static struct watch *watch_start(struct wait *wait, int descriptor) {
    struct environment *environment = wait->environment;
    struct watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL || uv_poll_init(environment->loop, &watch->poll, descriptor) != 0) {
        free(watch);
        return NULL;
    }
    environment->handles++;
    watch->environment = environment;
    watch->wait = wait;
    watch->poll.data = watch;
    if (uv_poll_start(&watch->poll, UV_READABLE | UV_DISCONNECT, watch_fired) == 0) return watch;
    watch_close(watch);
    return NULL;
}

static void unwatch(struct wait *wait) {
    if (wait->watch != NULL) watch_close(wait->watch);
    wait->watch = NULL;
}

static void time_is_up(uv_timer_t *timer) { resume(timer->data); }

static void arm(struct wait *wait, int32_t descriptor, int32_t wait_ms) {
    if (descriptor >= 0) wait->watch = watch_start(wait, descriptor);
    if (descriptor >= 0 && wait->watch == NULL && wait_ms > UNWATCHED_WAIT_MS) wait_ms = UNWATCHED_WAIT_MS;
    /* libuv's clock stands still during a turn of the loop, and may be late by as much. */
    uv_update_time(wait->environment->loop);
    uv_timer_start(&wait->timer, time_is_up, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

static void wait_closed(uv_handle_t *handle) {
    struct wait *wait = handle->data;
    struct environment *environment = wait->environment;
    free(wait);
    environment_handle_closed(environment);
}

static void end(struct wait *wait) {
    unwatch(wait);
    LIST_REMOVE(wait, entry);
    napi_delete_reference(wait->environment->env, wait->callback);
    uv_close((uv_handle_t *)&wait->timer, wait_closed);
}

/* Calls JavaScript from the event loop: microtasks run, and what is thrown is uncaught. */
static void call_back(napi_env env, napi_value callback, napi_value outcome) {
    napi_value receiver;
    if (napi_get_global(env, &receiver) != napi_ok) return;
    napi_status status = napi_make_callback(env, NULL, receiver, callback, 1, &outcome, NULL);
    napi_value exception;
    if (status == napi_pending_exception && napi_get_and_clear_last_exception(env, &exception) == napi_ok)
        napi_fatal_exception(env, exception);
}

static void resume(struct wait *wait) {
    struct environment *environment = wait->environment;
    unwatch(wait);
    uv_timer_stop(&wait->timer);
    refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
    int32_t code = library.resume(wait->waiter, &outcome);
    if (code == REFRESHCLIENT_WAIT) {
        wait->waiter = outcome.waiter;
        arm(wait, outcome.descriptor, outcome.wait_ms);
        library.outcome_free(&outcome);
        return;
    }
    napi_env env = environment->env;
    napi_handle_scope scope;
    napi_value callback = NULL;
    napi_open_handle_scope(env, &scope);
    napi_get_reference_value(env, wait->callback, &callback);
    napi_value result = outcome_to_js(environment, code, &outcome);
    library.outcome_free(&outcome);
    /* Gone before JavaScript runs, which may end the environment. */
    end(wait);
    if (callback != NULL && result != NULL) call_back(env, callback, result);
    napi_close_handle_scope(env, scope);
}

bool wait_start(struct environment *environment, refreshclient_waiter_t waiter, int32_t descriptor, int32_t wait_ms,
                napi_value callback) {
    struct wait *wait = calloc(1, sizeof *wait);
    if (wait == NULL || napi_create_reference(environment->env, callback, 1, &wait->callback) != napi_ok) {
        free(wait);
        library.cancel(waiter);
        return false;
    }
    wait->environment = environment;
    wait->key = wait->waiter = waiter;
    uv_timer_init(environment->loop, &wait->timer);
    environment->handles++;
    wait->timer.data = wait;
    LIST_INSERT_HEAD(list_of(environment, waiter), wait, entry);
    arm(wait, descriptor, wait_ms);
    return true;
}

struct wait *wait_find(struct environment *environment, refreshclient_waiter_t key) {
    struct wait *wait;
    LIST_FOREACH(wait, list_of(environment, key), entry) if (wait->key == key) return wait;
    return NULL;
}

void wait_cancel(struct wait *wait) {
    unwatch(wait);
    library.cancel(wait->waiter);
    end(wait);
}
