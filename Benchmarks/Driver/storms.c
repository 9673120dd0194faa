/* Many callers in threads of several workers at the same moment; and what a worker takes of the memory. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "fleet.h"

typedef struct work {
    const order *order;
    shared *shared;
    samples latencies;
    _Atomic int64_t *round;
} work;

typedef struct thread {
    work *work;
    int caller;
    pthread_t id;
} thread;

static void *storm_thread(void *context)
{
    thread *self = context;
    work *work = self->work;
    shared *shared = work->shared;
    char token[TOKEN_CAPACITY];
    result result;
    void *caller = work->order->contender->open(&work->order->scene);
    fleet_upstream upstream = make_upstream(shared);
    for (;;) {
        await_posts(&shared->go, 1, "the start");
        if (shared->ends) return NULL;
        int64_t round = *work->round;
        name_token(token, "storm", round);
        int64_t start = now_ns();
        int code = work->order->contender->refresh(caller, token, &upstream.upstream, &result);
        int64_t latency = now_ns() - start;
        if (code != 0) atomic_fetch_add(&shared->failed, 1);
        else if (round > 0) samples_of(&work->latencies, (size_t)self->caller)[round - 1] = latency;
        post(&shared->done, 1);
    }
}

static void storm_worker(void *context, int index)
{
    work *work = context;
    int count = work->order->threads;
    thread *threads = allocate((size_t)count * sizeof *threads);
    for (int i = 0; i < count; i++) {
        threads[i] = (thread){ work, index * count + i, 0 };
        if (pthread_create(&threads[i].id, NULL, storm_thread, &threads[i]) != 0) die("pthread_create");
    }
    for (int i = 0; i < count; i++) pthread_join(threads[i].id, NULL);
}

void run_storm(const order *order, shared *shared)
{
    int callers = order->processes * order->threads, calls = 0, failed = 0;
    work work = { order, shared, make_samples((size_t)callers, (size_t)order->rounds), NULL };
    samples round = make_samples(1, 1), slowest = make_samples(1, (size_t)order->rounds);
    pid_t workers[CALLERS_LIMIT];
    char token[TOKEN_CAPACITY];
    name_token(token, "run", 0);
    work.round = (_Atomic int64_t *)&round.values[0];
    for (int i = 0; i < order->processes; i++) workers[i] = fork_worker(storm_worker, &work, i);
    for (int i = 0; i <= order->rounds; i++) {
        begin_round(shared, order->call_ns, order->call_ns, 0);
        *work.round = i;
        post(&shared->go, callers);
        await_posts(&shared->done, callers, "callers");
        if (i == 0) continue;
        calls += shared->calls;
        failed += shared->failed;
        for (int c = 0; c < callers; c++) {
            int64_t latency = samples_of(&work.latencies, (size_t)c)[i - 1];
            if (latency > slowest.values[i - 1]) slowest.values[i - 1] = latency;
        }
    }
    shared->ends = true;
    post(&shared->go, callers);
    await_workers(workers, order->processes);
    print_samples("latency_ns", &work.latencies);
    printf(", ");
    print_samples("slowest_ns", &slowest);
    printf(", \"calls\": %d, \"failed\": %d, \"rounds\": %d, \"call_ns\": %lld", calls, failed, order->rounds,
           (long long)order->call_ns);
}

static void memory_worker(void *context, int index)
{
    work *work = context;
    char token[TOKEN_CAPACITY];
    result result;
    void *caller = work->order->contender->open(&work->order->scene);
    fleet_upstream upstream = make_upstream(work->shared);
    for (int i = 0; i < 20; i++) {
        /* Each token is refreshed by one worker and found by the others. */
        name_token(token, "memory", i);
        work->order->contender->refresh(caller, token, &upstream.upstream, &result);
    }
    (void)index;
    post(&work->shared->done, 1);
    await_posts(&work->shared->go, 1, "the end");
}

/* A line of proc(5)'s smaps_rollup, in KiB. */
static int64_t kibibytes(pid_t process, const char *name)
{
    char path[64], line[256];
    long long value = -1;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", process);
    FILE *file = fopen(path, "re");
    if (file == NULL) die("%s", path);
    while (value < 0 && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) sscanf(line + strlen(name), "%lld", &value);
    }
    fclose(file);
    return value;
}

void run_memory(const order *order, shared *shared)
{
    size_t processes = (size_t)order->processes;
    work work = { order, shared, { 0 }, NULL };
    samples proportional = make_samples(1, processes), own = make_samples(1, processes);
    pid_t workers[CALLERS_LIMIT];
    char token[TOKEN_CAPACITY];
    name_token(token, "run", 0);
    for (int i = 0; i < order->processes; i++) workers[i] = fork_worker(memory_worker, &work, i);
    await_posts(&shared->done, order->processes, "workers");
    for (int i = 0; i < order->processes; i++) {
        proportional.values[i] = kibibytes(workers[i], "Pss:");
        own.values[i] = kibibytes(workers[i], "Private_Dirty:") + kibibytes(workers[i], "Private_Clean:");
    }
    post(&shared->go, order->processes);
    await_workers(workers, order->processes);
    print_samples("pss_kib", &proportional);
    printf(", ");
    print_samples("private_kib", &own);
}
