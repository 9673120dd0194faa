#define _GNU_SOURCE
#include "clinux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_mutex_t fork_mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uint64_t generation;
static void *slots[CLINUX_FORK_LOCAL_SLOTS];
static void *inherited;

/* Guarded by fork_mutex. */
static int *private_descriptors;
static size_t private_count, private_capacity;

static void before_fork(void) { pthread_mutex_lock(&fork_mutex); }

static void in_parent(void) { pthread_mutex_unlock(&fork_mutex); }

static void in_child(void) {
    for (size_t index = 0; index < private_count; index++) close(private_descriptors[index]);
    private_count = 0;
    for (int index = 0; index < CLINUX_FORK_LOCAL_SLOTS; index++) slots[index] = NULL;
    atomic_fetch_add_explicit(&generation, 1, memory_order_release);
    /* The child's only thread is a copy of the one that took it in before_fork. */
    pthread_mutex_unlock(&fork_mutex);
}

__attribute__((constructor)) static void register_handlers(void) {
    pthread_atfork(before_fork, in_parent, in_child);
}

uint64_t clinux_fork_generation(void) { return atomic_load_explicit(&generation, memory_order_acquire); }

void clinux_fork_lock(void) { pthread_mutex_lock(&fork_mutex); }

void clinux_fork_unlock(void) { pthread_mutex_unlock(&fork_mutex); }

void **clinux_fork_local_slot(int index) { return &slots[index]; }

void **clinux_inherited_slot(void) { return &inherited; }

int clinux_open_fork_private(int directory, const char *name, int flags) {
    pthread_mutex_lock(&fork_mutex);
    int descriptor = -1;
    if (private_count == private_capacity) {
        size_t capacity = private_capacity == 0 ? 16 : private_capacity * 2;
        int *larger = realloc(private_descriptors, capacity * sizeof *larger);
        if (larger == NULL) goto done;
        private_descriptors = larger;
        private_capacity = capacity;
    }
    descriptor = clinux_openat(directory, name, flags | O_CLOEXEC, 0);
    if (descriptor >= 0) private_descriptors[private_count++] = descriptor;
done:;
    int code = errno;
    pthread_mutex_unlock(&fork_mutex);
    errno = code;
    return descriptor;
}

int clinux_close_fork_private(int descriptor) {
    pthread_mutex_lock(&fork_mutex);
    for (size_t index = 0; index < private_count; index++) {
        if (private_descriptors[index] != descriptor) continue;
        private_descriptors[index] = private_descriptors[--private_count];
        break;
    }
    int code = close(descriptor);
    pthread_mutex_unlock(&fork_mutex);
    return code;
}
