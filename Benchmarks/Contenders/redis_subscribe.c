/*
 * A lock in Redis whose release is published to those who wait, with one round trip for each step.
 *
 * The algorithm of Redisson, org/redisson/RedissonLock.java: a script takes the lock, a hash with a time to live of 30 s,
 * or answers how long it will last; who does not get it subscribes to the lock's channel, tries again, and sleeps until
 * a message comes or that time is over; the release deletes the lock and publishes, in one script. The holder's watchdog
 * renews the lease every 10 s; no call here takes that long. Kinder than the original: the result is looked up, and
 * stored, by the same scripts, so that nobody who is woken needs the lock to read it, and each waiter has a subscription
 * of its own, where Redisson wakes one waiter of a process at a time.
 */
#include <poll.h>
#include <string.h>

#include "redis_support.h"

enum { LEASE_MS = 30000 };

static const char acquire_script[] =
    "local result = redis.call('get', KEYS[2]) "
    "if result then return result end "
    "if redis.call('exists', KEYS[1]) == 0 then "
    "redis.call('hset', KEYS[1], ARGV[2], 1) redis.call('pexpire', KEYS[1], ARGV[1]) return false end "
    "return redis.call('pttl', KEYS[1])";

static const char publish_script[] =
    "redis.call('set', KEYS[2], ARGV[2], 'px', ARGV[3]) "
    "if redis.call('hexists', KEYS[1], ARGV[1]) == 0 then return false end "
    "redis.call('del', KEYS[1]) redis.call('publish', KEYS[3], 0) return 1";

typedef struct caller {
    redisContext *redis, *subscriber;
    const scene *scene;
    char acquire[41], publish[41];
    char owner[40];
} caller;

static void prepare(const scene *scene) { (void)scene; }

static void *open_caller(const scene *scene)
{
    caller *self = allocate(sizeof *self);
    self->redis = redis_connect(scene);
    self->scene = scene;
    redis_load(self->redis, acquire_script, self->acquire);
    redis_load(self->redis, publish_script, self->publish);
    redis_name_owner(self->owner, sizeof self->owner);
    return self;
}

static int look(void *opaque, const char *token, result *result)
{
    caller *self = opaque;
    return redis_look(self->redis, "result", token, result);
}

typedef enum { ACQUIRED, FOUND, HELD } acquisition;

static acquisition acquire(caller *self, const char *token, result *result, int64_t *left_ms)
{
    redisReply *reply = redis_checked(
        self->redis, redisCommand(self->redis, "EVALSHA %s 2 lock:%s result:%s %d %s", self->acquire, token, token,
                                  (int)LEASE_MS, self->owner));
    acquisition end = ACQUIRED;
    if (reply->type == REDIS_REPLY_STRING) {
        set_result(result, reply->str, reply->len);
        end = FOUND;
    } else if (reply->type == REDIS_REPLY_INTEGER) {
        *left_ms = reply->integer;
        end = HELD;
    }
    freeReplyObject(reply);
    return end;
}

static void await_reply(caller *self, const char *kind)
{
    for (bool seen = false; !seen;) {
        void *reply = NULL;
        redisGetReply(self->subscriber, &reply);
        redisReply *message = redis_checked(self->subscriber, reply);
        seen = message->elements > 0 && strcmp(message->element[0]->str, kind) == 0;
        freeReplyObject(message);
    }
}

static void subscribe(caller *self, const char *token)
{
    if (self->subscriber == NULL) self->subscriber = redis_connect(self->scene);
    redisAppendCommand(self->subscriber, "SUBSCRIBE channel:%s", token);
    await_reply(self, "subscribe");
}

static void unsubscribe(caller *self, const char *token)
{
    redisAppendCommand(self->subscriber, "UNSUBSCRIBE channel:%s", token);
    await_reply(self, "unsubscribe");
}

/* Waits until the lock is released or its time is over. */
static acquisition wait_for(caller *self, const char *token, result *result)
{
    int64_t end = now_ns() + CALLER_DEADLINE_MS * INT64_C(1000000) + LEASE_MS * INT64_C(1000000);
    acquisition acquired = HELD;
    subscribe(self, token);
    for (;;) {
        int64_t left_ms = 0;
        acquired = acquire(self, token, result, &left_ms);
        if (acquired != HELD || now_ns() >= end) break;
        struct pollfd watched = { .fd = self->subscriber->fd, .events = POLLIN };
        if (poll(&watched, 1, (int)left_ms + 1) > 0) await_reply(self, "message");
    }
    unsubscribe(self, token);
    return acquired;
}

static int refresh(void *opaque, const char *token, upstream *upstream, result *result)
{
    caller *self = opaque;
    int64_t left_ms = 0;
    acquisition acquired = acquire(self, token, result, &left_ms);
    if (acquired == HELD) acquired = wait_for(self, token, result);
    if (acquired == FOUND) return 0;
    if (acquired == HELD) return -1;
    upstream->call(upstream, result);
    freeReplyObject(redis_checked(
        self->redis, redisCommand(self->redis, "EVALSHA %s 3 lock:%s result:%s channel:%s %s %b %lld", self->publish, token,
                                  token, token, self->owner, result->bytes, result->length,
                                  (long long)self->scene->retention_ms)));
    return 0;
}

const contender redis_subscribe = {
    .name = "redis-subscribe",
    .needs_redis = true,
    .coordinates = true,
    .prepare = prepare,
    .open = open_caller,
    .refresh = refresh,
    .look = look,
};
