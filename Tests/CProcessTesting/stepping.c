#include "stepping.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

int stepping_begin(void) {
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) return -1;
    return raise(SIGSTOP);
}

int stepping_attach(pid_t child) {
    int status;
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return -1;
    return ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) == 0 ? 0 : -1;
}

int stepping_advance(pid_t child, int calls, int *status) {
    /* Each call has two stops, at its entry and at its return. */
    for (int stops = 0; stops < calls * 2 - 1; stops++) {
        if (ptrace(PTRACE_SYSCALL, child, 0, 0) != 0) return -1;
        if (waitpid(child, status, 0) != child) return -1;
        if (!WIFSTOPPED(*status)) return 0;
        /* Another signal is no system call: swallow it. */
        if (WSTOPSIG(*status) != (SIGTRAP | 0x80)) stops--;
    }
    return 1;
}

int stepping_release(pid_t child) { return ptrace(PTRACE_DETACH, child, 0, 0) == 0 ? 0 : -1; }
