/* refreshclient_refresh with the program's own call: what the answers come to, and who makes the call. */
#define _GNU_SOURCE
#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static refreshclient_t client;

/* What the upstream answers, one after another. */
struct script {
    refreshclient_answer answers[4];
    int calls;
    int delay_ms;
};

static int32_t play(void *context, const refreshclient_request *request, refreshclient_answer *answer) {
    struct script *script = context;
    CHECK(request->refresh_token != NULL && answer->size == sizeof *answer);
    int call = __atomic_fetch_add(&script->calls, 1, __ATOMIC_SEQ_CST);
    CHECK(call < 4);
    if (script->delay_ms > 0) usleep((useconds_t)script->delay_ms * 1000);
    *answer = script->answers[call];
    return 0;
}

static const char good[] = "{\"access_token\":\"at\"}";

static void a_rate_limit_is_waited_for(void) {
    struct script script = {.answers = {answer_of(429, "{}"), answer_of(200, good)}};
    script.answers[0].may_retry = 1;
    script.answers[0].retry_after = "1";
    refreshclient_request request = request_for("rt 429");
    refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
    int64_t began = now_ms();
    CHECK(refreshclient_refresh(client, &request, play, &script, &outcome) == REFRESHCLIENT_OK);
    int64_t took = now_ms() - began;
    CHECK(script.calls == 2 && took >= 1000 && took < 3000 && body_is(&outcome, good));
    refreshclient_outcome_free(&outcome);

    /* Not where the program says that its SDK has done so already. */
    struct script once = {.answers = {answer_of(429, "{\"error\":\"slow down\"}")}};
    once.answers[0].retry_after = "7";
    once.answers[0].request_id = "req_429";
    request.refresh_token = "rt 429 once";
    CHECK(refreshclient_refresh(client, &request, play, &once, &outcome) == REFRESHCLIENT_UPSTREAM_FAILED);
    CHECK(once.calls == 1 && outcome.error.http_status == 429 && outcome.error.retry_after_ms == 7000);
    CHECK(outcome.error.is_retryable == 1 && strcmp(outcome.error.reason, "rate_limit_exceeded") == 0);
    CHECK(strcmp(outcome.error.request_id, "req_429") == 0 && body_is(&outcome, "{\"error\":\"slow down\"}"));
    refreshclient_outcome_free(&outcome);
}

/* Retry-After may be a date, and is a day at the most; what begins with a letter that is a number besides, neither. */
static void dates_are_read(void) {
    struct script script = {
        .answers = {answer_of(503, ""), answer_of(503, ""), answer_of(503, ""), answer_of(503, "")}};
    const char *texts[] = {
        "\xe2\x85\xa7", "Wed, 21 Oct 2099 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00 GMT", "soon"};
    const int64_t expected[] = {-1, 86400000, 0, -1};
    refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
    for (int round = 0; round < 4; round++) {
        char token[32];
        snprintf(token, sizeof token, "rt date %d", round);
        refreshclient_request request = request_for(token);
        script.answers[round].retry_after = texts[round];
        CHECK(refreshclient_refresh(client, &request, play, &script, &outcome) == REFRESHCLIENT_UPSTREAM_FAILED);
        CHECK(outcome.error.retry_after_ms == expected[round] && outcome.error.http_status == 503);
        refreshclient_outcome_free(&outcome);
    }
}

static void a_dead_session_is_told_to_all(void) {
    struct script script = {.answers = {answer_of(400, "{\"error\":\"invalid_grant\"}")}};
    refreshclient_request request = request_for("rt dead");
    refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
    for (int round = 0; round < 3; round++) {
        CHECK(refreshclient_refresh(client, &request, play, &script, &outcome) == REFRESHCLIENT_SESSION_ENDED);
        CHECK(outcome.error.is_retryable == 0 && outcome.error.http_status == 400);
        CHECK(strcmp(outcome.error.reason, "invalid_grant") == 0 && script.calls == 1);
        CHECK(body_is(&outcome, "{\"error\":\"invalid_grant\"}"));
        refreshclient_outcome_free(&outcome);
    }
}

static void no_answer_is_told_apart(void) {
    struct script script = {.answers = {REFRESHCLIENT_ANSWER_INIT, REFRESHCLIENT_ANSWER_INIT, answer_of(200, "[]")}};
    script.answers[0].timed_out = 1;
    script.answers[1].not_sent = 1;
    refreshclient_request request = request_for("rt silent");
    refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
    const char *reasons[] = {"timeout", "network_error", "server_error"};
    for (int round = 0; round < 3; round++) {
        CHECK(refreshclient_refresh(client, &request, play, &script, &outcome) == REFRESHCLIENT_UPSTREAM_FAILED);
        CHECK(strcmp(outcome.error.reason, reasons[round]) == 0);
        CHECK(outcome.error.may_have_rotated == (round != 1) && outcome.error.is_retryable == 1);
        refreshclient_outcome_free(&outcome);
    }
    CHECK(script.calls == 3);
}

static struct script shared;

static void *refresh_shared(void *token) {
    refreshclient_request request = request_for(token);
    refreshclient_outcome *outcome = calloc(1, sizeof *outcome);
    CHECK(outcome != NULL);
    *outcome = (refreshclient_outcome)REFRESHCLIENT_OUTCOME_INIT;
    CHECK(refreshclient_refresh(client, &request, play, &shared, outcome) == REFRESHCLIENT_OK);
    CHECK(body_is(outcome, good));
    refreshclient_outcome_free(outcome);
    free(outcome);
    return NULL;
}

static void threads_share_one_call(void) {
    enum { THREADS = 32 };
    pthread_t threads[THREADS];
    shared = (struct script){.answers = {answer_of(200, good)}, .delay_ms = 200};
    for (int index = 0; index < THREADS; index++)
        CHECK(pthread_create(&threads[index], NULL, refresh_shared, "rt shared") == 0);
    for (int index = 0; index < THREADS; index++) CHECK(pthread_join(threads[index], NULL) == 0);
    CHECK(shared.calls == 1);
}

static void *finish_once(void *opaque) {
    refreshclient_lease_t lease = *(refreshclient_lease_t *)opaque;
    refreshclient_answer answer = answer_of(200, good);
    refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
    int32_t code = refreshclient_finish(lease, &answer, &outcome);
    CHECK(code == REFRESHCLIENT_OK ? body_is(&outcome, good) : code == REFRESHCLIENT_STALE_HANDLE);
    refreshclient_outcome_free(&outcome);
    return code == REFRESHCLIENT_OK ? opaque : NULL;
}

static void one_of_many_threads_finishes(void) {
    enum { THREADS = 16, ROUNDS = 20 };
    for (int round = 0; round < ROUNDS; round++) {
        char token[32];
        snprintf(token, sizeof token, "rt finished %d", round);
        refreshclient_request request = request_for(token);
        refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
        CHECK(refreshclient_begin(client, &request, &outcome) == REFRESHCLIENT_HOLDER);
        refreshclient_lease_t lease = outcome.lease;
        refreshclient_outcome_free(&outcome);
        pthread_t threads[THREADS];
        int finished = 0;
        for (int index = 0; index < THREADS; index++)
            CHECK(pthread_create(&threads[index], NULL, finish_once, &lease) == 0);
        for (int index = 0; index < THREADS; index++) {
            void *result = NULL;
            CHECK(pthread_join(threads[index], &result) == 0);
            finished += result != NULL;
        }
        CHECK(finished == 1);
    }
}

/* Whose lease has run out while the call was under way, and has failed, gets what its successor made of it. */
static int32_t be_overtaken(void *context, const refreshclient_request *request, refreshclient_answer *answer) {
    pthread_t *successor = context;
    usleep(700000);
    shared = (struct script){.answers = {answer_of(200, good)}, .delay_ms = 500};
    CHECK(pthread_create(successor, NULL, refresh_shared, (void *)request->refresh_token) == 0);
    while (__atomic_load_n(&shared.calls, __ATOMIC_SEQ_CST) == 0) usleep(1000);
    *answer = answer_of(400, "{\"error\":\"invalid_grant\"}");
    return 0;
}

static void who_was_overtaken_gets_the_others_result(void) {
    pthread_t successor;
    refreshclient_request request = request_for("rt overtaken");
    request.lease_ms = 600;
    refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
    CHECK(refreshclient_refresh(client, &request, be_overtaken, &successor, &outcome) == REFRESHCLIENT_OK);
    CHECK(body_is(&outcome, good) && shared.calls == 1);
    refreshclient_outcome_free(&outcome);
    CHECK(pthread_join(successor, NULL) == 0);
}

/* Answers 429 the first time, and says so. */
static int32_t be_told_to_wait(void *context, const refreshclient_request *request, refreshclient_answer *answer) {
    (void)request;
    CHECK(write(*(int *)context, "c", 1) == 1);
    *answer = answer_of(429, "{}");
    answer->may_retry = 1;
    return 0;
}

/* Waits until the process is asleep in this system call, and stops it there. */
static void stop_in(pid_t process, long system_call) {
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/%d/syscall", (int)process);
    for (int64_t end = now_ms() + 10000;; usleep(1000)) {
        CHECK(now_ms() < end);
        int file = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
        close(file);
        text[length > 0 ? length : 0] = '\0';
        if (atol(text) == system_call && text[0] != 'r') break;
    }
    CHECK(kill(process, SIGSTOP) == 0 && waitpid(process, NULL, WUNTRACED) == process);
}

/*
 * the other process                     this one
 * answers 429, pauses, and is stopped
 *                                       waits until the lease ends, takes over, publishes
 * goes on: must not send its token
 */
static void who_was_stopped_before_sending_does_not_send(void) {
    refreshclient_options options = options_here();
    /* The lease is renewed through the pause of 1 s, for a call of 500 ms and the margin of 2 s. */
    options.request_timeout_ms = 500;
    options.lease_ms = 1000;
    refreshclient_t hasty = 0;
    CHECK(refreshclient_open(&options, &hasty, NULL) == REFRESHCLIENT_OK);
    refreshclient_request request = request_for("rt stopped");
    refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
    int calls[2];
    char call;
    CHECK(pipe2(calls, O_CLOEXEC) == 0);
    pid_t other = fork();
    if (other == 0) {
        alarm(30);
        int32_t code = refreshclient_refresh(hasty, &request, be_told_to_wait, &calls[1], &outcome);
        _exit(code == REFRESHCLIENT_OK && body_is(&outcome, good) ? 0 : 1);
    }
    close(calls[1]);
    CHECK(other > 0 && read(calls[0], &call, 1) == 1);
    stop_in(other, SYS_ppoll);
    struct script successor = {.answers = {answer_of(200, good)}};
    CHECK(refreshclient_refresh(hasty, &request, play, &successor, &outcome) == REFRESHCLIENT_OK && successor.calls == 1);
    refreshclient_outcome_free(&outcome);
    CHECK(kill(other, SIGCONT) == 0);
    int status = 0;
    CHECK(waitpid(other, &status, 0) == other);
    CHECK(read(calls[0], &call, 1) == 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(calls[0]);
    CHECK(refreshclient_close(hasty) == REFRESHCLIENT_OK);
}

/* The library's own upstream, where nobody listens. */
static void its_own_upstream_is_told_apart(void) {
    refreshclient_request request = request_for("rt unreachable");
    refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
    CHECK(refreshclient_refresh_workos(client, &request, &outcome) == REFRESHCLIENT_UPSTREAM_FAILED);
    CHECK(outcome.error.is_retryable == 1 && outcome.error.may_have_rotated == 0);
    CHECK(strcmp(outcome.error.reason, "network_error") == 0);
    refreshclient_outcome_free(&outcome);
    refreshclient_counts counts = REFRESHCLIENT_COUNTS_INIT;
    CHECK(refreshclient_get_counts(client, &counts) == REFRESHCLIENT_OK);
    CHECK(counts.upstream_calls == 1 && counts.claims > 5 && counts.takeovers == 2 && counts.hits > 0);
}

int main(void) {
    client = client_here();
    a_rate_limit_is_waited_for();
    dates_are_read();
    a_dead_session_is_told_to_all();
    no_answer_is_told_apart();
    threads_share_one_call();
    one_of_many_threads_finishes();
    who_was_overtaken_gets_the_others_result();
    who_was_stopped_before_sending_does_not_send();
    its_own_upstream_is_told_apart();
    CHECK(refreshclient_close(client) == REFRESHCLIENT_OK);
    return 0;
}
