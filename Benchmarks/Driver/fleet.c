#include "fleet.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

samples make_samples(size_t rows, size_t columns)
{
    samples made = { .rows = rows, .columns = columns };
    size_t size = rows * columns * sizeof *made.values;
    made.values = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (made.values == MAP_FAILED) die("mmap");
    memset(made.values, -1, size);
    return made;
}

int64_t *samples_of(const samples *samples, size_t row) { return samples->values + row * samples->columns; }

void print_samples(const char *name, const samples *samples)
{
    const char *separator = "";
    printf("\"%s\": [", name);
    for (size_t i = 0; i < samples->rows * samples->columns; i++) {
        if (samples->values[i] < 0) continue;
        printf("%s%lld", separator, (long long)samples->values[i]);
        separator = ",";
    }
    printf("]");
}

shared *map_shared(const char *file)
{
    int descriptor = -1;
    if (file != NULL) {
        descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (descriptor < 0 || ftruncate(descriptor, sizeof(shared)) != 0) die("%s", file);
    }
    shared *mapped = mmap(NULL, sizeof *mapped, PROT_READ | PROT_WRITE,
                          MAP_SHARED | (descriptor < 0 ? MAP_ANONYMOUS : 0), descriptor, 0);
    if (mapped == MAP_FAILED) die("mmap");
    if (descriptor >= 0) close(descriptor);
    return mapped;
}

void reset_shared(shared *shared)
{
    memset(shared, 0, sizeof *shared);
    sem_t *semaphores[] = { &shared->in_call, &shared->go, &shared->hold, &shared->done };
    for (int i = 0; i < 4; i++) sem_init(semaphores[i], 1, 0);
}

void begin_round(shared *shared, int64_t call_ns, int64_t later_call_ns, int awaited)
{
    shared->calls = 0;
    shared->failed = 0;
    shared->entered = 0;
    shared->awaited = awaited;
    shared->call_ns = call_ns;
    shared->later_call_ns = later_call_ns;
    shared->answered_at = 0;
    shared->second_call_at = 0;
}

/* As long as an answer of WorkOS with a token of usual claims. */
static void set_answer(result *answer)
{
    static const char head[] = "{\"user\":{\"object\":\"user\",\"id\":\"user_01HZX4D9V8ZJ2M3Q6W7Y8K5RTA\"},\"access_token\":\"";
    static const char tail[] = "\",\"refresh_token\":\"the next one, single-use as well\"}";
    enum { ACCESS_TOKEN_LENGTH = 1250 };
    memcpy(answer->bytes, head, sizeof head - 1);
    memset(answer->bytes + sizeof head - 1, 'a', ACCESS_TOKEN_LENGTH);
    memcpy(answer->bytes + sizeof head - 1 + ACCESS_TOKEN_LENGTH, tail, sizeof tail - 1);
    answer->length = sizeof head - 1 + ACCESS_TOKEN_LENGTH + sizeof tail - 1;
}

static void call_upstream(upstream *self, result *answer)
{
    shared *shared = ((fleet_upstream *)self)->shared;
    int64_t duration = shared->later_call_ns;
    if (atomic_fetch_add(&shared->calls, 1) == 0) {
        duration = shared->call_ns;
        sem_post(&shared->in_call);
        while (shared->entered < shared->awaited) sleep_ns(200000);
    } else if (shared->second_call_at == 0) {
        shared->second_call_at = now_ns();
    }
    while (duration == FOREVER) pause();
    if (duration > 0) sleep_ns(duration);
    set_answer(answer);
    if (shared->answered_at == 0) shared->answered_at = now_ns();
}

fleet_upstream make_upstream(shared *shared) { return (fleet_upstream){ { call_upstream }, shared }; }

void name_token(char token[static TOKEN_CAPACITY], const char *series, int64_t number)
{
    static int64_t run;
    if (run == 0) run = now_ns();
    snprintf(token, TOKEN_CAPACITY, "%s-%llx-%lld", series, (unsigned long long)run, (long long)number);
}

pid_t fork_worker(void (*body)(void *context, int index), void *context, int index)
{
    fflush(stdout);
    pid_t child = fork();
    if (child < 0) die("fork");
    if (child > 0) return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    body(context, index);
    _exit(0);
}

void await_workers(const pid_t *workers, int count)
{
    for (int i = 0; i < count; i++) {
        int status;
        if (waitpid(workers[i], &status, 0) < 0) die("waitpid");
        errno = 0;
        if (status != 0) die("worker %d ended with status %#x", i, status);
    }
}

/* Dies where a child has, other than by being killed on purpose: nobody will post for it. */
static void look_after_children(void)
{
    siginfo_t child = { 0 };
    if (waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) != 0 || child.si_pid == 0) return;
    errno = 0;
    if (child.si_status != 0) die("a worker ended, %s %d", child.si_code == CLD_EXITED ? "with status" : "by signal",
                                  child.si_status);
}

void await_posts(sem_t *semaphore, int count, const char *what)
{
    int64_t end = now_ns() + INT64_C(100) * 1000000000;
    for (int i = 0; i < count;) {
        struct timespec slice;
        clock_gettime(CLOCK_REALTIME, &slice);
        slice.tv_sec += 1;
        if (sem_timedwait(semaphore, &slice) == 0) {
            i++;
        } else if (errno != EINTR) {
            look_after_children();
            if (now_ns() > end) die("%s: %d of %d", what, i, count);
        }
    }
}

void post(sem_t *semaphore, int count)
{
    for (int i = 0; i < count; i++) sem_post(semaphore);
}

int64_t draw(int64_t limit)
{
    static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return limit > 0 ? (int64_t)(state % (uint64_t)limit) : 0;
}

int64_t own_processor_ns(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000000) +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * INT64_C(1000);
}

int64_t processor_ns(pid_t process)
{
    /* User and system time, in ticks, are fields 14 and 15 of proc(5)'s stat. */
    char path[64], line[1024];
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", process);
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(line, sizeof line, file) == NULL) die("%s", path);
    fclose(file);
    const char *rest = strrchr(line, ')');
    if (rest == NULL || sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        die("%s", path);
    return (int64_t)(user + system) * (1000000000 / sysconf(_SC_CLK_TCK));
}
