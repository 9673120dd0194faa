/* Callers that wait for one that makes the call: how soon they have the result, what that costs, and what if it dies. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "fleet.h"

enum { SETTLE_NS = 30000000, NS_PER_MS = 1000000 };

typedef struct work {
    const order *order;
    shared *shared;
    /* From the upstream's answer, or the kill, to a waiter having the result; time on a processor of each waiter. */
    samples delays, processor;
    _Atomic int64_t *round, *killed_at;
} work;

static int refresh(const work *work, void *caller, const char *token)
{
    result result;
    fleet_upstream upstream = make_upstream(work->shared);
    int code = work->order->contender->refresh(caller, token, &upstream.upstream, &result);
    if (code != 0) atomic_fetch_add(&work->shared->failed, 1);
    return code;
}

/* One who waits, in every round. */
static void waiter(void *context, int index)
{
    work *work = context;
    shared *shared = work->shared;
    char token[TOKEN_CAPACITY];
    void *caller = work->order->contender->open(&work->order->scene);
    for (;;) {
        await_posts(&shared->go, 1, "the start");
        if (shared->ends) return;
        int64_t round = *work->round;
        name_token(token, "wait", round);
        if (work->order->staggered) sleep_ns(work->order->call_ns * index / work->order->processes);
        int64_t processor = own_processor_ns(), entered_at = now_ns();
        atomic_fetch_add(&shared->entered, 1);
        int code = refresh(work, caller, token);
        int64_t now = now_ns();
        int64_t since = *work->killed_at != 0 ? *work->killed_at : shared->answered_at;
        /* Round 0 opens what is to be opened. */
        if (code == 0 && round > 0) {
            samples_of(&work->delays, (size_t)index)[round - 1] = now - (entered_at > since ? entered_at : since);
            samples_of(&work->processor, (size_t)index)[round - 1] = own_processor_ns() - processor;
        }
        post(&shared->done, 1);
    }
}

/* The first to come, in every round: holds the lease. */
static void holder(void *context, int index)
{
    (void)index;
    work *work = context;
    char token[TOKEN_CAPACITY];
    void *caller = work->order->contender->open(&work->order->scene);
    for (;;) {
        await_posts(&work->shared->hold, 1, "the start");
        if (work->shared->ends) return;
        name_token(token, "wait", *work->round);
        refresh(work, caller, token);
        post(&work->shared->done, 1);
    }
}

static work make_work(const order *order, shared *shared)
{
    size_t processes = (size_t)order->processes, rounds = (size_t)order->rounds;
    char token[TOKEN_CAPACITY];
    name_token(token, "run", 0);
    samples instants = make_samples(1, 2);
    work made = { order, shared, make_samples(processes, rounds), make_samples(processes, rounds), NULL, NULL };
    made.round = (_Atomic int64_t *)&instants.values[0];
    made.killed_at = (_Atomic int64_t *)&instants.values[1];
    *made.killed_at = 0;
    return made;
}

void run_wakes(const order *order, shared *shared)
{
    work work = make_work(order, shared);
    int waiters = order->processes, calls = 0, failed = 0;
    pid_t workers[CALLERS_LIMIT + 1];
    for (int i = 0; i < waiters; i++) workers[i] = fork_worker(waiter, &work, i);
    workers[waiters] = fork_worker(holder, &work, 0);
    int64_t server = order->server > 0 ? processor_ns(order->server) : 0;
    for (int round = 0; round <= order->rounds; round++) {
        /* Pollers look at instants of their own: the answer comes at any point of their period. */
        int64_t phase = draw(order->contender->poll_ms * (int64_t)NS_PER_MS);
        begin_round(shared, order->call_ns + phase, order->call_ns, order->staggered ? 0 : waiters);
        *work.round = round;
        post(&shared->hold, 1);
        await_posts(&shared->in_call, 1, "the upstream call");
        post(&shared->go, waiters);
        await_posts(&shared->done, waiters + 1, "callers");
        if (round == 0) continue;
        calls += shared->calls;
        failed += shared->failed;
    }
    if (order->server > 0) server = processor_ns(order->server) - server;
    shared->ends = true;
    post(&shared->go, waiters);
    post(&shared->hold, 1);
    await_workers(workers, waiters + 1);
    print_samples("delay_ns", &work.delays);
    printf(", ");
    print_samples("processor_ns", &work.processor);
    printf(", \"server_processor_ns\": %lld, \"calls\": %d, \"failed\": %d, \"rounds\": %d", (long long)server, calls,
           failed, order->rounds);
}

/* Holds the lease until it is killed. */
static void doomed_holder(void *context, int index)
{
    (void)index;
    work *work = context;
    char token[TOKEN_CAPACITY];
    void *caller = work->order->contender->open(&work->order->scene);
    name_token(token, "wait", *work->round);
    refresh(work, caller, token);
}

void run_takeovers(const order *order, shared *shared)
{
    work work = make_work(order, shared);
    samples takeovers = make_samples(1, (size_t)order->rounds);
    int waiters = order->processes;
    pid_t workers[CALLERS_LIMIT];
    for (int i = 0; i < waiters; i++) workers[i] = fork_worker(waiter, &work, i);
    for (int round = order->cold ? 1 : 0; round <= order->rounds; round++) {
        begin_round(shared, FOREVER, 0, 0);
        *work.round = round;
        *work.killed_at = 0;
        pid_t doomed = fork_worker(doomed_holder, &work, 0);
        await_posts(&shared->in_call, 1, "the upstream call");
        post(&shared->go, waiters);
        while (shared->entered < waiters) sleep_ns(NS_PER_MS);
        sleep_ns(SETTLE_NS);
        int64_t killed_at = *work.killed_at = now_ns();
        if (kill(doomed, SIGKILL) != 0) die("kill");
        if (waitpid(doomed, NULL, 0) != doomed) die("waitpid");
        await_posts(&shared->done, waiters, "callers");
        if (round > 0 && shared->second_call_at != 0) takeovers.values[round - 1] = shared->second_call_at - killed_at;
    }
    shared->ends = true;
    post(&shared->go, waiters);
    await_workers(workers, waiters);
    print_samples("takeover_ns", &takeovers);
    printf(", ");
    print_samples("delay_ns", &work.delays);
    printf(", \"failed\": %d", shared->failed);
}

void run_slow(const order *order, shared *shared)
{
    work work = make_work(order, shared);
    int callers = order->processes;
    pid_t workers[CALLERS_LIMIT];
    begin_round(shared, order->call_ns, order->call_ns, 0);
    *work.round = 1;
    for (int i = 0; i < callers; i++) workers[i] = fork_worker(waiter, &work, i);
    int64_t start = now_ns();
    post(&shared->go, callers);
    await_posts(&shared->done, callers, "callers");
    int64_t elapsed = now_ns() - start;
    shared->ends = true;
    post(&shared->go, callers);
    await_workers(workers, callers);
    printf("\"calls\": %d, \"failed\": %d, \"callers\": %d, \"elapsed_ns\": %lld", shared->calls, shared->failed, callers,
           (long long)elapsed);
}
