/* Redis over a Unix socket, for the contenders that use it. */
#ifndef REDIS_SUPPORT_H
#define REDIS_SUPPORT_H

#include <hiredis/hiredis.h>

#include "contender.h"

redisContext *redis_connect(const scene *scene);
/* Any reply that is no error. */
redisReply *redis_checked(redisContext *context, void *reply);
/* Loads a script; writes the 40 hexadecimal digits that EVALSHA takes, and a NUL. */
void redis_load(redisContext *context, const char *script, char digest[41]);
/* Reads the result that is stored as KIND:TOKEN; -1 where there is none. */
int redis_look(redisContext *context, const char *kind, const char *token, result *result);
/* A name that no other caller has. */
void redis_name_owner(char *owner, size_t size);

#endif
