/* What may block, off the event loop: work on the table in libuv's pool, upstream calls on threads of their own. */
#ifndef JOB_H
#define JOB_H

#include "arguments.h"

enum job_kind { JOB_FINISH, JOB_FAIL, JOB_ABANDON, JOB_RENEW, JOB_REFRESH };

struct job {
    STAILQ_ENTRY(job) entry;
    enum job_kind kind;
    struct texts texts;
    refreshclient_t client;
    refreshclient_lease_t lease;
    refreshclient_request request;
    refreshclient_answer answer;
    int32_t is_terminal;
    const char *reason;
    const char *message;
    int64_t lease_ms;
    int32_t code;
    refreshclient_outcome outcome;
    struct environment *environment;
    struct mailbox *mailbox;
    napi_deferred deferred;
    napi_async_work work;
};

/* A job of that kind, with the library's initial values. NULL: an exception is pending. */
struct job *job_make(napi_env env, enum job_kind kind);
void job_free(struct job *job);

/* Runs the job and returns a promise of its outcome; takes the job. The pool has four threads unless
 * UV_THREADPOOL_SIZE says otherwise, shared with DNS and files: only for what ends soon. */
napi_value job_run_in_pool(struct environment *environment, struct job *job);
/* The same on a thread of its own, for what may take seconds. */
napi_value job_run_on_thread(struct environment *environment, struct job *job);

/* Resolves the promises of the jobs that threads have done. */
void job_collect(uv_async_t *wake);

#endif
