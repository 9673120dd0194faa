/* 10,000 openings and 100,000 calls leave no descriptor and no memory behind. */
#define _GNU_SOURCE
#include "check.h"

#include <dirent.h>

/* Of this process's own memory: what of the table's file is mapped in comes and goes. */
static long resident_kib(void) {
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long kib = -1;
    CHECK(file != NULL);
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "RssAnon: %ld", &kib) == 1) break;
    fclose(file);
    CHECK(kib > 0);
    return kib;
}

static int descriptors(void) {
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    CHECK(directory != NULL);
    while (readdir(directory) != NULL) count++;
    closedir(directory);
    return count;
}

static void open_and_close(int rounds) {
    for (int round = 0; round < rounds; round++) CHECK(refreshclient_close(client_here()) == REFRESHCLIENT_OK);
}

/* Results found, leases taken and ended in every way, waits begun and left. */
static void call(refreshclient_t client, int rounds, int *number) {
    char token[32], body[64];
    refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
    for (int round = 0; round < rounds; round++) {
        snprintf(token, sizeof token, "rt %d", ++*number);
        refreshclient_request request = request_for(token);
        CHECK(refreshclient_begin(client, &request, &outcome) == REFRESHCLIENT_HOLDER);
        refreshclient_lease_t lease = outcome.lease;
        refreshclient_outcome_free(&outcome);
        if (round % 8 == 0) {
            CHECK(refreshclient_begin_nonblocking(client, &request, &outcome) == REFRESHCLIENT_WAIT);
            CHECK(refreshclient_cancel(outcome.waiter) == REFRESHCLIENT_OK);
            refreshclient_outcome_free(&outcome);
            CHECK(refreshclient_abandon(lease) == REFRESHCLIENT_OK);
        } else if (round % 8 == 1) {
            CHECK(refreshclient_fail(lease, 0, "network_error", "no answer", &outcome) == REFRESHCLIENT_CALLBACK_FAILED);
            refreshclient_outcome_free(&outcome);
        } else {
            refreshclient_answer answer = success_with("at", body, sizeof body);
            CHECK(refreshclient_finish(lease, &answer, &outcome) == REFRESHCLIENT_OK);
            refreshclient_outcome_free(&outcome);
            CHECK(refreshclient_begin(client, &request, &outcome) == REFRESHCLIENT_OK);
            CHECK(body_is(&outcome, body));
            refreshclient_outcome_free(&outcome);
        }
    }
}

/* Warms up with a fifth, then measures the rest. Sanitisers and valgrind keep memory back: they pass 0 as the limit. */
int main(int count, char **arguments) {
    int openings = count > 1 ? atoi(arguments[1]) : 10000;
    int calls = count > 2 ? atoi(arguments[2]) : 100000;
    long limit_kib = count > 3 ? atol(arguments[3]) : 2048;
    int number = 0;
    /* Short, so that what is kept is bounded by time and not by the number of calls. */
    refreshclient_options options = options_here();
    options.result_retention_ms = 2000;
    options.terminal_failure_retention_ms = 2000;
    /* Room for what the fastest machine publishes in that time. */
    options.map_size = UINT64_C(256) << 20;
    refreshclient_t client = 0;
    CHECK(refreshclient_open(&options, &client, NULL) == REFRESHCLIENT_OK);

    open_and_close(openings / 5);
    call(client, calls / 5, &number);
    long before_kib = resident_kib();
    int before = descriptors();
    open_and_close(openings);
    long opened_kib = resident_kib();
    call(client, calls, &number);
    long after_kib = resident_kib();
    printf("%d openings: %+ld KiB; %d calls: %+ld KiB, %+d descriptors\n", openings, opened_kib - before_kib, calls,
           after_kib - opened_kib, descriptors() - before);
    CHECK(descriptors() == before);
    if (limit_kib > 0) {
        CHECK(opened_kib - before_kib <= limit_kib);
        CHECK(after_kib - opened_kib <= limit_kib);
    }
    return 0;
}
