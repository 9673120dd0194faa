/* What every contender can do, so that one driver gives all of them the same work. */
#ifndef CONTENDER_H
#define CONTENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest body of a result here. */
enum { RESULT_CAPACITY = 4096, TOKEN_CAPACITY = 64 };

/* How long a caller waits at the most, for contenders that do not say. */
enum { CALLER_DEADLINE_MS = 30000 };

typedef struct result {
    char bytes[RESULT_CAPACITY];
    size_t length;
} result;

/* The call that must be made once for each token. */
typedef struct upstream {
    void (*call)(struct upstream *self, result *answer);
} upstream;

/* What a contender finds: where it may keep files, and what was started for it. Good until the program ends. */
typedef struct scene {
    /* Empty when the contender is prepared, on tmpfs. */
    const char *directory;
    const char *redis_socket;
    const char *library;
    const char *swift_library;
    const char *sidecar_socket;
    /* How long a result stays. */
    int64_t retention_ms;
    /* How many results will be alive at the same time, about. */
    int64_t records;
} scene;

typedef struct contender {
    const char *name;
    /* What needs to be in the scene besides the directory. */
    bool needs_redis, needs_library, needs_swift, needs_sidecar;
    /* Whether callers get each other's results. */
    bool coordinates;
    /* How often a waiter looks, where it polls: the driver varies the upstream's time by this much. */
    int poll_ms;
    /* Called once, before the workers are forked. May leave memory and handles for them. */
    void (*prepare)(const scene *scene);
    /* Called by each caller (a worker, or a thread of one), after the fork. */
    void *(*open)(const scene *scene);
    /* Returns 0 with the result for the token, making the call where nobody else does; -1 where the caller gets none. */
    int (*refresh)(void *caller, const char *token, upstream *upstream, result *result);
    /* Returns 0 with a result that is stored already, -1 where there is none. NULL: refresh is the way to ask. */
    int (*look)(void *caller, const char *token, result *result);
} contender;

/* All of them; ends with NULL. */
extern const contender *const contenders[];

extern const contender redis_retry, redis_subscribe, shared_memory_poll, locked_file, uncoordinated;
extern const contender bare_mechanism, bare_mechanism_sealed, bare_mechanism_swept;
extern const contender refreshclient_c, refreshclient_swift, refreshd_sidecar;

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t now_ns(void);
void sleep_ns(int64_t nanoseconds);
/* Ends the process with a message, and errno's where there is one. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *allocate(size_t size);
/* Copies a stored body into a result. */
void set_result(result *result, const void *bytes, size_t length);

#endif
