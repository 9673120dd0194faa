/* One thread, many waiters: on the lease of another process, with poll(2) alone. */
#define _GNU_SOURCE
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAITERS = 64 };

static struct {
    refreshclient_waiter_t waiter;
    int32_t descriptor;
    int64_t due;
    int is_over;
    int32_t code;
    refreshclient_outcome outcome;
} waiters[WAITERS];

static int waiting, results, holders;

static void note(int index, int32_t code) {
    refreshclient_outcome *outcome = &waiters[index].outcome;
    waiters[index].code = code;
    waiters[index].is_over = code != REFRESHCLIENT_WAIT;
    waiters[index].waiter = outcome->waiter;
    waiters[index].descriptor = outcome->descriptor;
    waiters[index].due = now_ms() + outcome->wait_ms;
    waiting += code == REFRESHCLIENT_WAIT;
    results += code == REFRESHCLIENT_OK;
    holders += code == REFRESHCLIENT_HOLDER;
}

static void begin_all(refreshclient_t client, const refreshclient_request *request) {
    waiting = results = holders = 0;
    for (int index = 0; index < WAITERS; index++) {
        waiters[index].outcome = (refreshclient_outcome)REFRESHCLIENT_OUTCOME_INIT;
        int64_t began = now_ms();
        note(index, refreshclient_begin_nonblocking(client, request, &waiters[index].outcome));
        CHECK(now_ms() - began <= 50);
    }
}

/* One round of the loop: polls, and resumes whoever it is time for. */
static void turn(void) {
    struct pollfd entries[WAITERS];
    int64_t nearest = INT64_MAX;
    for (int index = 0; index < WAITERS; index++) {
        int is_watched = !waiters[index].is_over && waiters[index].descriptor >= 0;
        entries[index] = (struct pollfd){.fd = is_watched ? waiters[index].descriptor : -1, .events = POLLIN};
        if (!waiters[index].is_over && waiters[index].due < nearest) nearest = waiters[index].due;
    }
    int64_t left = nearest - now_ms();
    CHECK(poll(entries, WAITERS, left < 0 ? 0 : (int)left) >= 0);
    int64_t now = now_ms();
    for (int index = 0; index < WAITERS; index++) {
        if (waiters[index].is_over || (entries[index].revents == 0 && waiters[index].due > now)) continue;
        refreshclient_outcome_free(&waiters[index].outcome);
        waiting--;
        note(index, refreshclient_resume(waiters[index].waiter, &waiters[index].outcome));
        CHECK(now_ms() - now <= 50 * WAITERS);
    }
}

/* A process that holds the lease, and does with it what it is told: 'p' publishes, EOF dies. */
static pid_t start_holder(refreshclient_t client, const refreshclient_request *request, int *orders) {
    int pipe_in[2], ready[2];
    CHECK(pipe2(pipe_in, O_CLOEXEC) == 0 && pipe2(ready, O_CLOEXEC) == 0);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(pipe_in[1]);
        refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
        char order = 'h', body[64];
        if (refreshclient_begin(client, request, &outcome) != REFRESHCLIENT_HOLDER) _exit(1);
        refreshclient_lease_t lease = outcome.lease;
        if (write(ready[1], &order, 1) != 1 || read(pipe_in[0], &order, 1) != 1) _exit(2);
        if (order == 'a') _exit(refreshclient_abandon(lease) == REFRESHCLIENT_OK ? 0 : 3);
        refreshclient_answer answer = success_with("at_other", body, sizeof body);
        _exit(refreshclient_finish(lease, &answer, &outcome) == REFRESHCLIENT_OK ? 0 : 4);
    }
    char order;
    close(pipe_in[0]), close(ready[1]);
    CHECK(child > 0 && read(ready[0], &order, 1) == 1);
    close(ready[0]);
    *orders = pipe_in[1];
    return child;
}

static void end_holder(pid_t holder, int orders) {
    close(orders);
    CHECK(waitpid(holder, NULL, 0) == holder);
}

static void the_others_result_comes_to_all(refreshclient_t client) {
    refreshclient_request request = request_for("rt published");
    int orders;
    pid_t holder = start_holder(client, &request, &orders);
    begin_all(client, &request);
    CHECK(waiting == WAITERS);
    for (int index = 0; index < WAITERS; index++) CHECK(waiters[index].descriptor >= 0);
    /* Nothing has happened: who is resumed all the same waits on. */
    refreshclient_outcome_free(&waiters[5].outcome);
    CHECK(refreshclient_resume(waiters[5].waiter, &waiters[5].outcome) == REFRESHCLIENT_WAIT);
    waiters[5].descriptor = waiters[5].outcome.descriptor;
    /* Two leave. */
    for (int index = 0; index < 2; index++) {
        CHECK(refreshclient_cancel(waiters[index].waiter) == REFRESHCLIENT_OK);
        CHECK(refreshclient_resume(waiters[index].waiter, &waiters[index].outcome) == REFRESHCLIENT_STALE_HANDLE);
        waiters[index].is_over = 1;
        waiting--;
    }
    int64_t began = now_ms();
    CHECK(write(orders, "p", 1) == 1);
    int turns = 0;
    for (; waiting > 0; turns++) turn();
    printf("%d waiters had the result after %d ms and %d turns\n", results, (int)(now_ms() - began), turns);
    CHECK(results == WAITERS - 2 && holders == 0 && turns <= 16);
    for (int index = 2; index < WAITERS; index++) {
        CHECK(body_is(&waiters[index].outcome, "{\"access_token\":\"at_other\"}"));
        refreshclient_outcome_free(&waiters[index].outcome);
    }
    end_holder(holder, orders);
}

static void one_takes_over(refreshclient_t client, const char *token, int is_killed) {
    refreshclient_request request = request_for(token);
    int orders;
    pid_t holder = start_holder(client, &request, &orders);
    begin_all(client, &request);
    CHECK(waiting == WAITERS);
    int64_t began = now_ms();
    if (is_killed) CHECK(kill(holder, SIGKILL) == 0);
    else CHECK(write(orders, "a", 1) == 1);
    while (holders == 0) turn();
    int64_t took = now_ms() - began;
    /* The others join the one. */
    for (int quiet = 0; quiet < 3; quiet++) {
        struct timespec moment = {.tv_nsec = 20 * 1000000};
        nanosleep(&moment, NULL);
        for (int index = 0; index < WAITERS; index++) {
            if (waiters[index].is_over) continue;
            refreshclient_outcome_free(&waiters[index].outcome);
            waiting--;
            note(index, refreshclient_resume(waiters[index].waiter, &waiters[index].outcome));
        }
    }
    CHECK(holders == 1 && waiting == WAITERS - 1 && results == 0);
    char body[64];
    refreshclient_answer answer = success_with("at_own", body, sizeof body);
    for (int index = 0; index < WAITERS; index++) {
        if (waiters[index].code != REFRESHCLIENT_HOLDER) continue;
        refreshclient_lease_t lease = waiters[index].outcome.lease;
        refreshclient_outcome_free(&waiters[index].outcome);
        CHECK(refreshclient_finish(lease, &answer, &waiters[index].outcome) == REFRESHCLIENT_OK);
    }
    while (waiting > 0) turn();
    CHECK(holders == 1 && results == WAITERS - 1);
    for (int index = 0; index < WAITERS; index++) {
        CHECK(body_is(&waiters[index].outcome, body));
        refreshclient_outcome_free(&waiters[index].outcome);
    }
    printf("the holder %s: one of %d took over after %d ms\n", is_killed ? "was killed" : "gave up", WAITERS, (int)took);
    CHECK(took < 2000);
    end_holder(holder, orders);
}

static void deadlines_hold(refreshclient_t client) {
    refreshclient_request request = request_for("rt late");
    int orders;
    pid_t holder = start_holder(client, &request, &orders);
    request.deadline_ms = 200;
    int64_t began = now_ms();
    begin_all(client, &request);
    while (waiting > 0) turn();
    int64_t took = now_ms() - began;
    printf("%d waiters were told at their deadline of 200 ms, after %d ms\n", WAITERS, (int)took);
    CHECK(took >= 200 && took < 400 && results == 0 && holders == 0);
    for (int index = 0; index < WAITERS; index++) {
        CHECK(waiters[index].code == REFRESHCLIENT_DEADLINE_EXCEEDED);
        CHECK(waiters[index].outcome.error.is_retryable == 1);
        refreshclient_outcome_free(&waiters[index].outcome);
    }
    end_holder(holder, orders);
}

/* Polls where pipes are not wanted. */
static void polling_does_as_well(void) {
    refreshclient_options options = options_here();
    options.polls = 1;
    refreshclient_t client = 0;
    CHECK(refreshclient_open(&options, &client, NULL) == REFRESHCLIENT_OK);
    one_takes_over(client, "rt polled", 1);
    refreshclient_close(client);
}

int main(void) {
    refreshclient_t client = client_here();
    the_others_result_comes_to_all(client);
    one_takes_over(client, "rt killed", 1);
    one_takes_over(client, "rt abandoned", 0);
    deadlines_hold(client);
    polling_does_as_well();
    refreshclient_close(client);
    return 0;
}
