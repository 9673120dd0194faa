#include "environment.h"

#include <stdlib.h>

#include "job.h"
#include "wait.h"

/* Frees the data once nothing of libuv's refers to it. */
static void finish_if_done(struct environment *environment) {
    if (!environment->is_ending || environment->handles > 0) return;
    napi_remove_async_cleanup_hook(environment->cleanup);
    free(environment);
}

void environment_handle_closed(struct environment *environment) {
    environment->handles--;
    finish_if_done(environment);
}

static void wake_closed(uv_handle_t *handle) { environment_handle_closed(handle->data); }

/* Leaves all waits, gives up all leases, closes all clients. What still runs on a thread goes on without us. */
static void end(napi_async_cleanup_hook_handle handle, void *data) {
    struct environment *environment = data;
    environment->cleanup = handle;
    environment->handles++;
    environment->is_ending = true;
    for (int index = 0; index < WAIT_LISTS; index++)
        while (!LIST_EMPTY(&environment->waits[index])) wait_cancel(LIST_FIRST(&environment->waits[index]));
    while (!LIST_EMPTY(&environment->leases)) {
        refreshclient_lease_t lease = LIST_FIRST(&environment->leases)->lease;
        environment_drop_lease(environment, lease);
        library.abandon(lease);
    }
    while (!LIST_EMPTY(&environment->clients)) {
        struct open_client *client = LIST_FIRST(&environment->clients);
        library.close(client->client);
        LIST_REMOVE(client, entry);
        free(client);
    }
    struct mailbox *mailbox = environment->mailbox;
    pthread_mutex_lock(&mailbox->mutex);
    mailbox->wake = NULL;
    while (!STAILQ_EMPTY(&mailbox->done)) {
        struct job *job = STAILQ_FIRST(&mailbox->done);
        STAILQ_REMOVE_HEAD(&mailbox->done, entry);
        job_free(job);
    }
    pthread_mutex_unlock(&mailbox->mutex);
    mailbox_release(mailbox);
    uv_close((uv_handle_t *)&environment->wake, wake_closed);
    environment->handles--;
}

struct environment *environment_make(napi_env env) {
    struct environment *environment = calloc(1, sizeof *environment);
    struct mailbox *mailbox = calloc(1, sizeof *mailbox);
    if (environment == NULL || mailbox == NULL || napi_get_uv_event_loop(env, &environment->loop) != napi_ok
        || uv_async_init(environment->loop, &environment->wake, job_collect) != 0) {
        free(environment);
        free(mailbox);
        napi_throw_error(env, NULL, "no memory or no descriptor for the addon");
        return NULL;
    }
    environment->env = env;
    environment->wake.data = environment;
    environment->handles = 1;
    uv_unref((uv_handle_t *)&environment->wake);
    pthread_mutex_init(&mailbox->mutex, NULL);
    STAILQ_INIT(&mailbox->done);
    mailbox->references = 1;
    mailbox->wake = &environment->wake;
    environment->mailbox = mailbox;
    napi_set_instance_data(env, environment, NULL, NULL);
    napi_add_async_cleanup_hook(env, end, environment, &environment->cleanup);
    return environment;
}

struct environment *environment_of(napi_env env) {
    void *data = NULL;
    napi_get_instance_data(env, &data);
    return data;
}

void environment_keep_lease(struct environment *environment, refreshclient_lease_t lease) {
    struct held_lease *held = malloc(sizeof *held);
    /* Without memory the lease is not given up at the environment's end, but passed at its own. */
    if (held == NULL) return;
    held->lease = lease;
    LIST_INSERT_HEAD(&environment->leases, held, entry);
}

void environment_drop_lease(struct environment *environment, refreshclient_lease_t lease) {
    struct held_lease *held;
    LIST_FOREACH(held, &environment->leases, entry) {
        if (held->lease != lease) continue;
        LIST_REMOVE(held, entry);
        free(held);
        return;
    }
}

void mailbox_release(struct mailbox *mailbox) {
    pthread_mutex_lock(&mailbox->mutex);
    unsigned left = --mailbox->references;
    pthread_mutex_unlock(&mailbox->mutex);
    if (left > 0) return;
    pthread_mutex_destroy(&mailbox->mutex);
    free(mailbox);
}
