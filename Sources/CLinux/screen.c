#define _GNU_SOURCE
#include "clinux.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

int clinux_signal_descriptor(const int *signals, size_t count) {
    sigset_t set;
    sigemptyset(&set);
    for (size_t index = 0; index < count; index++) sigaddset(&set, signals[index]);
    int code = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (code != 0) {
        errno = code;
        return -1;
    }
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int clinux_take_signal(int descriptor) {
    struct signalfd_siginfo taken;
    ssize_t count;
    do {
        count = read(descriptor, &taken, sizeof taken);
    } while (count < 0 && errno == EINTR);
    return count == (ssize_t)sizeof taken ? (int)taken.ssi_signo : 0;
}

void clinux_deliver_by_default(int signal) {
    struct sigaction previous, by_default;
    memset(&by_default, 0, sizeof by_default);
    by_default.sa_handler = SIG_DFL;
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, signal);
    pthread_sigmask(SIG_BLOCK, &one, NULL);
    sigaction(signal, &by_default, &previous);
    raise(signal);
    /* Delivered here. */
    pthread_sigmask(SIG_UNBLOCK, &one, NULL);
    pthread_sigmask(SIG_BLOCK, &one, NULL);
    sigaction(signal, &previous, NULL);
}

static const int crashes[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP};
enum { CRASHES = sizeof crashes / sizeof crashes[0] };

static struct {
    volatile sig_atomic_t is_set;
    int descriptor;
    struct termios modes;
    char last_words[CLINUX_LAST_WORDS];
    size_t length;
    struct sigaction previous[CRASHES];
} screen;

/* Only what signal-safety(7) allows. */
static void restore(int signal) {
    if (screen.is_set) {
        screen.is_set = 0;
        ssize_t ignored = write(screen.descriptor, screen.last_words, screen.length);
        (void)ignored;
        tcsetattr(screen.descriptor, TCSANOW, &screen.modes);
    }
    for (int index = 0; index < CRASHES; index++) {
        if (crashes[index] == signal) sigaction(signal, &screen.previous[index], NULL);
    }
    /* Pending until this returns, and then dealt with as it would have been. */
    raise(signal);
}

int clinux_restore_in_crash(int descriptor, const void *modes, const char *last_words, size_t length) {
    if (length > sizeof screen.last_words) {
        errno = EMSGSIZE;
        return -1;
    }
    screen.descriptor = descriptor;
    memcpy(&screen.modes, modes, sizeof screen.modes);
    memcpy(screen.last_words, last_words, length);
    screen.length = length;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = restore;
    sigemptyset(&action.sa_mask);
    for (int index = 0; index < CRASHES; index++) {
        struct sigaction previous;
        if (sigaction(crashes[index], &action, &previous) != 0) return -1;
        /* Set before: the handler's own is no handler to go back to. */
        if (previous.sa_handler != restore) screen.previous[index] = previous;
    }
    screen.is_set = 1;
    return 0;
}

void clinux_restored(void) {
    screen.is_set = 0;
}
