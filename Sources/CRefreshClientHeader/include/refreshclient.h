/*
 * refreshclient.h: refresh each single-use token once, however many worker processes hold it.
 *
 * Workers of one machine meet in a table in shared memory. For each token one of them gets the lease and calls the
 * upstream; all the others, in whatever language, get the same bytes. Nothing needs to run beside them.
 *
 *     refreshclient_options options = REFRESHCLIENT_OPTIONS_INIT;
 *     options.client_id = "client_123";
 *     options.api_key = getenv("WORKOS_API_KEY");
 *     refreshclient_t client;
 *     refreshclient_error error = REFRESHCLIENT_ERROR_INIT;
 *     if (refreshclient_open(&options, &client, &error) != REFRESHCLIENT_OK) die(error.message);
 *
 *     refreshclient_request request = REFRESHCLIENT_REQUEST_INIT;
 *     request.refresh_token = token;
 *     refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
 *     if (refreshclient_refresh_workos(client, &request, &outcome) == REFRESHCLIENT_OK)
 *         use(outcome.body, outcome.body_length);
 *     else if (!outcome.error.is_retryable)
 *         sign_out(outcome.error.reason);
 *     refreshclient_outcome_free(&outcome);
 *
 * examples/c-prefork is a whole server that does this.
 *
 * Rules that hold for every function:
 *
 * - Thread-safe. Usable before fork(2) and after it, in parent and children: a client opened in the master is good in
 *   every worker. Leases and waiters belong to the process that got them; in a child they are stale.
 * - Nothing is opened, and no thread is started, before the first refresh of a process.
 * - Texts are UTF-8 and end with NUL. A text or a handle that is not what it should be is an error with a message,
 *   never undefined behaviour; a pointer must be NULL or point to what its type says.
 * - Structures begin with their size, which the INIT macros set: newer libraries may know more fields than the
 *   program does.
 * - No token is ever logged or put into a message.
 * - No function returns later than its deadline plus 50 ms; time inside the program's own callback is the program's, and
 *   so is the pause, of 10 s at the most, between two calls of it.
 */
#ifndef REFRESHCLIENT_H
#define REFRESHCLIENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__clang__)
#define REFRESHCLIENT_NONNULL _Nonnull
#define REFRESHCLIENT_NULLABLE _Nullable
#else
#define REFRESHCLIENT_NONNULL
#define REFRESHCLIENT_NULLABLE
#endif

/* What functions return. 0 and above: what happened; below 0: an error, described in the `error` they filled in. */
enum {
    /* Done. After a refresh: `body` is the upstream's answer. */
    REFRESHCLIENT_OK = 0,
    /* This caller holds the lease: it calls the upstream once and then calls refreshclient_finish with the answer. */
    REFRESHCLIENT_HOLDER = 1,
    /* Somebody else holds it: watch `descriptor` for reading, `wait_ms` at the most, then refreshclient_resume. */
    REFRESHCLIENT_WAIT = 2,
    /* The upstream asked to wait: the lease is kept; after `wait_ms`, which refreshclient_may_send waits out, call the
     * upstream again, and finish again. */
    REFRESHCLIENT_RETRY = 3,

    /* The upstream ended the session: the user signs in again. */
    REFRESHCLIENT_SESSION_ENDED = -1,
    /* The upstream could not be reached or could not answer: the token is likely still good. */
    REFRESHCLIENT_UPSTREAM_FAILED = -2,
    /* The caller's time was up. A call that was sent goes on, and the next caller finds its result. */
    REFRESHCLIENT_DEADLINE_EXCEEDED = -3,
    /* The table failed, and the options say not to refresh without it. */
    REFRESHCLIENT_COORDINATION_FAILED = -4,
    /* The table's directory cannot be used: the operator's to mend; the message says how. */
    REFRESHCLIENT_DIRECTORY_UNUSABLE = -5,
    /* An argument is not what it should be; the message says which, and what it must be. */
    REFRESHCLIENT_INVALID_ARGUMENT = -6,
    /* The handle is none of this process's: closed, finished, another process's, or invented. */
    REFRESHCLIENT_STALE_HANDLE = -7,
    /* The lease is somebody else's by now, and has no outcome yet: do not call the upstream. */
    REFRESHCLIENT_LEASE_LOST = -8,
    /* No memory, no thread, or no descriptor to be had. */
    REFRESHCLIENT_RESOURCES_EXHAUSTED = -9,
    /* The callback returned something other than 0. */
    REFRESHCLIENT_CALLBACK_FAILED = -10
};

/* A number for "not said": the default holds. */
#define REFRESHCLIENT_DEFAULT (-1)

/* A client: a set of options under a number. Never 0. */
typedef uint64_t refreshclient_t;
/* A lease that this process holds. Never 0. */
typedef uint64_t refreshclient_lease_t;
/* A wait of this process on another one's lease. Never 0. */
typedef uint64_t refreshclient_waiter_t;

/* Why a call failed. */
typedef struct refreshclient_error {
    size_t size;
    /* One of the codes above; REFRESHCLIENT_OK where there is no error. */
    int32_t code;
    /* Whether a later try with the same token may succeed; where not, the session is over. */
    int32_t is_retryable;
    /* HTTP status of the upstream's answer; 0 where there was none. */
    int32_t http_status;
    /* Whether the token may have been rotated although no answer came. */
    int32_t may_have_rotated;
    /* Milliseconds that the upstream asked to wait; -1 where it did not say. */
    int64_t retry_after_ms;
    /* Why, in WorkOS's words: "invalid_grant", "rate_limit_exceeded", "timeout", … */
    char reason[64];
    /* X-Request-ID of the answer; empty where there was none. */
    char request_id[256];
    /* A sentence for the log. Never a token. */
    char message[512];
} refreshclient_error;

#define REFRESHCLIENT_ERROR_INIT { sizeof(refreshclient_error), 0, 0, 0, 0, -1, { 0 }, { 0 }, { 0 } }

/* What a refresh came to. Reuse it only after refreshclient_outcome_free. */
typedef struct refreshclient_outcome {
    size_t size;
    /* After REFRESHCLIENT_OK: the upstream's 200, verbatim, the same bytes for every caller, and a NUL beyond the end.
     * After an error that the upstream answered: the body of that answer. Otherwise NULL. The library's, until
     * refreshclient_outcome_free, which wipes it. */
    const uint8_t *REFRESHCLIENT_NULLABLE body;
    size_t body_length;
    /* X-Request-ID of a success; empty where there was none. */
    char request_id[256];
    /* After REFRESHCLIENT_HOLDER (and _RETRY): the lease. Otherwise 0. */
    refreshclient_lease_t lease;
    /* After REFRESHCLIENT_WAIT: the waiter, to be given to refreshclient_resume or refreshclient_cancel. Otherwise 0. */
    refreshclient_waiter_t waiter;
    /* After REFRESHCLIENT_WAIT: becomes readable when it is time to resume; -1 where only the time tells. Only to be
     * polled: not to be read, closed or kept beyond the next call for this waiter. */
    int32_t descriptor;
    /* After REFRESHCLIENT_WAIT: resume after this time at the latest. After REFRESHCLIENT_RETRY: the pause. */
    int32_t wait_ms;
    /* After a negative code: why. */
    refreshclient_error error;
} refreshclient_outcome;

#define REFRESHCLIENT_OUTCOME_INIT \
    { sizeof(refreshclient_outcome), NULL, 0, { 0 }, 0, 0, -1, 0, REFRESHCLIENT_ERROR_INIT }

/* Frees and wipes what the outcome holds, and makes it as new. NULL and an outcome freed before are no error. Does not
 * touch the lease or the waiter. */
void refreshclient_outcome_free(refreshclient_outcome *REFRESHCLIENT_NULLABLE outcome);

/* What a client is made with. NULL and REFRESHCLIENT_DEFAULT stand for the default, which stands beside the field. */
typedef struct refreshclient_options {
    size_t size;
    /* Where the table lives. Default: REFRESHD_DIRECTORY, else /run/refreshd where it exists, else
     * $XDG_RUNTIME_DIR/refreshd, else /dev/shm/refreshd-UID. All workers must use the same one. */
    const char *REFRESHCLIENT_NULLABLE directory;
    /* The OAuth client identifier. Required: it is part of what makes two refreshes the same. */
    const char *REFRESHCLIENT_NULLABLE client_id;
    /* The API key, for refreshclient_refresh_workos. Default: none, a public client. */
    const char *REFRESHCLIENT_NULLABLE api_key;
    /* The WorkOS API. Default: https://api.workos.com. http only for loopback hosts. */
    const char *REFRESHCLIENT_NULLABLE base_url;
    /* The token endpoint of another provider, instead of base_url: part of what makes two refreshes the same.
     * refreshclient_refresh_workos is then an error. */
    const char *REFRESHCLIENT_NULLABLE token_endpoint;
    /* A file of PEM certificates for refreshclient_refresh_workos. Default: the system's. */
    const char *REFRESHCLIENT_NULLABLE ca_bundle;
    /* How long one upstream call of the library's may take, and for how long a holder must still have the lease when
     * it sends. Default 10,000 ms. */
    int64_t request_timeout_ms;
    /* How long a lease lasts unless it is renewed; longer than request_timeout_ms. Default 12,000 ms. */
    int64_t lease_ms;
    /* How long a result stays for callers that arrive late. Default 30,000 ms. */
    int64_t result_retention_ms;
    /* How long a terminal failure answers new callers. Default 5,000 ms. */
    int64_t terminal_failure_retention_ms;
    /* How long a call may take unless the request says otherwise. Default 30,000 ms. */
    int64_t deadline_ms;
    /* Size of the map for whoever makes the table, in bytes, a multiple of 4,096. Default 1 GiB. */
    int64_t map_size;
    /* 0: wait on named pipes (default). 1: poll. */
    int32_t polls;
    /* When the table fails before a claim: 0: refresh without it (default); 1: REFRESHCLIENT_COORDINATION_FAILED. */
    int32_t fails_without_table;
    /* What goes to standard error: 0 nothing, 1 errors, 2 warnings (default), 3 notices, 4 information. */
    int32_t log_level;
} refreshclient_options;

#define REFRESHCLIENT_OPTIONS_INIT \
    { sizeof(refreshclient_options), NULL, NULL, NULL, NULL, NULL, NULL, -1, -1, -1, -1, -1, -1, -1, -1, -1 }

/* What is to be refreshed. Two requests are the same when token, organization, scope, resource and audience are equal
 * (and the clients' endpoint and client_id). */
typedef struct refreshclient_request {
    size_t size;
    /* The single-use token, 1 to 16,383 bytes. Required. */
    const char *REFRESHCLIENT_NULLABLE refresh_token;
    /* The organization to switch to. Default: none, stay. */
    const char *REFRESHCLIENT_NULLABLE organization_id;
    /* For providers that take them. Default: none. */
    const char *REFRESHCLIENT_NULLABLE scope;
    const char *REFRESHCLIENT_NULLABLE resource;
    const char *REFRESHCLIENT_NULLABLE audience;
    /* Of the end user, for refreshclient_refresh_workos. Default: none. */
    const char *REFRESHCLIENT_NULLABLE ip_address;
    const char *REFRESHCLIENT_NULLABLE user_agent;
    const char *REFRESHCLIENT_NULLABLE device_id;
    /* How long this call may take. Default: the client's. */
    int64_t deadline_ms;
    /* How long the lease lasts if this caller becomes the holder: longer than the program's own call can take, its
     * retries included (the official SDKs wait up to 60 s and try 4 times). The holder may use it up but for the
     * margin of 2 s; see refreshclient_renew. Default: the client's. */
    int64_t lease_ms;
} refreshclient_request;

#define REFRESHCLIENT_REQUEST_INIT \
    { sizeof(refreshclient_request), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, -1, -1 }

/* The version of the library, as "1.0.0". */
const char *REFRESHCLIENT_NONNULL refreshclient_version(void);

/* Makes a client, or finds the one with the same options: opening it on every request costs no more than a lookup.
 * Opens no file and looks at none but ca_bundle. Close it as often as it was opened.
 *
 * Errors: INVALID_ARGUMENT, RESOURCES_EXHAUSTED. */
int32_t refreshclient_open(const refreshclient_options *REFRESHCLIENT_NULLABLE options,
                           refreshclient_t *REFRESHCLIENT_NULLABLE client,
                           refreshclient_error *REFRESHCLIENT_NULLABLE error);

/* Gives a client back. Calls under way end as they would have; leases and waiters go on.
 *
 * Errors: STALE_HANDLE. */
int32_t refreshclient_close(refreshclient_t client);

/* Writes the directory that the client chose, with a NUL, into buffer; returns the length that it has without the NUL,
 * or would need, or an error (STALE_HANDLE, INVALID_ARGUMENT). */
int64_t refreshclient_directory(refreshclient_t client, char *REFRESHCLIENT_NULLABLE buffer, size_t buffer_size);

/* Refreshes through the library's own WorkOS upstream. Blocks until the deadline at the most; an upstream call that was
 * begun goes on beyond it, on a thread of the library, and publishes.
 *
 * Returns OK or an error. */
int32_t refreshclient_refresh_workos(refreshclient_t client,
                                     const refreshclient_request *REFRESHCLIENT_NULLABLE request,
                                     refreshclient_outcome *REFRESHCLIENT_NULLABLE outcome);

/* The answer to an upstream call that the program made. */
typedef struct refreshclient_answer {
    size_t size;
    /* The HTTP status; 0 where no answer came. */
    int32_t status;
    /* Where no answer came: 1 if time was up, 0 for every other failure of the network. */
    int32_t timed_out;
    /* Where no answer came: 1 if nothing can have been sent (the connection was refused), so that the token is
     * certainly still good. */
    int32_t not_sent;
    /* Whether a 429 keeps the lease and asks for one more try (REFRESHCLIENT_RETRY). 0 where the program's SDK has
     * tried again itself. */
    int32_t may_retry;
    /* The body, at most 65,536 bytes: of a 200 a JSON object with access_token. Read only during the call. */
    const uint8_t *REFRESHCLIENT_NULLABLE body;
    size_t body_length;
    /* X-Request-ID of the answer. Default: none. */
    const char *REFRESHCLIENT_NULLABLE request_id;
    /* Retry-After of the answer, as it came: seconds or an HTTP date. Default: none. */
    const char *REFRESHCLIENT_NULLABLE retry_after;
    /* Content-Type of the answer. Default: none. */
    const char *REFRESHCLIENT_NULLABLE content_type;
} refreshclient_answer;

#define REFRESHCLIENT_ANSWER_INIT { sizeof(refreshclient_answer), 0, 0, 0, 0, NULL, 0, NULL, NULL, NULL }

/* Makes one upstream call with refresh_token and organization_id of the request, and fills in answer, whose texts and
 * body must stay good until the callback is called again or refreshclient_refresh returns. Returns 0, or another number
 * where the call could not be made: the lease is then released, and the callers that waited get a transient error.
 *
 * Must return: leaving it by longjmp(3) or by an exception keeps the lease until its end. */
typedef int32_t (*refreshclient_perform)(void *REFRESHCLIENT_NULLABLE context,
                                         const refreshclient_request *REFRESHCLIENT_NONNULL request,
                                         refreshclient_answer *REFRESHCLIENT_NONNULL answer);

/* Refreshes with the program's own upstream call, which is made on this thread, if this caller becomes the holder;
 * after a 429 with may_retry, twice. Blocks until the deadline, and for the callback's time and the pause before a
 * second.
 *
 * Returns OK or an error. */
int32_t refreshclient_refresh(refreshclient_t client, const refreshclient_request *REFRESHCLIENT_NULLABLE request,
                              refreshclient_perform REFRESHCLIENT_NULLABLE perform,
                              void *REFRESHCLIENT_NULLABLE context,
                              refreshclient_outcome *REFRESHCLIENT_NULLABLE outcome);

/* Gets the result, or the lease: the same as refreshclient_refresh in two halves, for languages where callbacks are
 * awkward. Blocks until the deadline at the most.
 *
 * Returns OK (the result), HOLDER (call the upstream now, and finish) or an error. */
int32_t refreshclient_begin(refreshclient_t client, const refreshclient_request *REFRESHCLIENT_NULLABLE request,
                            refreshclient_outcome *REFRESHCLIENT_NULLABLE outcome);

/* As refreshclient_begin, for event loops: never waits for another caller. Takes 20 ms at the most.
 *
 * Returns OK, HOLDER, WAIT (watch the descriptor, then resume) or an error. */
int32_t refreshclient_begin_nonblocking(refreshclient_t client,
                                        const refreshclient_request *REFRESHCLIENT_NULLABLE request,
                                        refreshclient_outcome *REFRESHCLIENT_NULLABLE outcome);

/* Goes on where refreshclient_begin_nonblocking, or this, returned WAIT. The waiter is gone unless it returns WAIT
 * again; the outcome may be the same structure, freed.
 *
 * Returns OK, HOLDER, WAIT or an error, among them DEADLINE_EXCEEDED and STALE_HANDLE. */
int32_t refreshclient_resume(refreshclient_waiter_t waiter, refreshclient_outcome *REFRESHCLIENT_NULLABLE outcome);

/* Leaves a wait. Nobody else is held up.
 *
 * Errors: STALE_HANDLE. */
int32_t refreshclient_cancel(refreshclient_waiter_t waiter);

/* Asks just before sending whether the lease still holds, with at least call_timeout_ms left (REFRESHCLIENT_DEFAULT:
 * the client's request_timeout_ms); renews it where it has less. For holders that may have been stopped since begin.
 *
 * Waits for the end of a pause that the upstream has asked for. Returns OK (send), or LEASE_LOST (do not send: the lease
 * is gone; begin again to get the other's result), or an error. */
int32_t refreshclient_may_send(refreshclient_lease_t lease, int64_t call_timeout_ms,
                               refreshclient_error *REFRESHCLIENT_NULLABLE error);

/* Makes the lease last lease_ms from now, for calls that take longer than was thought.
 *
 * Errors: LEASE_LOST (the lease stays good for refreshclient_finish: a success counts all the same), STALE_HANDLE,
 * INVALID_ARGUMENT, DEADLINE_EXCEEDED. */
int32_t refreshclient_renew(refreshclient_lease_t lease, int64_t lease_ms,
                            refreshclient_error *REFRESHCLIENT_NULLABLE error);

/* Says how the call ended, and wakes everyone who waits. The lease is then gone, unless RETRY is returned, or
 * INVALID_ARGUMENT, which changes nothing.
 *
 * Returns OK and the body that all callers get: this answer's, or one that somebody has stored meanwhile; RETRY; or
 * the error that this answer stands for, which all callers get; LEASE_LOST where a failure comes too late to count, and
 * somebody else holds the lease, whose outcome is to come: begin again. A result that could not be stored is OK for this
 * caller all the same; a thread of the library goes on trying to store it. This and the other functions that take a
 * lease block for 1 s at the most, where a stopped process holds up the table. */
int32_t refreshclient_finish(refreshclient_lease_t lease, const refreshclient_answer *REFRESHCLIENT_NULLABLE answer,
                             refreshclient_outcome *REFRESHCLIENT_NULLABLE outcome);

/* Says that the call failed in a way that is no answer of the upstream's: all who wait get this error. Not kept for
 * newcomers unless it is terminal.
 *
 * is_terminal: whether the session is over. reason: a name of at most 63 bytes. message: a sentence for the log, cut
 * after 200 bytes; never a token.
 *
 * Returns CALLBACK_FAILED, with the outcome's error filled in; OK with the body where somebody has stored a success
 * meanwhile; or STALE_HANDLE or INVALID_ARGUMENT. */
int32_t refreshclient_fail(refreshclient_lease_t lease, int32_t is_terminal,
                           const char *REFRESHCLIENT_NULLABLE reason, const char *REFRESHCLIENT_NULLABLE message,
                           refreshclient_outcome *REFRESHCLIENT_NULLABLE outcome);

/* Gives the lease up where nothing was sent: one of those who wait becomes the holder at once.
 *
 * Errors: STALE_HANDLE. */
int32_t refreshclient_abandon(refreshclient_lease_t lease);

/* What happened in this process, through this client's directory, since it started or was forked. */
typedef struct refreshclient_counts {
    size_t size;
    /* Calls of the library's own upstream. */
    int64_t upstream_calls;
    /* Leases taken; and of these, from a holder that had died or run past its end. */
    int64_t claims;
    int64_t takeovers;
    /* Results found stored. */
    int64_t hits;
    /* Refreshes made without a lease, since the table failed. */
    int64_t refreshed_alone;
    /* Failures of the table. */
    int64_t coordination_failures;
} refreshclient_counts;

#define REFRESHCLIENT_COUNTS_INIT { sizeof(refreshclient_counts), 0, 0, 0, 0, 0, 0 }

/* Reads the counts. Errors: STALE_HANDLE, INVALID_ARGUMENT. */
int32_t refreshclient_get_counts(refreshclient_t client, refreshclient_counts *REFRESHCLIENT_NULLABLE counts);

#ifdef __cplusplus
}
#endif

#endif
