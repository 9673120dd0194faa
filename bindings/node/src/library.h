/* librefreshclient.so, loaded when the first client is made: the addon can be built where only the header is. */
#ifndef LIBRARY_H
#define LIBRARY_H

#include <refreshclient.h>

#define LIBRARY_FUNCTIONS(X) \
    X(version) X(open) X(close) X(directory) X(get_counts) X(outcome_free) X(refresh_workos) X(begin_nonblocking) \
    X(resume) X(cancel) X(renew) X(finish) X(fail) X(abandon)

struct library {
#define LIBRARY_MEMBER(name) __typeof__(&refreshclient_##name) name;
    LIBRARY_FUNCTIONS(LIBRARY_MEMBER)
#undef LIBRARY_MEMBER
};

/* The library's functions; usable once library_load has returned NULL on any thread of the process. */
extern struct library library;

/* Loads the library from the path, unless it is loaded. Returns NULL, or why not: the caller's, to be freed. */
char *library_load(const char *path);

#endif
