#include "redis_support.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

redisContext *redis_connect(const scene *scene)
{
    redisContext *context = redisConnectUnix(scene->redis_socket);
    if (context == NULL || context->err) die("redis: %s", context ? context->errstr : "no memory");
    return context;
}

redisReply *redis_checked(redisContext *context, void *reply)
{
    redisReply *checked = reply;
    if (checked == NULL) die("redis: %s", context->errstr);
    if (checked->type == REDIS_REPLY_ERROR) {
        errno = 0;
        die("redis: %s", checked->str);
    }
    return checked;
}

void redis_load(redisContext *context, const char *script, char digest[41])
{
    redisReply *reply = redis_checked(context, redisCommand(context, "SCRIPT LOAD %s", script));
    snprintf(digest, 41, "%s", reply->str);
    freeReplyObject(reply);
}

int redis_look(redisContext *context, const char *kind, const char *token, result *result)
{
    redisReply *reply = redis_checked(context, redisCommand(context, "GET %s:%s", kind, token));
    bool found = reply->type == REDIS_REPLY_STRING;
    if (found) set_result(result, reply->str, reply->len);
    freeReplyObject(reply);
    return found ? 0 : -1;
}

void redis_name_owner(char *owner, size_t size)
{
    static atomic_uint count;
    snprintf(owner, size, "%d:%u", getpid(), atomic_fetch_add(&count, 1));
}
