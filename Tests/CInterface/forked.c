/* A master that loads and uses the library, also from threads that are in it when it forks, and workers that go on. */
#define _GNU_SOURCE
#include "check.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS = 8, ROUNDS = 25, THREADS = 3 };

static refreshclient_t client;
static int *calls;
static int is_over;

static int32_t call(void *context, const refreshclient_request *request, refreshclient_answer *answer) {
    static char body[128];
    (void)context;
    __atomic_fetch_add(calls, 1, __ATOMIC_SEQ_CST);
    usleep(20000);
    char token[64];
    snprintf(token, sizeof token, "at for %s by %d", request->refresh_token, (int)getpid());
    *answer = success_with(token, body, sizeof body);
    return 0;
}

/* Opens and closes a client that nobody else has. */
static void open_another(const void *whose) {
    char name[64];
    snprintf(name, sizeof name, "client_%p", whose);
    refreshclient_options options = options_here();
    options.client_id = name;
    refreshclient_t another = 0;
    CHECK(refreshclient_open(&options, &another, NULL) == REFRESHCLIENT_OK);
    CHECK(refreshclient_close(another) == REFRESHCLIENT_OK);
}

/* Keeps the library's locks and the table busy while the master forks. */
static void *be_busy(void *argument) {
    unsigned number = 0;
    while (!__atomic_load_n(&is_over, __ATOMIC_SEQ_CST)) {
        char token[64], body[64];
        snprintf(token, sizeof token, "busy %p %u", argument, number++);
        refreshclient_request request = request_for(token);
        refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
        open_another(argument);
        CHECK(refreshclient_begin(client, &request, &outcome) == REFRESHCLIENT_HOLDER);
        refreshclient_lease_t lease = outcome.lease;
        refreshclient_outcome_free(&outcome);
        refreshclient_answer answer = success_with("at", body, sizeof body);
        CHECK(refreshclient_finish(lease, &answer, &outcome) == REFRESHCLIENT_OK);
        refreshclient_outcome_free(&outcome);
    }
    return NULL;
}

static uint64_t hash(const uint8_t *bytes, size_t length) {
    uint64_t value = 14695981039346656037u;
    while (length-- > 0) value = (value ^ *bytes++) * 1099511628211u;
    return value;
}

static void work(const char *token, uint64_t *got) {
    open_another(got);
    refreshclient_request request = request_for(token);
    refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
    if (refreshclient_refresh(client, &request, call, NULL, &outcome) != REFRESHCLIENT_OK) {
        fprintf(stderr, "%s\n", outcome.error.message);
        _exit(1);
    }
    *got = hash(outcome.body, outcome.body_length);
    refreshclient_outcome_free(&outcome);
    _exit(0);
}

int main(void) {
    client = client_here();
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    calls = memory;
    uint64_t *got = (uint64_t *)memory + 1;

    refreshclient_request request = request_for("rt of the master");
    refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
    CHECK(refreshclient_refresh(client, &request, call, NULL, &outcome) == REFRESHCLIENT_OK);
    refreshclient_outcome_free(&outcome);
    /* The library's own upstream as well: it loads libcurl, and starts a thread. */
    request.refresh_token = "rt of nobody";
    CHECK(refreshclient_refresh_workos(client, &request, &outcome) == REFRESHCLIENT_UPSTREAM_FAILED);
    refreshclient_outcome_free(&outcome);

    pthread_t threads[THREADS];
    for (int index = 0; index < THREADS; index++)
        CHECK(pthread_create(&threads[index], NULL, be_busy, (char *)memory + index) == 0);
    for (int round = 0; round < ROUNDS; round++) {
        char token[32];
        snprintf(token, sizeof token, "rt %d", round);
        *calls = 0;
        pid_t workers[WORKERS];
        for (int index = 0; index < WORKERS; index++) {
            workers[index] = fork();
            if (workers[index] == 0) {
                alarm(20);
                work(token, &got[index]);
            }
        }
        for (int index = 0; index < WORKERS; index++) {
            int status = 0;
            CHECK(waitpid(workers[index], &status, 0) == workers[index]);
            CHECK(status == 0);
            CHECK(got[index] == got[0]);
        }
        CHECK(*calls == 1);
    }
    __atomic_store_n(&is_over, 1, __ATOMIC_SEQ_CST);
    for (int index = 0; index < THREADS; index++) CHECK(pthread_join(threads[index], NULL) == 0);
    printf("%d rounds of %d workers, forked while %d threads were at it: one call each\n", ROUNDS, WORKERS, THREADS);
    return 0;
}
