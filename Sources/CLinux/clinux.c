#define _GNU_SOURCE
#include "clinux.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

int clinux_mutex_lock_until(pthread_mutex_t *mutex, const struct timespec *deadline) {
    int code = pthread_mutex_trylock(mutex);
    if (code != EBUSY) return code;
    unsigned lifted = clinux_fork_lift();
    code = pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, deadline);
    clinux_fork_resume(lifted);
    return code;
}

int clinux_mutex_lock(pthread_mutex_t *mutex) {
    int code = pthread_mutex_trylock(mutex);
    if (code != EBUSY) return code;
    unsigned lifted = clinux_fork_lift();
    code = pthread_mutex_lock(mutex);
    clinux_fork_resume(lifted);
    return code;
}

int clinux_mutex_init_robust_shared(pthread_mutex_t *mutex) {
    pthread_mutexattr_t attributes;
    int code = pthread_mutexattr_init(&attributes);
    if (code != 0) return code;
    code = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    if (code == 0) code = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    if (code == 0) code = pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    if (code == 0) code = pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return code;
}

int clinux_cond_wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *deadline) {
    unsigned lifted = clinux_fork_lift();
    int code = pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, deadline);
    clinux_fork_resume(lifted);
    return code;
}

int clinux_poll_readable(int descriptor, int64_t timeout_ns) {
    struct pollfd entry = {.fd = descriptor, .events = POLLIN, .revents = 0};
    struct timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
    unsigned lifted = clinux_fork_lift();
    int code = ppoll(&entry, 1, timeout_ns < 0 ? NULL : &timeout, NULL);
    if (code < 0) code = -errno;
    clinux_fork_resume(lifted);
    if (code < 0) return code;
    return code == 0 ? 0 : entry.revents;
}

int64_t clinux_filesystem_type(int descriptor) {
    struct statfs information;
    if (fstatfs(descriptor, &information) != 0) return -1;
    return (int64_t)(uint32_t)information.f_type;
}

pid_t clinux_fork(void) { return fork(); }

int clinux_mkfifoat(int directory, const char *name, mode_t mode) { return mkfifoat(directory, name, mode); }

int clinux_openat(int directory, const char *name, int flags, mode_t mode) {
    return openat(directory, name, flags, mode);
}

int clinux_flock(int descriptor, int operation) { return flock(descriptor, operation); }

int clinux_allocate(int descriptor, int64_t length) {
    int code = posix_fallocate(descriptor, 0, (off_t)length);
    if (code == 0) return 0;
    errno = code;
    return -1;
}

int clinux_create_file(int directory, const char *name, mode_t mode) {
    int descriptor = openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
    if (descriptor >= 0) {
        char path[32];
        snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
        int done = fchmod(descriptor, mode) == 0 && linkat(AT_FDCWD, path, directory, name, AT_SYMLINK_FOLLOW) == 0;
        int code = errno;
        close(descriptor);
        if (done) return 0;
        if (code == EEXIST) {
            errno = code;
            return -1;
        }
    }
    descriptor = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor < 0) return -1;
    fchmod(descriptor, mode);
    close(descriptor);
    return 0;
}

int64_t clinux_free_bytes(int descriptor) {
    struct statvfs information;
    if (fstatvfs(descriptor, &information) != 0) return -1;
    return (int64_t)information.f_bavail * (int64_t)information.f_frsize;
}

int clinux_random(void *bytes, size_t count) {
    ssize_t got;
    do {
        got = getrandom(bytes, count, 0);
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t)count ? 0 : -1;
}

int clinux_spawn_detached(size_t stack_size, void *(*body)(void *), void *argument) {
    pthread_attr_t attributes;
    int code = pthread_attr_init(&attributes);
    if (code != 0) return code;
    code = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (code == 0) code = pthread_attr_setstacksize(&attributes, stack_size);
    if (code == 0) {
        sigset_t all, before;
        sigfillset(&all);
        /* Faults are this thread's own: blocked, they would kill the process without its handler. */
        sigdelset(&all, SIGSEGV), sigdelset(&all, SIGBUS), sigdelset(&all, SIGFPE), sigdelset(&all, SIGILL);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        pthread_t thread;
        code = pthread_create(&thread, &attributes, body, argument);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    pthread_attr_destroy(&attributes);
    return code;
}
