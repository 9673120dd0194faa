/*
 * The hot paths of the library, through its C interface, so often that an instruction more in one of them can be counted.
 *
 *     hot-paths LIBRARY EMPTY-DIRECTORY hit|cycle|join OPERATIONS
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

static void hit(const char *token)
{
    refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
    int32_t code = begin(token, &outcome);
    if (code != REFRESHCLIENT_OK) fail("a hit", code, outcome.error.message);
    sink += outcome.body[0];
    library.outcome_free(&outcome);
}

static void cycle(const char *token)
{
    refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
    int32_t code = begin(token, &outcome);
    if (code != REFRESHCLIENT_HOLDER) fail("a claim", code, outcome.error.message);
    refreshclient_lease_t lease = outcome.lease;
    library.outcome_free(&outcome);
    refreshclient_answer answer = REFRESHCLIENT_ANSWER_INIT;
    answer.status = 200;
    answer.body = (const uint8_t *)answer_body;
    answer.body_length = sizeof answer_body;
    code = library.finish(lease, &answer, &outcome);
    if (code != REFRESHCLIENT_OK) fail("publishing", code, outcome.error.message);
    library.outcome_free(&outcome);
}

static void join(const char *token)
{
    refreshclient_request request = REFRESHCLIENT_REQUEST_INIT;
    request.refresh_token = token;
    refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
    int32_t code = library.begin_nonblocking(client, &request, &outcome);
    if (code != REFRESHCLIENT_WAIT) fail("joining", code, outcome.error.message);
    refreshclient_waiter_t waiter = outcome.waiter;
    library.outcome_free(&outcome);
    library.cancel(waiter);
}

static void name_token(char token[32], int number) { snprintf(token, 32, "hot-path-%08d", number); }

enum { WARM = 64 };

__attribute__((noinline)) void measured(const char *path, int operations, char (*tokens)[32])
{
    for (int i = 0; i < operations; i++) {
        if (path[0] == 'h') hit(tokens[0]);
        else if (path[0] == 'c') cycle(tokens[i]);
        else join(tokens[0]);
    }
}

/* Another process that holds the lease until it is killed. */
static pid_t start_holder(const char *token)
{
    int ready[2];
    char byte;
    if (pipe(ready) != 0) fail("pipe", 0, "");
    pid_t child = fork();
    if (child < 0) fail("fork", 0, "");
    if (child == 0) {
        refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
        if (begin(token, &outcome) != REFRESHCLIENT_HOLDER) _exit(70);
        if (write(ready[1], "", 1) != 1) _exit(70);
        for (;;) pause();
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1) fail("the holder", 0, "");
    close(ready[0]);
    return child;
}

int main(int count, char **arguments)
{
    if (count != 5 || strchr("hcj", arguments[3][0]) == NULL) fail("usage", 64, "LIBRARY DIRECTORY hit|cycle|join OPERATIONS");
    const char *path = arguments[3];
    int operations = atoi(arguments[4]);
    char (*tokens)[32] = calloc((size_t)operations + WARM, sizeof *tokens);
    if (tokens == NULL) fail("calloc", 0, "");
    for (int i = 0; i < operations + WARM; i++) name_token(tokens[i], i);
    memset(answer_body, 'a', sizeof answer_body);
    static const char head[] = "{\"access_token\":\"", tail[] = "\"}";
    memcpy(answer_body, head, sizeof head - 1);
    memcpy(answer_body + sizeof answer_body - (sizeof tail - 1), tail, sizeof tail - 1);

    load(arguments[1]);
    open_client(arguments[2]);
    pid_t holder = path[0] == 'j' ? start_holder(tokens[0]) : 0;
    /* The tokens of the warm-up are beyond those that are counted. */
    for (int i = 0; i < WARM; i++) cycle(tokens[operations + i]);
    if (path[0] == 'h') cycle(tokens[0]);
    for (int i = 0; i < WARM; i++) {
        if (path[0] == 'h') hit(tokens[0]);
        else if (path[0] == 'j') join(tokens[0]);
    }
    measured(path, operations, tokens);
    if (holder > 0) {
        kill(holder, SIGKILL);
        waitpid(holder, NULL, 0);
    }
    return 0;
}
