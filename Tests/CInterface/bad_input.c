/* Whatever a program passes, it gets an error code and a message, and never a crash. */
#define _GNU_SOURCE
#include "check.h"

#include <sys/wait.h>
#include <unistd.h>

static refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;

/* The code, and a message that holds `words`. */
static void expect(int32_t got, int32_t code, const char *words) {
    if (got != code || outcome.error.code != code || strstr(outcome.error.message, words) == NULL)
        fprintf(stderr, "got %d (%d): %s\n", got, outcome.error.code, outcome.error.message);
    CHECK(got == code);
    CHECK(outcome.error.code == code);
    CHECK(strstr(outcome.error.message, words) != NULL);
    CHECK(outcome.error.reason[0] != '\0');
    CHECK(outcome.lease == 0 && outcome.waiter == 0);
    refreshclient_outcome_free(&outcome);
}

static int32_t call_counted(void *context, const refreshclient_request *request, refreshclient_answer *answer) {
    (void)request;
    ++*(int *)context;
    *answer = answer_of(200, "{\"access_token\":\"at\"}");
    return 0;
}

static int32_t call_failing(void *context, const refreshclient_request *request, refreshclient_answer *answer) {
    (void)request, (void)answer;
    ++*(int *)context;
    return 42;
}

static int32_t call_too_long(void *context, const refreshclient_request *request, refreshclient_answer *answer) {
    static uint8_t body[65537];
    (void)context, (void)request;
    answer->status = 200;
    answer->body = body;
    answer->body_length = sizeof body;
    return 0;
}

static int32_t open_with(refreshclient_options options, const char *words) {
    refreshclient_t client = 77;
    refreshclient_error error = REFRESHCLIENT_ERROR_INIT;
    int32_t code = refreshclient_open(&options, &client, &error);
    if (strstr(error.message, words) == NULL) fprintf(stderr, "%s\n", error.message);
    CHECK(strstr(error.message, words) != NULL);
    CHECK(error.code == code && client == 0);
    return code;
}

static void options_are_checked(void) {
    refreshclient_t client = 0;
    refreshclient_error error = REFRESHCLIENT_ERROR_INIT;
    refreshclient_options good = options_here(), options;
    CHECK(refreshclient_open(NULL, &client, &error) == REFRESHCLIENT_INVALID_ARGUMENT);
    CHECK(strstr(error.message, "options is NULL") != NULL);
    CHECK(refreshclient_open(&good, NULL, &error) == REFRESHCLIENT_INVALID_ARGUMENT);
    CHECK(refreshclient_open(NULL, NULL, NULL) == REFRESHCLIENT_INVALID_ARGUMENT);
    error.size = 3;
    CHECK(refreshclient_open(&good, &client, &error) == REFRESHCLIENT_INVALID_ARGUMENT);
    CHECK(client == 0);

#define REFUSED(change, words)                                                      \
    do {                                                                            \
        options = good;                                                             \
        change;                                                                     \
        CHECK(open_with(options, words) == REFRESHCLIENT_INVALID_ARGUMENT);         \
    } while (0)
    static char endless[20000];
    memset(endless, 'x', sizeof endless - 1);
    REFUSED(options.size = 0, "size");
    REFUSED(options.size = sizeof options - 1, "size");
    REFUSED(options.size = (size_t)-1, "size");
    REFUSED(options.client_id = NULL, "client_id is NULL");
    REFUSED(options.client_id = "", "client id");
    REFUSED(options.client_id = "a b", "client id");
    REFUSED(options.client_id = "\xff\xfe", "client_id is not UTF-8");
    REFUSED(options.client_id = endless, "client_id is longer");
    REFUSED(options.api_key = "line\n", "API key");
    REFUSED(options.base_url = "http://example.com", "unencrypted");
    REFUSED(options.base_url = "nonsense", "URL");
    REFUSED(options.token_endpoint = "https://id.example/token", "both given");
    REFUSED((options.base_url = NULL, options.token_endpoint = "ftp://x"), "token_endpoint");
    REFUSED(options.ca_bundle = "/nowhere", "certificates");
    REFUSED(options.directory = "\xc3", "directory is not UTF-8");
    REFUSED(options.request_timeout_ms = -2, "request_timeout_ms");
    REFUSED(options.request_timeout_ms = INT64_MAX, "request_timeout_ms");
    REFUSED(options.request_timeout_ms = 0, "request_timeout_ms is 0");
    REFUSED(options.lease_ms = 5000, "lease_ms is 5.0 seconds, and must be longer than the request timeout (10.0 seconds)");
    REFUSED(options.result_retention_ms = 0, "result_retention_ms is 0");
    REFUSED(options.deadline_ms = 0, "deadline_ms is 0");
    REFUSED(options.deadline_ms = INT64_MIN, "deadline_ms");
    REFUSED(options.map_size = 4097, "map_size");
    REFUSED(options.map_size = (1 << 20) + 1, "map_size is 1048577, and must be a multiple of 4096");
    REFUSED(options.polls = 2, "polls");
    REFUSED(options.fails_without_table = 9, "fails_without_table");
    REFUSED(options.log_level = 5, "log_level");
}

static void requests_are_checked(refreshclient_t client) {
    refreshclient_request request;
    int calls = 0;
    static char longest[16385];
    memset(longest, 't', sizeof longest - 1);

#define FOUND_WANTING(change, words)                                                                       \
    do {                                                                                                   \
        request = request_for("rt");                                                                       \
        change;                                                                                            \
        expect(refreshclient_begin(client, &request, &outcome), REFRESHCLIENT_INVALID_ARGUMENT, words);     \
        expect(refreshclient_begin_nonblocking(client, &request, &outcome), REFRESHCLIENT_INVALID_ARGUMENT, words); \
        expect(refreshclient_refresh_workos(client, &request, &outcome), REFRESHCLIENT_INVALID_ARGUMENT, words);    \
        expect(refreshclient_refresh(client, &request, call_counted, &calls, &outcome),                    \
               REFRESHCLIENT_INVALID_ARGUMENT, words);                                                     \
    } while (0)
    FOUND_WANTING(request.refresh_token = NULL, "refresh_token is NULL");
    FOUND_WANTING(request.refresh_token = "", "empty");
    FOUND_WANTING(request.refresh_token = longest, "refresh_token is longer");
    FOUND_WANTING(request.refresh_token = "a\xff", "refresh_token is not UTF-8");
    FOUND_WANTING(request.refresh_token = "\xed\xa0\x80", "refresh_token is not UTF-8");
    FOUND_WANTING(request.organization_id = "", "organization id");
    FOUND_WANTING(request.organization_id = "\x80", "organization_id is not UTF-8");
    FOUND_WANTING(request.scope = "a\nb", "scope");
    FOUND_WANTING(request.user_agent = "\xc0\xaf", "user_agent is not UTF-8");
    FOUND_WANTING(request.deadline_ms = -7, "deadline_ms");
    FOUND_WANTING(request.lease_ms = 0, "lease_ms");
    FOUND_WANTING(request.size = 8, "request->size");
    expect(refreshclient_begin(client, NULL, &outcome), REFRESHCLIENT_INVALID_ARGUMENT, "request is NULL");
    request = request_for("rt");
    expect(refreshclient_refresh(client, &request, NULL, NULL, &outcome), REFRESHCLIENT_INVALID_ARGUMENT, "perform");
    CHECK(refreshclient_begin(client, &request, NULL) == REFRESHCLIENT_INVALID_ARGUMENT);
    CHECK(refreshclient_refresh(client, &request, NULL, NULL, NULL) == REFRESHCLIENT_INVALID_ARGUMENT);
    refreshclient_outcome small = REFRESHCLIENT_OUTCOME_INIT;
    small.size = 16;
    small.error.code = 123;
    CHECK(refreshclient_begin(client, &request, &small) == REFRESHCLIENT_INVALID_ARGUMENT);
    CHECK(small.error.code == 123);
    refreshclient_outcome_free(&small);
    refreshclient_outcome_free(NULL);
    CHECK(calls == 0);
}

/* A newer program's structures have more fields than this library knows. */
static void newer_programs_are_served(refreshclient_t client) {
    struct {
        refreshclient_request request;
        char newer[64];
    } request = {request_for("rt newer"), {0}};
    struct {
        refreshclient_outcome outcome;
        char newer[64];
    } larger = {REFRESHCLIENT_OUTCOME_INIT, {0}};
    request.request.size = sizeof request;
    larger.outcome.size = sizeof larger;
    memset(larger.newer, 7, sizeof larger.newer);
    int calls = 0;
    CHECK(refreshclient_refresh(client, &request.request, call_counted, &calls, &larger.outcome) == REFRESHCLIENT_OK);
    CHECK(calls == 1 && body_is(&larger.outcome, "{\"access_token\":\"at\"}"));
    refreshclient_outcome_free(&larger.outcome);
    CHECK(larger.outcome.size == sizeof larger && larger.outcome.body == NULL && larger.newer[0] == 7);
    CHECK(larger.newer[63] == 7);
}

static void answers_are_checked(refreshclient_t client) {
    static uint8_t long_body[65537];
    refreshclient_request request = request_for("rt answers");
    CHECK(refreshclient_begin(client, &request, &outcome) == REFRESHCLIENT_HOLDER);
    refreshclient_lease_t lease = outcome.lease;
    refreshclient_outcome_free(&outcome);
    refreshclient_answer answer;
#define UNUSABLE(change, words)                                                                                   \
    do {                                                                                                          \
        answer = answer_of(200, "{}");                                                                            \
        change;                                                                                                   \
        expect(refreshclient_finish(lease, &answer, &outcome), REFRESHCLIENT_INVALID_ARGUMENT, words);             \
    } while (0)
    UNUSABLE(answer.size = 1, "answer->size");
    UNUSABLE(answer.status = 7, "status");
    UNUSABLE(answer.status = -200, "status");
    UNUSABLE(answer.body = NULL, "body is NULL");
    UNUSABLE((answer.body = long_body, answer.body_length = sizeof long_body), "65536");
    UNUSABLE(answer.body_length = (size_t)-1, "65536");
    UNUSABLE(answer.request_id = "\xff", "request_id is not UTF-8");
    UNUSABLE(answer.retry_after = "\xff", "retry_after is not UTF-8");
    expect(refreshclient_finish(lease, NULL, &outcome), REFRESHCLIENT_INVALID_ARGUMENT, "answer is NULL");
    CHECK(refreshclient_finish(lease, &answer, NULL) == REFRESHCLIENT_INVALID_ARGUMENT);
    expect(refreshclient_fail(lease, 0, NULL, "m", &outcome), REFRESHCLIENT_INVALID_ARGUMENT, "reason is NULL");
    expect(refreshclient_fail(lease, 0, "\xff", "m", &outcome), REFRESHCLIENT_INVALID_ARGUMENT, "reason is not UTF-8");
    expect(refreshclient_fail(lease, 0, "r", "\xff", &outcome), REFRESHCLIENT_INVALID_ARGUMENT, "message is not UTF-8");
    refreshclient_error error = REFRESHCLIENT_ERROR_INIT;
    CHECK(refreshclient_renew(lease, 0, &error) == REFRESHCLIENT_INVALID_ARGUMENT);
    CHECK(refreshclient_renew(lease, REFRESHCLIENT_DEFAULT, NULL) == REFRESHCLIENT_INVALID_ARGUMENT);
    CHECK(refreshclient_may_send(lease, -5, &error) == REFRESHCLIENT_INVALID_ARGUMENT);
    /* None of that has changed anything. */
    CHECK(refreshclient_may_send(lease, REFRESHCLIENT_DEFAULT, &error) == REFRESHCLIENT_OK);
    CHECK(refreshclient_renew(lease, 20000, &error) == REFRESHCLIENT_OK);
    answer = answer_of(200, "{\"access_token\":\"at\"}");
    CHECK(refreshclient_finish(lease, &answer, &outcome) == REFRESHCLIENT_OK);
    refreshclient_outcome_free(&outcome);
    expect(refreshclient_finish(lease, &answer, &outcome), REFRESHCLIENT_STALE_HANDLE, "finished or abandoned");
    expect(refreshclient_fail(lease, 0, "r", NULL, &outcome), REFRESHCLIENT_STALE_HANDLE, "finished or abandoned");
    CHECK(refreshclient_abandon(lease) == REFRESHCLIENT_STALE_HANDLE);
    CHECK(refreshclient_may_send(lease, REFRESHCLIENT_DEFAULT, &error) == REFRESHCLIENT_STALE_HANDLE);
    CHECK(refreshclient_renew(lease, 1000, &error) == REFRESHCLIENT_STALE_HANDLE);
}

static void handles_are_checked(refreshclient_t client) {
    const uint64_t invented[] = {0, 1, 42, UINT64_MAX, (uint64_t)1 << 63};
    refreshclient_request request = request_for("rt handles");
    refreshclient_answer answer = answer_of(200, "{}");
    refreshclient_counts counts = REFRESHCLIENT_COUNTS_INIT;
    for (size_t index = 0; index < sizeof invented / sizeof *invented; index++) {
        uint64_t handle = invented[index];
        expect(refreshclient_begin(handle, &request, &outcome), REFRESHCLIENT_STALE_HANDLE, "not open");
        expect(refreshclient_refresh_workos(handle, &request, &outcome), REFRESHCLIENT_STALE_HANDLE, "not open");
        expect(refreshclient_finish(handle, &answer, &outcome), REFRESHCLIENT_STALE_HANDLE, "lease");
        expect(refreshclient_resume(handle, &outcome), REFRESHCLIENT_STALE_HANDLE, "waiter");
        CHECK(refreshclient_cancel(handle) == REFRESHCLIENT_STALE_HANDLE);
        CHECK(refreshclient_abandon(handle) == REFRESHCLIENT_STALE_HANDLE);
        CHECK(refreshclient_close(handle) == REFRESHCLIENT_STALE_HANDLE);
        CHECK(refreshclient_directory(handle, NULL, 0) == REFRESHCLIENT_STALE_HANDLE);
        CHECK(refreshclient_get_counts(handle, &counts) == REFRESHCLIENT_STALE_HANDLE);
    }
    CHECK(refreshclient_get_counts(client, NULL) == REFRESHCLIENT_INVALID_ARGUMENT);
    counts.size = 1;
    CHECK(refreshclient_get_counts(client, &counts) == REFRESHCLIENT_INVALID_ARGUMENT);
    char small[4];
    int64_t length = refreshclient_directory(client, small, sizeof small);
    CHECK(length > 4 && strlen(small) == 3);
    CHECK(refreshclient_directory(client, NULL, 0) == length);
    CHECK(refreshclient_directory(client, NULL, 5) == REFRESHCLIENT_INVALID_ARGUMENT);
}

static void a_lease_is_its_process_s(refreshclient_t client) {
    refreshclient_request request = request_for("rt forked");
    CHECK(refreshclient_begin(client, &request, &outcome) == REFRESHCLIENT_HOLDER);
    refreshclient_lease_t lease = outcome.lease;
    refreshclient_outcome_free(&outcome);
    refreshclient_answer answer = answer_of(200, "{\"access_token\":\"at_parent\"}");
    pid_t child = fork();
    if (child == 0) {
        expect(refreshclient_finish(lease, &answer, &outcome), REFRESHCLIENT_STALE_HANDLE, "another process's");
        CHECK(refreshclient_abandon(lease) == REFRESHCLIENT_STALE_HANDLE);
        /* Not either when the child has as many leases of its own. */
        for (int number = 0; number < 64; number++) {
            char token[32];
            snprintf(token, sizeof token, "rt of the child %d", number);
            refreshclient_request another = request_for(token);
            CHECK(refreshclient_begin(client, &another, &outcome) == REFRESHCLIENT_HOLDER && outcome.lease != lease);
            refreshclient_outcome_free(&outcome);
        }
        CHECK(refreshclient_abandon(lease) == REFRESHCLIENT_STALE_HANDLE);
        /* The client is good in the child, and the parent holds on. */
        CHECK(refreshclient_begin_nonblocking(client, &request, &outcome) == REFRESHCLIENT_WAIT);
        CHECK(refreshclient_cancel(outcome.waiter) == REFRESHCLIENT_OK);
        CHECK(refreshclient_cancel(outcome.waiter) == REFRESHCLIENT_STALE_HANDLE);
        _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(refreshclient_finish(lease, &answer, &outcome) == REFRESHCLIENT_OK);
    refreshclient_outcome_free(&outcome);
}

static void callbacks_may_fail(refreshclient_t client) {
    int calls = 0;
    refreshclient_request request = request_for("rt callback");
    expect(refreshclient_refresh(client, &request, call_failing, &calls, &outcome), REFRESHCLIENT_CALLBACK_FAILED,
           "callback returned 42");
    CHECK(calls == 1);
    expect(refreshclient_refresh(client, &request, call_too_long, NULL, &outcome), REFRESHCLIENT_INVALID_ARGUMENT, "65536");
    /* The lease was let go both times. */
    int64_t began = now_ms();
    CHECK(refreshclient_refresh(client, &request, call_counted, &calls, &outcome) == REFRESHCLIENT_OK);
    CHECK(calls == 2 && now_ms() - began < 2000);
    refreshclient_outcome_free(&outcome);
}

/* What is too long for its field ends with a whole character. */
static void texts_are_cut_between_characters(refreshclient_t client) {
    char message[1001], reason[64];
    for (size_t offset = 0; offset < 2; offset++) {
        memset(message, 'x', sizeof message);
        for (size_t index = offset; index + 2 < sizeof message; index += 2) memcpy(message + index, "\xc3\xa9", 2);
        message[1000] = '\0';
        if (offset + 998 < 1000) message[offset + 998] = '\0';
        memset(reason, 'r', sizeof reason - 1);
        reason[63] = '\0';
        refreshclient_request request = request_for(offset == 0 ? "rt even" : "rt odd");
        CHECK(refreshclient_begin(client, &request, &outcome) == REFRESHCLIENT_HOLDER);
        refreshclient_lease_t lease = outcome.lease;
        refreshclient_outcome_free(&outcome);
        CHECK(refreshclient_fail(lease, 1, reason, message, &outcome) == REFRESHCLIENT_CALLBACK_FAILED);
        size_t length = strlen(outcome.error.message);
        CHECK(strcmp(outcome.error.reason, reason) == 0 && (unsigned char)outcome.error.message[length - 1] == 0xa9);
        CHECK(strstr(outcome.error.message, "\xc3\xa9") != NULL && length < 400);
        refreshclient_outcome_free(&outcome);
    }
    /* The directory's name is cut by its room alone. */
    refreshclient_options options = options_here();
    options.directory = "/tmp/\xc3\xa9\xc3\xa9";
    refreshclient_t other = 0;
    CHECK(refreshclient_open(&options, &other, NULL) == REFRESHCLIENT_OK);
    for (size_t room = 1; room < 10; room++) {
        char buffer[16];
        memset(buffer, '?', sizeof buffer);
        CHECK(refreshclient_directory(other, buffer, room) == 9);
        size_t kept = room - 1 <= 5 ? room - 1 : 5 + (room - 1 - 5) / 2 * 2;
        CHECK(strlen(buffer) == kept && memcmp(buffer, options.directory, kept) == 0 && buffer[room] == '?');
    }
    CHECK(refreshclient_close(other) == REFRESHCLIENT_OK);
}

static void closed_clients_are_stale(void) {
    refreshclient_options options = options_here();
    options.client_id = "client_to_close";
    refreshclient_t once = 0, twice = 0;
    CHECK(refreshclient_open(&options, &once, NULL) == REFRESHCLIENT_OK);
    CHECK(refreshclient_open(&options, &twice, NULL) == REFRESHCLIENT_OK && once == twice);
    CHECK(refreshclient_close(once) == REFRESHCLIENT_OK);
    refreshclient_request request = request_for("rt closed");
    CHECK(refreshclient_begin(once, &request, &outcome) == REFRESHCLIENT_HOLDER);
    refreshclient_lease_t lease = outcome.lease;
    refreshclient_outcome_free(&outcome);
    CHECK(refreshclient_close(once) == REFRESHCLIENT_OK);
    CHECK(refreshclient_close(once) == REFRESHCLIENT_STALE_HANDLE);
    expect(refreshclient_begin(once, &request, &outcome), REFRESHCLIENT_STALE_HANDLE, "not open");
    /* Leases go on. */
    refreshclient_answer answer = answer_of(200, "{\"access_token\":\"at\"}");
    CHECK(refreshclient_finish(lease, &answer, &outcome) == REFRESHCLIENT_OK);
    refreshclient_outcome_free(&outcome);
}

int main(void) {
    CHECK(strcmp(refreshclient_version(), "1.0.0") == 0);
    refreshclient_t client = client_here();
    options_are_checked();
    requests_are_checked(client);
    newer_programs_are_served(client);
    answers_are_checked(client);
    handles_are_checked(client);
    a_lease_is_its_process_s(client);
    callbacks_may_fail(client);
    texts_are_cut_between_characters(client);
    closed_clients_are_stale();
    CHECK(refreshclient_close(client) == REFRESHCLIENT_OK);
    return 0;
}
