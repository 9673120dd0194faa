/* What belongs to one of Node's environments: the main thread has one, and every worker thread has its own. */
#ifndef ENVIRONMENT_H
#define ENVIRONMENT_H

#include <node_api.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <uv.h>

#include "library.h"

/* A wait is found by its number; the lists stay short with a thousand waits. */
enum { WAIT_LISTS = 64 };

struct wait;
struct job;
LIST_HEAD(wait_list, wait);

/* A lease that JavaScript holds: given up when the environment ends. */
struct held_lease {
    LIST_ENTRY(held_lease) entry;
    refreshclient_lease_t lease;
};

/* An open client: closed when the environment ends. */
struct open_client {
    LIST_ENTRY(open_client) entry;
    refreshclient_t client;
};

/* Where threads leave what they have done. It outlives the environment, for a thread may be late. */
struct mailbox {
    pthread_mutex_t mutex;
    /* Guarded by the mutex: who may still come; what was left; whom to wake, NULL when the environment is gone. */
    unsigned references;
    STAILQ_HEAD(, job) done;
    uv_async_t *wake;
};

struct environment {
    napi_env env;
    uv_loop_t *loop;
    napi_async_cleanup_hook_handle cleanup;
    struct wait_list waits[WAIT_LISTS];
    LIST_HEAD(, held_lease) leases;
    LIST_HEAD(, open_client) clients;
    struct mailbox *mailbox;
    uv_async_t wake;
    /* Jobs on threads: the loop lives as long as there are any. */
    unsigned threads;
    /* uv handles that are not closed yet: the environment is freed after the last. */
    unsigned handles;
    bool is_ending;
};

/* Makes this environment's data, to be released by a hook when it ends. NULL: an exception is pending. */
struct environment *environment_make(napi_env env);

/* This environment's data. */
struct environment *environment_of(napi_env env);

/* To be called by the close callback of every uv handle that `handles` counts. */
void environment_handle_closed(struct environment *environment);

/* Notes a lease as held, and as held no more. */
void environment_keep_lease(struct environment *environment, refreshclient_lease_t lease);
void environment_drop_lease(struct environment *environment, refreshclient_lease_t lease);

/* Lets go of a mailbox; the last one frees it. */
void mailbox_release(struct mailbox *mailbox);

#endif
