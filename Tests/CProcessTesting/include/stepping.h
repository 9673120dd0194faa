/* Runs a child from system call to system call by ptrace(2), so that a test can kill or stop it at each of them,
 * deterministically. ptrace is variadic, which Swift does not import. */
#ifndef REFRESHD_STEPPING_H
#define REFRESHD_STEPPING_H

#include <sys/types.h>

/* In the child: waits, stopped, for its parent's stepping_attach. 0, or -1 where tracing is not permitted. */
int stepping_begin(void);

/* In the parent: waits for the child's stop. 0, or -1. */
int stepping_attach(pid_t child);

/* Lets the child run to the entry of its `calls`-th system call from here. 1 if it is stopped there, 0 if it ended
 * before: then its wait status is in `status`. -1 on failure. */
int stepping_advance(pid_t child, int calls, int *status);

/* Lets the child run freely. */
int stepping_release(pid_t child);

#endif
