/* refreshclient_refresh: begin, the program's callback, finish. In C, so that nothing but C is below the callback. */
#include "refreshclient.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* The deadline that the client was opened with; 0 where it is not open. Not exported. */
int64_t refreshclient_default_deadline_ms(refreshclient_t client);

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The margin that a lease has beyond the program's call. */
enum { LEASE_MARGIN_MS = 2000 };

/* How long the program's call may take, by what it said of the lease. */
static int64_t call_timeout_ms(const refreshclient_request *request) {
    if (request->lease_ms < 0) return REFRESHCLIENT_DEFAULT;
    return request->lease_ms > LEASE_MARGIN_MS ? request->lease_ms - LEASE_MARGIN_MS : request->lease_ms / 2;
}

/* Lets the lease go where the program's answer cannot be used: the others get a transient error. The error that is in
 * the outcome already stays, unless somebody has stored a success meanwhile. */
static int32_t answer_unusable(refreshclient_lease_t lease, int32_t code, refreshclient_outcome *outcome) {
    refreshclient_outcome reported = REFRESHCLIENT_OUTCOME_INIT;
    int32_t end = refreshclient_fail(lease, 0, "invalid_answer", outcome->error.message, &reported);
    if (end == REFRESHCLIENT_OK) {
        size_t size = outcome->size;
        *outcome = reported;
        outcome->size = size;
        return end;
    }
    refreshclient_outcome_free(&reported);
    return code;
}

/* Calls the upstream, twice at the most, and says how it ended. */
static int32_t call(const refreshclient_request *request, refreshclient_perform perform, void *context,
                    refreshclient_outcome *outcome) {
    for (;;) {
        refreshclient_lease_t lease = outcome->lease;
        refreshclient_outcome_free(outcome);
        /* This process may have been stopped meanwhile, and the token be spent. Waits out the pause after a 429. */
        int32_t code = refreshclient_may_send(lease, call_timeout_ms(request), &outcome->error);
        if (code != REFRESHCLIENT_OK) {
            refreshclient_abandon(lease);
            return code;
        }
        refreshclient_answer answer = REFRESHCLIENT_ANSWER_INIT;
        int32_t failed = perform(context, request, &answer);
        if (failed != 0) {
            char message[64];
            snprintf(message, sizeof message, "the program's callback returned %d", (int)failed);
            return refreshclient_fail(lease, 0, "callback_failed", message, outcome);
        }
        code = refreshclient_finish(lease, &answer, outcome);
        if (code == REFRESHCLIENT_INVALID_ARGUMENT) return answer_unusable(lease, code, outcome);
        if (code != REFRESHCLIENT_RETRY) return code;
    }
}

int32_t refreshclient_refresh(refreshclient_t client, const refreshclient_request *request,
                              refreshclient_perform perform, void *context, refreshclient_outcome *outcome) {
    if (perform == NULL) {
        if (outcome == NULL || outcome->size < sizeof *outcome) return REFRESHCLIENT_INVALID_ARGUMENT;
        outcome->body = NULL;
        refreshclient_outcome_free(outcome);
        outcome->error.code = REFRESHCLIENT_INVALID_ARGUMENT;
        snprintf(outcome->error.reason, sizeof outcome->error.reason, "invalid_request");
        snprintf(outcome->error.message, sizeof outcome->error.message, "perform is NULL: pass what calls the upstream");
        return REFRESHCLIENT_INVALID_ARGUMENT;
    }
    int64_t left = 0;
    refreshclient_request again = REFRESHCLIENT_REQUEST_INIT;
    for (const refreshclient_request *next = request;; next = &again) {
        int64_t began = now_ms();
        int32_t code = refreshclient_begin(client, next, outcome);
        if (code != REFRESHCLIENT_HOLDER) return code;
        if (next == request) {
            memcpy(&again, request, sizeof again);
            again.size = sizeof again;
            left = request->deadline_ms < 0 ? refreshclient_default_deadline_ms(client) : request->deadline_ms;
        }
        left -= now_ms() - began;
        code = call(request, perform, context, outcome);
        if (code != REFRESHCLIENT_LEASE_LOST || left <= 0) return code;
        /* Somebody else has taken over: wait for their result. The program's own time does not count. */
        again.deadline_ms = left;
    }
}
