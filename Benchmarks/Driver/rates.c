/* Work without waiting: results that are stored, and tokens that nobody else wants. */
#include <stdio.h>

#include "fleet.h"

typedef struct work {
    const order *order;
    shared *shared;
    samples hits, cycles;
} work;

static void must_refresh(const order *order, void *caller, const char *token, shared *shared, result *result)
{
    fleet_upstream upstream = make_upstream(shared);
    if (order->contender->refresh(caller, token, &upstream.upstream, result) != 0)
        die("%s: a refresh that nobody disturbs failed", order->contender->name);
}

static int look(const order *order, void *caller, const char *token, shared *shared, result *result)
{
    if (order->contender->look != NULL) return order->contender->look(caller, token, result);
    must_refresh(order, caller, token, shared, result);
    return 0;
}

static void time_hits(const work *work, void *caller, const char *series, int64_t records, int row)
{
    const order *order = work->order;
    char token[TOKEN_CAPACITY];
    result result;
    int64_t *samples = samples_of(&work->hits, (size_t)row);
    int calls = work->shared->calls;
    for (int i = 0; i < order->operations; i++) {
        name_token(token, series, draw(records));
        int64_t start = now_ns();
        int found = look(order, caller, token, work->shared, &result);
        samples[i] = now_ns() - start;
        if (found != 0 || result.length == 0) die("%s: a stored result was not found", order->contender->name);
    }
    if (work->shared->calls != calls) die("%s: a stored result was fetched anew", order->contender->name);
}

static void time_cycles(const work *work, void *caller, int index)
{
    const order *order = work->order;
    char token[TOKEN_CAPACITY], series[16];
    result result;
    snprintf(series, sizeof series, "cycle%d", index);
    int64_t *samples = samples_of(&work->cycles, (size_t)index);
    for (int i = 0; i < order->operations; i++) {
        name_token(token, series, i);
        int64_t start = now_ns();
        must_refresh(order, caller, token, work->shared, &result);
        samples[i] = now_ns() - start;
    }
}

static void *open_warm(const work *work, int index)
{
    char token[TOKEN_CAPACITY], series[16];
    result result;
    void *caller = work->order->contender->open(&work->order->scene);
    snprintf(series, sizeof series, "warm%d", index);
    for (int i = 0; i < 100; i++) {
        name_token(token, series, i);
        must_refresh(work->order, caller, token, work->shared, &result);
    }
    return caller;
}

static void hit_worker(void *context, int index)
{
    work *work = context;
    void *caller = open_warm(work, index);
    char series[16];
    snprintf(series, sizeof series, "warm%d", index);
    time_hits(work, caller, series, 100, index);
}

void run_hits(const order *order, shared *shared)
{
    work work = { order, shared, make_samples(1, (size_t)order->operations), { 0 } };
    pid_t worker = fork_worker(hit_worker, &work, 0);
    await_workers(&worker, 1);
    print_samples("hit_ns", &work.hits);
}

static void cycle_worker(void *context, int index)
{
    work *work = context;
    void *caller = open_warm(work, index);
    post(&work->shared->done, 1);
    await_posts(&work->shared->go, 1, "the start");
    time_cycles(work, caller, index);
    post(&work->shared->done, 1);
}

void run_cycles(const order *order, shared *shared)
{
    work work = { order, shared, { 0 }, make_samples((size_t)order->processes, (size_t)order->operations) };
    pid_t workers[CALLERS_LIMIT];
    char token[TOKEN_CAPACITY];
    name_token(token, "run", 0);
    for (int i = 0; i < order->processes; i++) workers[i] = fork_worker(cycle_worker, &work, i);
    await_posts(&shared->done, order->processes, "warm workers");
    int64_t start = now_ns();
    post(&shared->go, order->processes);
    await_posts(&shared->done, order->processes, "cycles");
    int64_t elapsed = now_ns() - start;
    await_workers(workers, order->processes);
    print_samples("cycle_ns", &work.cycles);
    printf(", \"cycles_per_second\": %.1f", (double)order->processes * order->operations * 1e9 / (double)elapsed);
}

static void record_worker(void *context, int index)
{
    work *work = context;
    char token[TOKEN_CAPACITY];
    result result;
    void *caller = open_warm(work, index);
    for (int64_t i = 0; i < work->order->scene.records; i++) {
        name_token(token, "live", i);
        must_refresh(work->order, caller, token, work->shared, &result);
    }
    time_hits(work, caller, "live", work->order->scene.records, 0);
    time_cycles(work, caller, index);
}

void run_records(const order *order, shared *shared)
{
    size_t operations = (size_t)order->operations;
    work work = { order, shared, make_samples(1, operations), make_samples(1, operations) };
    char token[TOKEN_CAPACITY];
    name_token(token, "run", 0);
    pid_t worker = fork_worker(record_worker, &work, 0);
    await_workers(&worker, 1);
    print_samples("hit_ns", &work.hits);
    printf(", ");
    print_samples("cycle_ns", &work.cycles);
}
