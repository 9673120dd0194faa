/* What the programs here have in common: a check that says where it failed, and clients on a directory of their own. */
#ifndef CHECK_H
#define CHECK_H

#include <refreshclient.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHECK(condition)                                                                       \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);            \
            exit(1);                                                                           \
        }                                                                                      \
    } while (0)

static inline refreshclient_options options_here(void) {
    refreshclient_options options = REFRESHCLIENT_OPTIONS_INIT;
    options.client_id = "client_check";
    options.api_key = "sk_check";
    options.log_level = 0;
    /* Nobody listens there. */
    options.base_url = "http://127.0.0.1:9";
    options.map_size = 16 << 20;
    return options;
}

static inline refreshclient_t client_here(void) {
    refreshclient_options options = options_here();
    refreshclient_t client = 0;
    refreshclient_error error = REFRESHCLIENT_ERROR_INIT;
    int32_t code = refreshclient_open(&options, &client, &error);
    if (code != REFRESHCLIENT_OK) fprintf(stderr, "%s\n", error.message);
    CHECK(code == REFRESHCLIENT_OK);
    return client;
}

static inline refreshclient_request request_for(const char *token) {
    refreshclient_request request = REFRESHCLIENT_REQUEST_INIT;
    request.refresh_token = token;
    return request;
}

/* A 200 with this access token; `body` is the program's. */
static inline refreshclient_answer success_with(const char *access_token, char *body, size_t room) {
    refreshclient_answer answer = REFRESHCLIENT_ANSWER_INIT;
    answer.status = 200;
    answer.body_length = (size_t)snprintf(body, room, "{\"access_token\":\"%s\"}", access_token);
    answer.body = (const uint8_t *)body;
    answer.request_id = "req_check";
    return answer;
}

static inline refreshclient_answer answer_of(int status, const char *body) {
    refreshclient_answer answer = REFRESHCLIENT_ANSWER_INIT;
    answer.status = status;
    answer.body = (const uint8_t *)body;
    answer.body_length = strlen(body);
    return answer;
}

static inline int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline int body_is(const refreshclient_outcome *outcome, const char *text) {
    return outcome->body != NULL && outcome->body_length == strlen(text) &&
           memcmp(outcome->body, text, strlen(text)) == 0 && outcome->body[outcome->body_length] == 0;
}

#endif
