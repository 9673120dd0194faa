#define _GNU_SOURCE
#include "clinux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_mutex_t fork_mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uint64_t generation;
static _Atomic(void *) slots[CLINUX_FORK_LOCAL_SLOTS];
static void *inherited;

/* How many threads hold forks off, and how many forks wait or are under way. Each side counts itself first and looks at
 * the other's count then, so that one of the two sees the other: who holds off gives way, and who forks waits. */
static _Atomic int held_off, forks;
/* With fork_mutex: one of the two has changed. */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
/* How often this thread is inside clinux_fork_hold_off. */
static _Thread_local unsigned depth;

/* Guarded by fork_mutex. */
static int *private_descriptors;
static size_t private_count, private_capacity;

static void leave(void) {
    atomic_fetch_sub(&held_off, 1);
    if (atomic_load(&forks) == 0) return;
    pthread_mutex_lock(&fork_mutex);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&fork_mutex);
}

static void enter(void) {
    for (;;) {
        atomic_fetch_add(&held_off, 1);
        if (atomic_load(&forks) == 0) return;
        leave();
        pthread_mutex_lock(&fork_mutex);
        while (atomic_load(&forks) > 0) pthread_cond_wait(&changed, &fork_mutex);
        pthread_mutex_unlock(&fork_mutex);
    }
}

static void before_fork(void) {
    pthread_mutex_lock(&fork_mutex);
    atomic_fetch_add(&forks, 1);
    /* Whoever forks while it holds forks off would wait for itself, or for another that does the same. */
    if (depth > 0 && atomic_fetch_sub(&held_off, 1) == 1) pthread_cond_broadcast(&changed);
    while (atomic_load(&held_off) > 0) pthread_cond_wait(&changed, &fork_mutex);
}

static void in_parent(void) {
    if (depth > 0) atomic_fetch_add(&held_off, 1);
    if (atomic_fetch_sub(&forks, 1) == 1) pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&fork_mutex);
}

static void in_child(void) {
    for (size_t index = 0; index < private_count; index++) close(private_descriptors[index]);
    private_count = 0;
    for (int index = 0; index < CLINUX_FORK_LOCAL_SLOTS; index++) atomic_store(&slots[index], NULL);
    atomic_fetch_add_explicit(&generation, 1, memory_order_release);
    atomic_store(&held_off, depth > 0 ? 1 : 0);
    atomic_store(&forks, 0);
    /* Who waited on it was not copied. */
    changed = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    /* The child's only thread is a copy of the one that took it in before_fork. */
    pthread_mutex_unlock(&fork_mutex);
}

__attribute__((constructor)) static void register_handlers(void) {
    pthread_atfork(before_fork, in_parent, in_child);
}

uint64_t clinux_fork_generation(void) { return atomic_load_explicit(&generation, memory_order_acquire); }

void clinux_fork_lock(void) { pthread_mutex_lock(&fork_mutex); }

void clinux_fork_unlock(void) { pthread_mutex_unlock(&fork_mutex); }

void clinux_fork_hold_off(void) {
    if (depth++ == 0) enter();
}

void clinux_fork_let_on(void) {
    if (--depth == 0) leave();
}

unsigned clinux_fork_lift(void) {
    unsigned lifted = depth;
    depth = 0;
    if (lifted > 0) leave();
    return lifted;
}

void clinux_fork_resume(unsigned lifted) {
    if (lifted == 0) return;
    enter();
    depth = lifted;
}

void *clinux_fork_local(int index) { return atomic_load_explicit(&slots[index], memory_order_acquire); }

void *clinux_fork_local_settle(int index, void *made) {
    void *settled = NULL;
    return atomic_compare_exchange_strong_explicit(
               &slots[index], &settled, made, memory_order_acq_rel, memory_order_acquire)
               ? made
               : settled;
}

void **clinux_inherited_slot(void) { return &inherited; }

int clinux_open_fork_private(int directory, const char *name, int flags) {
    /* Opened outside the mutex, which others would wait for: opening may take long. */
    clinux_fork_hold_off();
    int descriptor = clinux_openat(directory, name, flags | O_CLOEXEC, 0);
    int code = errno;
    if (descriptor >= 0) {
        pthread_mutex_lock(&fork_mutex);
        if (private_count == private_capacity) {
            size_t capacity = private_capacity == 0 ? 16 : private_capacity * 2;
            int *larger = realloc(private_descriptors, capacity * sizeof *larger);
            if (larger != NULL) {
                private_descriptors = larger;
                private_capacity = capacity;
            }
        }
        int fits = private_count < private_capacity;
        if (fits) private_descriptors[private_count++] = descriptor;
        pthread_mutex_unlock(&fork_mutex);
        if (!fits) {
            close(descriptor);
            descriptor = -1;
            code = ENOMEM;
        }
    }
    clinux_fork_let_on();
    errno = code;
    return descriptor;
}

int clinux_close_fork_private(int descriptor) {
    clinux_fork_hold_off();
    pthread_mutex_lock(&fork_mutex);
    for (size_t index = 0; index < private_count; index++) {
        if (private_descriptors[index] != descriptor) continue;
        private_descriptors[index] = private_descriptors[--private_count];
        break;
    }
    pthread_mutex_unlock(&fork_mutex);
    int closed = close(descriptor);
    int code = errno;
    clinux_fork_let_on();
    errno = code;
    return closed;
}
