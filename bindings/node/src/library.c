#include "library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct library library;

/* Worker threads load the addon each for itself, in one process. */
static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;
static int is_loaded;

static char *load(const char *path) {
    /* Never unloaded: its threads outlive any of Node's environments. */
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle == NULL) return strdup(dlerror());
    struct library found;
#define LIBRARY_LOOKUP(name) \
    *(void **)&found.name = dlsym(handle, "refreshclient_" #name); \
    if (found.name == NULL) { \
        char *reason = strdup(dlerror()); \
        dlclose(handle); \
        return reason; \
    }
    LIBRARY_FUNCTIONS(LIBRARY_LOOKUP)
#undef LIBRARY_LOOKUP
    library = found;
    is_loaded = 1;
    return NULL;
}

char *library_load(const char *path) {
    pthread_mutex_lock(&loading);
    char *reason = is_loaded ? NULL : load(path);
    pthread_mutex_unlock(&loading);
    return reason;
}
