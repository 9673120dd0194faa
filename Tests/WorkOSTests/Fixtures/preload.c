/* Takes the place of libc functions in a probe process, as the environment says. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static sem_t forking;

static void fork_begins(void) { sem_post(&forking); }

/* A resolver whose servers never answer. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    if (getenv("PROBE_BLOCK_RESOLVER") != NULL)
        for (;;) pause();
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
    return next(node, service, hints, result);
}

/* A TLS back end that writes with write(2), as OpenSSL does under older libcurl versions, to a peer that is gone. */
ssize_t send(int descriptor, const void *bytes, size_t count, int flags) {
    if (getenv("PROBE_PLAIN_WRITES") != NULL) {
        shutdown(descriptor, SHUT_WR);
        flags &= ~MSG_NOSIGNAL;
    }
    ssize_t (*next)(int, const void *, size_t, int) = dlsym(RTLD_NEXT, "send");
    return next(descriptor, bytes, count, flags);
}

/* A machine without libcurl. */
void *dlopen(const char *name, int flags) {
    if (name != NULL && strstr(name, "libcurl") != NULL && getenv("PROBE_NO_LIBCURL") != NULL) name = "libcurl-absent.so";
    if (name != NULL && strstr(name, "libcurl") != NULL && getenv("PROBE_SLOW_LOAD") != NULL) {
        /* Until the fork that the test asks for now has begun, so that it falls into this. Handlers run in the reverse
           order of their registration: this one before any that waits for the loading. */
        struct timespec patience;
        clock_gettime(CLOCK_REALTIME, &patience);
        patience.tv_sec += 20;
        sem_init(&forking, 0, 0);
        pthread_atfork(fork_begins, NULL, NULL);
        write(STDOUT_FILENO, "loading\n", 8);
        while (sem_timedwait(&forking, &patience) != 0 && errno == EINTR) {}
    }
    void *(*next)(const char *, int) = dlsym(RTLD_NEXT, "dlopen");
    return next(name, flags);
}
