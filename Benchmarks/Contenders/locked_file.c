/*
 * A blocking flock(2) on a file beside the token's, whose result is a file that is replaced as a whole.
 *
 * The algorithm of int128/kubelogin, pkg/usecases/credentialplugin and pkg/tokencache/repository/repository.go: lock
 * KEY.lock, read KEY; where there is a good token in it, that is the answer; otherwise refresh, write KEY, and unlock. The
 * lock files stay. Other than in the original the file is written under another name and renamed, as several others do, so
 * that nobody reads half of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "contender.h"

static void prepare(const scene *scene) { (void)scene; }

static void *open_caller(const scene *scene) { return (void *)scene; }

static int take_lock(const char *path)
{
    int lock = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (lock < 0) die("%s", path);
    while (flock(lock, LOCK_EX) != 0) {
        if (errno != EINTR) die("flock");
    }
    return lock;
}

static int read_file(const char *path, result *result)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    ssize_t length = read(file, result->bytes, sizeof result->bytes);
    close(file);
    if (length < 0) die("%s", path);
    result->length = (size_t)length;
    return 0;
}

static void replace_file(const char *path, const result *result)
{
    char temporary[512];
    snprintf(temporary, sizeof temporary, "%s.%d", path, getpid());
    int file = open(temporary, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) die("%s", temporary);
    if (write(file, result->bytes, result->length) != (ssize_t)result->length) die("%s", temporary);
    close(file);
    if (rename(temporary, path) != 0) die("%s", temporary);
}

static int refresh(void *opaque, const char *token, upstream *upstream, result *result)
{
    const scene *scene = opaque;
    char path[400], lock_path[420];
    snprintf(path, sizeof path, "%s/%s", scene->directory, token);
    snprintf(lock_path, sizeof lock_path, "%s.lock", path);
    int lock = take_lock(lock_path);
    if (read_file(path, result) != 0) {
        upstream->call(upstream, result);
        replace_file(path, result);
    }
    close(lock);
    return 0;
}

const contender locked_file = {
    .name = "locked-file",
    .coordinates = true,
    .prepare = prepare,
    .open = open_caller,
    .refresh = refresh,
};
