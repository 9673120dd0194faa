#include "contender.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const contender *const contenders[] = {
    &redis_retry,    &redis_subscribe,       &shared_memory_poll,   &locked_file,     &uncoordinated,
    &bare_mechanism, &bare_mechanism_sealed, &bare_mechanism_swept, &refreshclient_c, &refreshclient_swift,
    &refreshd_sidecar, NULL,
};

int64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void sleep_ns(int64_t nanoseconds)
{
    struct timespec left = { nanoseconds / 1000000000, nanoseconds % 1000000000 };
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {}
}

void die(const char *format, ...)
{
    int error = errno;
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s%s\n", error ? ": " : "", error ? strerror(error) : "");
    _exit(70);
}

void *allocate(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL) die("no memory");
    return memory;
}

void set_result(result *result, const void *bytes, size_t length)
{
    if (length > sizeof result->bytes) {
        errno = 0;
        die("a result of %zu bytes", length);
    }
    memcpy(result->bytes, bytes, length);
    result->length = length;
}
