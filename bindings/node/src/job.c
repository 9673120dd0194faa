#include "job.h"

#include <signal.h>
#include <stdlib.h>

#include "outcome.h"

struct job *job_make(napi_env env, enum job_kind kind) {
    struct job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        napi_throw_error(env, "RESOURCES_EXHAUSTED", "no memory");
        return NULL;
    }
    job->kind = kind;
    job->request = (refreshclient_request)REFRESHCLIENT_REQUEST_INIT;
    job->answer = (refreshclient_answer)REFRESHCLIENT_ANSWER_INIT;
    job->outcome = (refreshclient_outcome)REFRESHCLIENT_OUTCOME_INIT;
    return job;
}

void job_free(struct job *job) {
    library.outcome_free(&job->outcome);
    texts_free(&job->texts);
    free(job);
}

static void perform(struct job *job) {
    switch (job->kind) {
    case JOB_FINISH:
        job->code = library.finish(job->lease, &job->answer, &job->outcome);
        break;
    case JOB_FAIL:
        job->code = library.fail(job->lease, job->is_terminal, job->reason, job->message, &job->outcome);
        break;
    case JOB_ABANDON:
        job->code = library.abandon(job->lease);
        break;
    case JOB_RENEW:
        job->code = library.renew(job->lease, job->lease_ms, &job->outcome.error);
        break;
    case JOB_REFRESH:
        /* The library's own upstream takes a lease of its own. */
        if (job->lease != 0) library.abandon(job->lease);
        job->code = library.refresh_workos(job->client, &job->request, &job->outcome);
        break;
    }
}

/* Whether the lease is gone once the job is done. */
static bool ends_lease(const struct job *job) {
    return job->kind == JOB_ABANDON
        || ((job->kind == JOB_FINISH || job->kind == JOB_FAIL) && job->code != REFRESHCLIENT_RETRY
            && job->code != REFRESHCLIENT_INVALID_ARGUMENT);
}

/* On the event loop. Where JavaScript cannot be reached any more, nobody waits for the promise. */
static void settle(struct environment *environment, struct job *job) {
    napi_env env = environment->env;
    napi_handle_scope scope;
    napi_open_handle_scope(env, &scope);
    if (ends_lease(job)) environment_drop_lease(environment, job->lease);
    napi_value outcome = outcome_to_js(environment, job->code, &job->outcome);
    if (outcome != NULL) napi_resolve_deferred(env, job->deferred, outcome);
    napi_close_handle_scope(env, scope);
}

static void pool_execute(napi_env env, void *data) {
    (void)env;
    perform(data);
}

static void pool_complete(napi_env env, napi_status status, void *data) {
    struct job *job = data;
    if (status == napi_ok) settle(job->environment, job);
    napi_delete_async_work(env, job->work);
    job_free(job);
}

static napi_value refuse(napi_env env, struct job *job, const char *message) {
    job_free(job);
    napi_throw_error(env, "RESOURCES_EXHAUSTED", message);
    return NULL;
}

napi_value job_run_in_pool(struct environment *environment, struct job *job) {
    napi_env env = environment->env;
    napi_value promise, name;
    job->environment = environment;
    if (napi_create_promise(env, &job->deferred, &promise) != napi_ok
        || napi_create_string_utf8(env, "refreshclient", NAPI_AUTO_LENGTH, &name) != napi_ok
        || napi_create_async_work(env, NULL, name, pool_execute, pool_complete, job, &job->work) != napi_ok)
        return refuse(env, job, "no work in the pool");
    if (napi_queue_async_work(env, job->work) != napi_ok) {
        napi_delete_async_work(env, job->work);
        return refuse(env, job, "no work in the pool");
    }
    return promise;
}

static void *thread_main(void *data) {
    struct job *job = data;
    struct mailbox *mailbox = job->mailbox;
    perform(job);
    pthread_mutex_lock(&mailbox->mutex);
    if (mailbox->wake != NULL) {
        STAILQ_INSERT_TAIL(&mailbox->done, job, entry);
        uv_async_send(mailbox->wake);
        job = NULL;
    }
    pthread_mutex_unlock(&mailbox->mutex);
    if (job != NULL) job_free(job);
    mailbox_release(mailbox);
    return NULL;
}

static int start_thread(struct job *job) {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return -1;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    /* The program's signals are the main thread's. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    int result = pthread_create(&thread, &attributes, thread_main, job);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return result;
}

napi_value job_run_on_thread(struct environment *environment, struct job *job) {
    napi_value promise;
    struct mailbox *mailbox = environment->mailbox;
    if (napi_create_promise(environment->env, &job->deferred, &promise) != napi_ok)
        return refuse(environment->env, job, "no promise");
    job->mailbox = mailbox;
    pthread_mutex_lock(&mailbox->mutex);
    mailbox->references++;
    pthread_mutex_unlock(&mailbox->mutex);
    if (start_thread(job) != 0) {
        mailbox_release(mailbox);
        return refuse(environment->env, job, "no thread");
    }
    if (environment->threads++ == 0) uv_ref((uv_handle_t *)&environment->wake);
    return promise;
}

/* Resolves the promises of the jobs that are done. Their reactions run in the same turn of the loop, when Node comes to
 * its immediates. */
void job_collect(uv_async_t *wake) {
    struct environment *environment = wake->data;
    struct mailbox *mailbox = environment->mailbox;
    for (;;) {
        pthread_mutex_lock(&mailbox->mutex);
        struct job *job = STAILQ_FIRST(&mailbox->done);
        if (job != NULL) STAILQ_REMOVE_HEAD(&mailbox->done, entry);
        pthread_mutex_unlock(&mailbox->mutex);
        if (job == NULL) return;
        if (--environment->threads == 0) uv_unref((uv_handle_t *)&environment->wake);
        settle(environment, job);
        job_free(job);
    }
}
