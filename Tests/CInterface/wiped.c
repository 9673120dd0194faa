/* What the library gives out does not outlive refreshclient_outcome_free: the memory is empty before it is free(3)d. */
#define _GNU_SOURCE
#include "check.h"

/* glibc's own; the library calls the one below. */
void __libc_free(void *memory);

static const uint8_t *watched;
static size_t watched_length;
static int seen, is_empty;

void free(void *memory) {
    if (memory != NULL && memory == watched) {
        seen = is_empty = 1;
        for (size_t index = 0; index < watched_length; index++) is_empty &= watched[index] == 0;
        watched = NULL;
    }
    __libc_free(memory);
}

static void is_wiped(refreshclient_outcome *outcome) {
    CHECK(outcome->body != NULL && outcome->body_length > 0 && outcome->body[0] == '{');
    watched = outcome->body;
    watched_length = outcome->body_length;
    seen = is_empty = 0;
    refreshclient_outcome_free(outcome);
    CHECK(seen && is_empty);
    CHECK(outcome->body == NULL && outcome->body_length == 0);
}

int main(void) {
    refreshclient_t client = client_here();
    refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
    char body[64];
    refreshclient_request request = request_for("rt wiped");
    refreshclient_answer answer = success_with("at_wiped", body, sizeof body);
    CHECK(refreshclient_begin(client, &request, &outcome) == REFRESHCLIENT_HOLDER);
    refreshclient_lease_t lease = outcome.lease;
    refreshclient_outcome_free(&outcome);
    CHECK(refreshclient_finish(lease, &answer, &outcome) == REFRESHCLIENT_OK);
    is_wiped(&outcome);
    CHECK(refreshclient_begin(client, &request, &outcome) == REFRESHCLIENT_OK);
    is_wiped(&outcome);

    /* An error's body may hold a token as well. */
    request.refresh_token = "rt refused";
    answer = answer_of(403, "{\"pending_authentication_token\":\"pat\"}");
    CHECK(refreshclient_begin(client, &request, &outcome) == REFRESHCLIENT_HOLDER);
    lease = outcome.lease;
    refreshclient_outcome_free(&outcome);
    CHECK(refreshclient_finish(lease, &answer, &outcome) < 0);
    is_wiped(&outcome);
    CHECK(refreshclient_close(client) == REFRESHCLIENT_OK);
    return 0;
}
