/* Linux interfaces that Swift's Glibc module does not offer: they stand behind _GNU_SOURCE, in headers
 * the module leaves out, are variadic, or (fork) are marked unavailable. Only what concerns forks (fork.c) has state. */
#ifndef REFRESHD_CLINUX_H
#define REFRESHD_CLINUX_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* pthread_mutex_clocklock(3) on CLOCK_MONOTONIC; `deadline` is absolute. Returns 0, ETIMEDOUT,
 * EOWNERDEAD (locked, its owner died), ENOTRECOVERABLE or EINVAL. */
int clinux_mutex_lock_until(pthread_mutex_t *_Nonnull mutex, const struct timespec *_Nonnull deadline);

/* pthread_mutex_lock(3). */
int clinux_mutex_lock(pthread_mutex_t *_Nonnull mutex);

/* Makes `mutex` (in memory shared between processes) robust, process-shared and error-checking. */
int clinux_mutex_init_robust_shared(pthread_mutex_t *_Nonnull mutex);

/* pthread_cond_clockwait(3) on CLOCK_MONOTONIC; `deadline` is absolute. */
int clinux_cond_wait_until(pthread_cond_t *_Nonnull condition, pthread_mutex_t *_Nonnull mutex,
                           const struct timespec *_Nonnull deadline);

/* ppoll(2) on one descriptor for POLLIN; `timeout_ns` < 0 waits without limit. Returns revents, 0 on timeout,
 * or -errno. */
int clinux_poll_readable(int descriptor, int64_t timeout_ns);

/* f_type of fstatfs(2), or -1 with errno. */
int64_t clinux_filesystem_type(int descriptor);

/* fork(2). The caller answers for what it does in the child: see docs on fork safety. */
pid_t clinux_fork(void);

/* mkfifoat(3), openat(2) with a mode, flock(2), fallocate(2) by posix_fallocate: -1 with errno on failure. */
int clinux_mkfifoat(int directory, const char *_Nonnull name, mode_t mode);
int clinux_openat(int directory, const char *_Nonnull name, int flags, mode_t mode);
int clinux_flock(int descriptor, int operation);
int clinux_allocate(int descriptor, int64_t length);

/* Makes an empty file of exactly `mode`, whatever the umask. Where the file system has O_TMPFILE it appears with that
 * mode at once, so that a process killed here leaves no file that its group cannot open. -1 with errno; EEXIST. */
int clinux_create_file(int directory, const char *_Nonnull name, mode_t mode);

/* Free bytes of the file system for this user, or -1 with errno. See fstatvfs(3). */
int64_t clinux_free_bytes(int descriptor);

/* getrandom(2) of up to 256 bytes, which are then all or none. 0, or -1 with errno. */
int clinux_random(void *_Nonnull bytes, size_t count);

/* Starts a detached thread with every signal blocked, so that a host's handlers never run on it. Returns 0 or
 * an errno value. `stack_size` in bytes. */
int clinux_spawn_detached(size_t stack_size, void *_Nullable (*_Nonnull body)(void *_Nullable),
                          void *_Nullable argument);

/* ---- Fork ----------------------------------------------------------------------------------------------
 * Handlers are registered when the library is loaded, so that no lazily run initialiser can be caught
 * half-way by a fork in another thread. */

/* How many forks lie between the process that loaded the library and this one. Never the same in a parent and
 * its child. */
uint64_t clinux_fork_generation(void);

/* While this lock is held no fork() happens in the process. Hold it for a few instructions only. */
void clinux_fork_lock(void);
void clinux_fork_unlock(void);

/* Between the two no fork() happens in the process either, and others may do the same at once: for all that takes
 * longer than a few instructions, but waits for nobody. A fork that comes meanwhile waits for those inside; who comes
 * after it waits for the fork. May be nested. Nobody registers a fork handler later that takes a lock which somebody
 * inside waits for. */
void clinux_fork_hold_off(void);
void clinux_fork_let_on(void);

/* Lets forks on for the length of a wait, however deep this thread is in the above, and holds them off again. What waits
 * here (the timed waits of this header, clinux_mutex_lock) does so by itself. */
unsigned clinux_fork_lift(void);
void clinux_fork_resume(unsigned lifted);

/* A pointer per process: null at first, and null again in a forked child, whatever it was in the parent. Takes no lock.
 * `index` is below CLINUX_FORK_LOCAL_SLOTS. */
#define CLINUX_FORK_LOCAL_SLOTS 8
void *_Nullable clinux_fork_local(int index);

/* Makes `made` that pointer where it is null. Returns what it is now: `made`, or what another thread made before. */
void *_Nonnull clinux_fork_local_settle(int index, void *_Nonnull made);

/* A pointer that children inherit. Read and written, and what it points to used, under the fork lock: so no child finds
 * it half changed. */
void *_Nullable *_Nonnull clinux_inherited_slot(void);

/* Opens a descriptor that a forked child closes before it runs anything else, and exec closes too, so that it
 * cannot outlive its owner there. -1 with errno on failure. Close it with clinux_close_fork_private only. */
int clinux_open_fork_private(int directory, const char *_Nonnull name, int flags);
int clinux_close_fork_private(int descriptor);

/* ---- A screen ------------------------------------------------------------------------------------------
 * For a program of one thread that takes over its terminal, and gives it back however it ends. */

/* Blocks signals, and makes a descriptor that is readable while one of them is pending: signalfd(2), non-blocking. -1
 * with errno on failure. */
int clinux_signal_descriptor(const int *_Nonnull signals, size_t count);

/* Takes a pending signal from it; 0 where there is none. */
int clinux_take_signal(int descriptor);

/* Does what the kernel does where nobody handles the signal: ends the process by it, stops it and returns when it goes
 * on, or returns at once. The signal is blocked afterwards. */
void clinux_deliver_by_default(int signal);

/* Where a signal of a crash comes (SIGSEGV, SIGBUS and the like), writes the bytes of `last_words`, at most
 * CLINUX_LAST_WORDS, puts `modes` (a struct termios) in force, and lets the signal end the process as it would have. In
 * C, since no Swift may run there. -1 with errno on failure. */
#define CLINUX_LAST_WORDS 128
int clinux_restore_in_crash(int descriptor, const void *_Nonnull modes, const char *_Nonnull last_words, size_t length);

/* There is nothing to restore any more. */
void clinux_restored(void);

#ifdef __cplusplus
}
#endif
#endif
