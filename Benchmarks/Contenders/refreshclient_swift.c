/* This project's library as a worker in Swift uses it, linked: RefreshClient.begin, the program's own call, publish. What is
 * in Swift is ../SwiftCaller. */
#include <dlfcn.h>
#include <errno.h>

#include "contender.h"

static intptr_t (*refresh_in_swift)(const char *, intptr_t (*)(void *), void *, uint8_t *, intptr_t);

static void *symbol(void *library, const char *name)
{
    void *found = dlsym(library, name);
    if (found == NULL) die("%s: %s", name, dlerror());
    return found;
}

static void prepare(const scene *scene)
{
    errno = 0;
    void *library = dlopen(scene->swift_library, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) die("%s", dlerror());
    int32_t (*open_client)(const char *, int64_t, int64_t) = symbol(library, "swift_caller_open");
    refresh_in_swift = symbol(library, "swift_caller_refresh");
    int64_t map_size = scene->records > 0 ? INT64_C(4) << 30 : 0;
    if (open_client(scene->directory, scene->retention_ms, map_size) != 0) die("swift_caller_open");
}

static void *open_caller(const scene *scene) { return (void *)scene; }

typedef struct call {
    upstream *upstream;
    result *result;
} call;

static intptr_t make_call(void *context)
{
    call *self = context;
    self->upstream->call(self->upstream, self->result);
    return (intptr_t)self->result->length;
}

static int refresh(void *caller, const char *token, upstream *upstream, result *result)
{
    (void)caller;
    call call = { upstream, result };
    intptr_t length = refresh_in_swift(token, make_call, &call, (uint8_t *)result->bytes, sizeof result->bytes);
    if (length < 0) return -1;
    result->length = (size_t)length;
    return 0;
}

const contender refreshclient_swift = {
    .name = "refreshclient-swift",
    .needs_swift = true,
    .coordinates = true,
    .prepare = prepare,
    .open = open_caller,
    .refresh = refresh,
};
