/*
 * A lock in Redis, tried again every 10 ms, and a look at the session under the lock.
 *
 * The algorithm of oauth2-proxy, pkg/middleware/stored_session.go, refreshSessionIfNeeded: obtain the lock for 2 s, try
 * for 5 s at the most, then fail; load the session again; if it is still old, refresh and save it; release. The lock is
 * that of github.com/bsm/redislock: SET NX PX with a random value, released by a script that compares it. It is not
 * renewed. Kinder than the original: the session that every request loads beforehand is not counted.
 */
#include "redis_support.h"

enum { LOCK_MS = 2000, OBTAIN_MS = 5000, RETRY_MS = 10 };

static const char release_script[] =
    "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end";

typedef struct caller {
    redisContext *redis;
    int64_t retention_ms;
    char release[41];
    char owner[40];
} caller;

static void prepare(const scene *scene) { (void)scene; }

static void *open_caller(const scene *scene)
{
    caller *self = allocate(sizeof *self);
    self->redis = redis_connect(scene);
    self->retention_ms = scene->retention_ms;
    redis_load(self->redis, release_script, self->release);
    redis_name_owner(self->owner, sizeof self->owner);
    return self;
}

static int look(void *opaque, const char *token, result *result)
{
    caller *self = opaque;
    return redis_look(self->redis, "session", token, result);
}

static bool obtain(caller *self, const char *token)
{
    redisReply *reply = redis_checked(
        self->redis, redisCommand(self->redis, "SET lock:%s %s NX PX %d", token, self->owner, (int)LOCK_MS));
    bool obtained = reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    return obtained;
}

static int refresh(void *opaque, const char *token, upstream *upstream, result *result)
{
    caller *self = opaque;
    int64_t end = now_ns() + OBTAIN_MS * INT64_C(1000000);
    while (!obtain(self, token)) {
        sleep_ns(RETRY_MS * INT64_C(1000000));
        if (now_ns() >= end) return -1;
    }
    if (look(self, token, result) != 0) {
        upstream->call(upstream, result);
        freeReplyObject(redis_checked(
            self->redis, redisCommand(self->redis, "SET session:%s %b PX %lld", token, result->bytes, result->length,
                                      (long long)self->retention_ms)));
    }
    freeReplyObject(redis_checked(
        self->redis, redisCommand(self->redis, "EVALSHA %s 1 lock:%s %s", self->release, token, self->owner)));
    return 0;
}

const contender redis_retry = {
    .name = "redis-retry",
    .needs_redis = true,
    .coordinates = true,
    .poll_ms = RETRY_MS,
    .prepare = prepare,
    .open = open_caller,
    .refresh = refresh,
    .look = look,
};
