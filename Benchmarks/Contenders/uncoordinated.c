/* No coordination: every caller calls the upstream. What most SDKs do. */
#include "contender.h"

static void prepare(const scene *scene) { (void)scene; }

static void *open_caller(const scene *scene) { return (void *)scene; }

static int refresh(void *caller, const char *token, upstream *upstream, result *result)
{
    (void)caller;
    (void)token;
    upstream->call(upstream, result);
    return 0;
}

const contender uncoordinated = {
    .name = "uncoordinated",
    .prepare = prepare,
    .open = open_caller,
    .refresh = refresh,
};
