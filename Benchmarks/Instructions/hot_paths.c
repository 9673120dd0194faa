/*
 * The hot paths of the library, through its C interface, so often that an instruction more in one of them can be counted.
 *
 *     hot-paths LIBRARY EMPTY-DIRECTORY hit|cycle|join|wake OPERATIONS
 *
 * Only `measured` is counted; what comes before it opens the table and warms what is kept from call to call.
 */
#include "refreshclient.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
    int32_t (*open)(const refreshclient_options *, refreshclient_t *, refreshclient_error *);
    int32_t (*begin)(refreshclient_t, const refreshclient_request *, refreshclient_outcome *);
    int32_t (*begin_nonblocking)(refreshclient_t, const refreshclient_request *, refreshclient_outcome *);
    int32_t (*finish)(refreshclient_lease_t, const refreshclient_answer *, refreshclient_outcome *);
    int32_t (*resume)(refreshclient_waiter_t, refreshclient_outcome *);
    int32_t (*cancel)(refreshclient_waiter_t);
    void (*outcome_free)(refreshclient_outcome *);
} library;

static refreshclient_t client;
static char answer_body[1400];
static volatile int sink;

_Noreturn static void fail(const char *what, int code, const char *message)
{
    fprintf(stderr, "hot-paths: %s: %d %s\n", what, code, message);
    exit(70);
}

static void load(const char *path)
{
    void *loaded = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (loaded == NULL) fail("dlopen", 0, dlerror());
    const struct {
        void *pointer;
        const char *name;
    } symbols[] = {
        { &library.open, "refreshclient_open" },     { &library.begin, "refreshclient_begin" },
        { &library.finish, "refreshclient_finish" }, { &library.begin_nonblocking, "refreshclient_begin_nonblocking" },
        { &library.cancel, "refreshclient_cancel" }, { &library.outcome_free, "refreshclient_outcome_free" },
        { &library.resume, "refreshclient_resume" },
    };
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        void *found = dlsym(loaded, symbols[i].name);
        if (found == NULL) fail(symbols[i].name, 0, "is not in the library");
        memcpy(symbols[i].pointer, &found, sizeof found);
    }
}

static void open_client(const char *directory)
{
    refreshclient_options options = REFRESHCLIENT_OPTIONS_INIT;
    options.directory = directory;
    options.client_id = "client_benchmark";
    options.token_endpoint = "http://127.0.0.1:9/oauth2/token";
    options.result_retention_ms = 3600000;
    options.lease_ms = 3600000;
    options.fails_without_table = 1;
    refreshclient_error error = REFRESHCLIENT_ERROR_INIT;
    int32_t code = library.open(&options, &client, &error);
    if (code != REFRESHCLIENT_OK) fail("refreshclient_open", code, error.message);
}

static int32_t begin(const char *token, refreshclient_outcome *outcome)
{
    refreshclient_request request = REFRESHCLIENT_REQUEST_INIT;
    request.refresh_token = token;
    return library.begin(client, &request, outcome);
}

/* What the paths work on, by the number of the operation. */
static char (*tokens)[32];
static refreshclient_waiter_t waiter;

static void hit(int number)
{
    (void)number;
    refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
    int32_t code = begin(tokens[0], &outcome);
    if (code != REFRESHCLIENT_OK) fail("a hit", code, outcome.error.message);
    sink += outcome.body[0];
    library.outcome_free(&outcome);
}

static refreshclient_lease_t claim(int number)
{
    refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
    int32_t code = begin(tokens[number], &outcome);
    if (code != REFRESHCLIENT_HOLDER) fail("a claim", code, outcome.error.message);
    refreshclient_lease_t lease = outcome.lease;
    library.outcome_free(&outcome);
    return lease;
}

static void publish(refreshclient_lease_t lease)
{
    refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
    refreshclient_answer answer = REFRESHCLIENT_ANSWER_INIT;
    answer.status = 200;
    answer.body = (const uint8_t *)answer_body;
    answer.body_length = sizeof answer_body;
    int32_t code = library.finish(lease, &answer, &outcome);
    if (code != REFRESHCLIENT_OK) fail("publishing", code, outcome.error.message);
    library.outcome_free(&outcome);
}

static void cycle(int number) { publish(claim(number)); }

static refreshclient_waiter_t wait_for(int number)
{
    refreshclient_request request = REFRESHCLIENT_REQUEST_INIT;
    request.refresh_token = tokens[number];
    refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
    int32_t code = library.begin_nonblocking(client, &request, &outcome);
    if (code != REFRESHCLIENT_WAIT) fail("joining", code, outcome.error.message);
    refreshclient_waiter_t joined = outcome.waiter;
    library.outcome_free(&outcome);
    return joined;
}

static void join(int number)
{
    (void)number;
    library.cancel(wait_for(0));
}

static void wake(int number)
{
    (void)number;
    refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
    int32_t code = library.resume(waiter, &outcome);
    if (code != REFRESHCLIENT_OK) fail("resuming", code, outcome.error.message);
    sink += outcome.body[0];
    library.outcome_free(&outcome);
}

static void name_token(char token[32], int number) { snprintf(token, 32, "hot-path-%08d", number); }

enum { WARM = 64 };

__attribute__((noinline)) void measured(void (*operation)(int), int from, int to)
{
    for (int i = from; i < to; i++) operation(i);
}

/* Another process: holds the lease of the token whose number it reads, says so, publishes at the next byte, says so. */
typedef struct holder {
    pid_t process;
    int orders, answers;
} holder;

_Noreturn static void hold(int orders, int answers)
{
    int number;
    char byte = 0;
    while (read(orders, &number, sizeof number) == sizeof number) {
        refreshclient_lease_t lease = claim(number);
        if (write(answers, &byte, 1) != 1 || read(orders, &byte, 1) != 1) break;
        publish(lease);
        if (write(answers, &byte, 1) != 1) break;
    }
    _exit(0);
}

static holder start_holder(void)
{
    int orders[2], answers[2];
    if (pipe(orders) != 0 || pipe(answers) != 0) fail("pipe", 0, "");
    holder started = { fork(), orders[1], answers[0] };
    if (started.process < 0) fail("fork", 0, "");
    if (started.process == 0) {
        close(orders[1]);
        hold(orders[0], answers[1]);
    }
    close(orders[0]);
    close(answers[1]);
    return started;
}

static void order(const holder *holder, const void *bytes, size_t length)
{
    char byte;
    if (write(holder->orders, bytes, length) != (ssize_t)length || read(holder->answers, &byte, 1) != 1)
        fail("the holder", 0, "has gone");
}

/* A waiter, and a result that is there when it wakes. */
static void prepare_wake(const holder *holder, int number)
{
    order(holder, &number, sizeof number);
    waiter = wait_for(number);
    order(holder, "", 1);
}

int main(int count, char **arguments)
{
    if (count != 5 || strchr("hcjw", arguments[3][0]) == NULL)
        fail("usage", 64, "LIBRARY DIRECTORY hit|cycle|join|wake OPERATIONS");
    char path = arguments[3][0];
    int operations = atoi(arguments[4]);
    tokens = calloc((size_t)operations + WARM, sizeof *tokens);
    if (tokens == NULL) fail("calloc", 0, "");
    for (int i = 0; i < operations + WARM; i++) name_token(tokens[i], i);
    memset(answer_body, 'a', sizeof answer_body);
    static const char head[] = "{\"access_token\":\"", tail[] = "\"}";
    memcpy(answer_body, head, sizeof head - 1);
    memcpy(answer_body + sizeof answer_body - (sizeof tail - 1), tail, sizeof tail - 1);

    load(arguments[1]);
    open_client(arguments[2]);
    const int first = 0;
    holder holder = start_holder();
    /* The tokens of the warm-up are beyond those that are counted. */
    for (int i = operations; i < operations + WARM; i++) {
        if (path == 'w') {
            prepare_wake(&holder, i);
            wake(i);
        } else {
            cycle(i);
        }
    }
    if (path == 'h') {
        cycle(0);
        for (int i = 0; i < WARM; i++) hit(i);
        measured(hit, 0, operations);
    } else if (path == 'c') {
        measured(cycle, 0, operations);
    } else if (path == 'j') {
        order(&holder, &first, sizeof first);
        for (int i = 0; i < WARM; i++) join(i);
        measured(join, 0, operations);
    } else {
        for (int i = 0; i < operations; i++) {
            prepare_wake(&holder, i);
            measured(wake, i, i + 1);
        }
    }
    kill(holder.process, SIGKILL);
    waitpid(holder.process, NULL, 0);
    return 0;
}
