/* What the driver, its forked workers and the upstream share. */
#ifndef FLEET_H
#define FLEET_H

#include <semaphore.h>
#include <stdatomic.h>

#include "../Contenders/contender.h"

enum { CALLERS_LIMIT = 1024, FOREVER = -1 };

/* One call to the upstream is due for each round; more are counted. */
typedef struct shared {
    /* How long the first call of a round takes, in ns, after `awaited` callers have entered; FOREVER: until killed. */
    _Atomic int64_t call_ns;
    _Atomic int awaited, entered;
    /* How long every further call takes. */
    _Atomic int64_t later_call_ns;
    _Atomic int calls, failed;
    _Atomic int64_t answered_at, second_call_at;
    /* Posted when the first call of a round has begun. */
    sem_t in_call;
    /* Posted to let callers go, and by those that are done. */
    sem_t go, hold, done;
    _Atomic bool ends;
} shared;

/* What the program was told to do. */
typedef struct order {
    const contender *contender;
    scene scene;
    const char *shared_file;
    int processes, threads, rounds, operations;
    int64_t call_ns;
    bool staggered, cold;
    pid_t server;
} order;

/* Samples in memory that the workers share: `rows` callers with `columns` each. */
typedef struct samples {
    int64_t *values;
    size_t rows, columns;
} samples;

samples make_samples(size_t rows, size_t columns);
int64_t *samples_of(const samples *samples, size_t row);
/* Writes "name": [ ... ], leaving out negative values. */
void print_samples(const char *name, const samples *samples);

/* Maps the file, or anonymous memory where there is none. */
shared *map_shared(const char *file);
void reset_shared(shared *shared);
/* Before each round. */
void begin_round(shared *shared, int64_t call_ns, int64_t later_call_ns, int awaited);

/* The upstream as a function; `shared` is found through it. */
typedef struct fleet_upstream {
    upstream upstream;
    shared *shared;
} fleet_upstream;
fleet_upstream make_upstream(shared *shared);

/* A token that nobody has used: of this run, this series and this number. */
void name_token(char token[static TOKEN_CAPACITY], const char *series, int64_t number);

/* Forks; `body` runs in the child, which ends with it. */
pid_t fork_worker(void (*body)(void *context, int index), void *context, int index);
/* Waits for children; dies where one has failed. */
void await_workers(const pid_t *workers, int count);
/* Waits for `count` posts, 100 s at the most. */
void await_posts(sem_t *semaphore, int count, const char *what);
void post(sem_t *semaphore, int count);
/* Uniform in 0..<limit, the same sequence in each run of the program. */
int64_t draw(int64_t limit);
/* Time on a processor, in ns, of this process, or of another one. */
int64_t own_processor_ns(void);
int64_t processor_ns(pid_t process);

/* The workloads; each prints its part of the JSON object. */
void run_hits(const order *order, shared *shared);
void run_cycles(const order *order, shared *shared);
void run_records(const order *order, shared *shared);
void run_wakes(const order *order, shared *shared);
void run_takeovers(const order *order, shared *shared);
void run_slow(const order *order, shared *shared);
void run_storm(const order *order, shared *shared);
void run_memory(const order *order, shared *shared);
/* Answers HTTP requests with the shared upstream, for contenders that are not linked. */
_Noreturn void serve_upstream(shared *shared, int port);

#endif
