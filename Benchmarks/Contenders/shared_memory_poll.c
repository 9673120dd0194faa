/*
 * A table in shared memory in which a lock value stands until the result does, looked at every 500 ms.
 *
 * The algorithm of mod_auth_openidc with its shared-memory cache, src/handle/refresh.c, oidc_refresh_token_cache_get and
 * _set: under a mutex of all processes, look the token up; a lock value there means that somebody refreshes: sleep for
 * 500 ms and look again, with the mutex held; nothing there, or no longer: store the lock value, which lasts 5 s, give
 * the mutex back, refresh, and store the result. Kinder than the original: the table finds its entries by a hash, where
 * the module compares the key with each entry, and the mutex survives a process that dies with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "contender.h"

enum { LOCK_MS = 5000, POLL_MS = 500, PROBES = 64, VALUE_CAPACITY = 2048 };

static const char lock_value[] = "being refreshed";

typedef struct slot {
    char key[TOKEN_CAPACITY];
    int64_t expires_at;
    uint32_t length;
    char value[VALUE_CAPACITY - TOKEN_CAPACITY - 12];
} slot;

typedef struct table {
    pthread_mutex_t refreshing, cache;
    uint64_t slots;
    int64_t retention_ms;
    slot slot[];
} table;

static table *shared;

static void init_mutex(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(mutex, &attributes);
}

static void lock(pthread_mutex_t *mutex)
{
    if (pthread_mutex_lock(mutex) == EOWNERDEAD) pthread_mutex_consistent(mutex);
}

static void prepare(const scene *scene)
{
    uint64_t slots = 16384;
    while (slots < 4 * (uint64_t)scene->records) slots *= 2;
    size_t size = sizeof(table) + slots * sizeof(slot);
    shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (shared == MAP_FAILED) die("mmap");
    init_mutex(&shared->refreshing);
    init_mutex(&shared->cache);
    shared->slots = slots;
    shared->retention_ms = scene->retention_ms;
}

static void *open_caller(const scene *scene)
{
    (void)scene;
    return shared;
}

/* The slot of a key, or the one to be given to it: the first free, expired or else the one that expires first. */
static slot *find(const char *key, int64_t now, bool *found)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *c = key; *c; c++) hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    slot *best = NULL;
    for (uint64_t probe = 0; probe < PROBES; probe++) {
        slot *candidate = &shared->slot[(hash + probe) & (shared->slots - 1)];
        if (candidate->expires_at > now && strcmp(candidate->key, key) == 0) {
            *found = true;
            return candidate;
        }
        if (best == NULL || candidate->expires_at < best->expires_at) best = candidate;
    }
    *found = false;
    return best;
}

static bool get(const char *key, result *result)
{
    bool found;
    lock(&shared->cache);
    slot *slot = find(key, now_ns(), &found);
    if (found) set_result(result, slot->value, slot->length);
    pthread_mutex_unlock(&shared->cache);
    return found;
}

static void set(const char *key, const void *value, size_t length, int64_t lasting_ms)
{
    bool found;
    lock(&shared->cache);
    int64_t now = now_ns();
    slot *slot = find(key, now, &found);
    if (!found) snprintf(slot->key, sizeof slot->key, "%s", key);
    slot->expires_at = now + lasting_ms * 1000000;
    slot->length = (uint32_t)length;
    memcpy(slot->value, value, length);
    pthread_mutex_unlock(&shared->cache);
}

static bool is_lock(const result *result)
{
    return result->length == sizeof lock_value && memcmp(result->bytes, lock_value, sizeof lock_value) == 0;
}

static int refresh(void *caller, const char *token, upstream *upstream, result *result)
{
    (void)caller;
    lock(&shared->refreshing);
    bool found = get(token, result);
    while (found && is_lock(result)) {
        sleep_ns(POLL_MS * INT64_C(1000000));
        found = get(token, result);
    }
    if (!found) set(token, lock_value, sizeof lock_value, LOCK_MS);
    pthread_mutex_unlock(&shared->refreshing);
    if (found) return 0;
    upstream->call(upstream, result);
    set(token, result->bytes, result->length, shared->retention_ms);
    return 0;
}

const contender shared_memory_poll = {
    .name = "shared-memory-poll",
    .coordinates = true,
    .poll_ms = POLL_MS,
    .prepare = prepare,
    .open = open_caller,
    .refresh = refresh,
};
