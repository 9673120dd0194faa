/*
 * A small prefork HTTP server: the master binds, forks workers that accept, and replaces those that die. Each page needs a
 * fresh access token; however many workers are asked with the same refresh token at once, WorkOS is called once.
 *
 *     GET /page       with X-Refresh-Token: TOKEN   200 {"access_token": ..., "pid": ...}
 *                                                   503 {"error": ..., "retryable": ..., "message": ...}
 *     GET /healthz                                  200 ok
 *
 * Environment: HOST_PORT (8080), HOST_WORKERS (8), WORKOS_CLIENT_ID, WORKOS_API_KEY, WORKOS_BASE_URL, and what the library
 * itself reads. With HOST_PRELOAD=1 the master opens the client before it forks; with HOST_WARMUP_TOKEN it also refreshes
 * that token: nothing of either is in the way of the workers.
 */
#define _GNU_SOURCE
#include <refreshclient.h>

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_WORKERS = 64, LONGEST_REQUEST = 32768 };

static volatile sig_atomic_t must_stop;

static void stop(int signal_number) {
    (void)signal_number;
    must_stop = 1;
}

static int number_from(const char *name, int otherwise) {
    const char *text = getenv(name);
    int number = text != NULL ? atoi(text) : 0;
    return number > 0 ? number : otherwise;
}

/* Opening it anew gives the same client: do it where it is convenient. */
static refreshclient_t open_client(void) {
    refreshclient_options options = REFRESHCLIENT_OPTIONS_INIT;
    options.client_id = getenv("WORKOS_CLIENT_ID");
    options.api_key = getenv("WORKOS_API_KEY");
    options.base_url = getenv("WORKOS_BASE_URL");
    refreshclient_t client;
    refreshclient_error error = REFRESHCLIENT_ERROR_INIT;
    if (refreshclient_open(&options, &client, &error) != REFRESHCLIENT_OK) {
        fprintf(stderr, "the client cannot be opened: %s\n", error.message);
        exit(78);
    }
    return client;
}

static void send_all(int connection, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = send(connection, bytes, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return;
        bytes += sent;
        length -= (size_t)sent;
    }
}

static void respond(int connection, const char *status, const char *type, const char *body) {
    char head[256];
    int length = snprintf(head, sizeof head,
                          "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", status,
                          type, strlen(body));
    send_all(connection, head, (size_t)length);
    send_all(connection, body, strlen(body));
}

/* Text as the inside of a JSON string. */
static void escape(const char *text, char *target, size_t room) {
    size_t length = 0;
    for (; *text != '\0' && length + 7 < room; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\') {
            target[length++] = '\\';
            target[length++] = (char)byte;
        } else if (byte < 0x20) {
            length += (size_t)snprintf(target + length, room - length, "\\u%04x", byte);
        } else {
            target[length++] = (char)byte;
        }
    }
    target[length] = '\0';
}

/* The access token, which is base64 and dots, from the answer's JSON; false where it is not found. */
static bool access_token(const char *json, char *token, size_t room) {
    const char *at = strstr(json, "\"access_token\"");
    if (at == NULL || (at = strchr(at + 14, ':')) == NULL || (at = strchr(at, '"')) == NULL) return false;
    const char *end = strchr(++at, '"');
    if (end == NULL || (size_t)(end - at) >= room) return false;
    memcpy(token, at, (size_t)(end - at));
    token[end - at] = '\0';
    return true;
}

static void serve_page(int connection, refreshclient_t client, const char *refresh_token) {
    static char token[65536], page[65536 + 128];
    refreshclient_request request = REFRESHCLIENT_REQUEST_INIT;
    request.refresh_token = refresh_token;
    refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
    int32_t code = refreshclient_refresh_workos(client, &request, &outcome);
    if (code == REFRESHCLIENT_OK && access_token((const char *)outcome.body, token, sizeof token)) {
        snprintf(page, sizeof page, "{\"access_token\": \"%s\", \"pid\": %d}", token, (int)getpid());
        respond(connection, "200 OK", "application/json", page);
    } else {
        char message[1024], reason[256];
        escape(outcome.error.message, message, sizeof message);
        escape(outcome.error.reason, reason, sizeof reason);
        snprintf(page, sizeof page, "{\"error\": \"%s\", \"retryable\": %s, \"message\": \"%s\"}", reason,
                 outcome.error.is_retryable ? "true" : "false", message);
        respond(connection, "503 Service Unavailable", "application/json", page);
    }
    refreshclient_outcome_free(&outcome);
}

/* The value of a header, ended by a NUL in place; NULL where there is none. */
static char *header(char *request, const char *name) {
    size_t length = strlen(name);
    for (char *line = strstr(request, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, length) != 0 || line[length] != ':') continue;
        char *value = line + length + 1;
        value += strspn(value, " \t");
        value[strcspn(value, "\r")] = '\0';
        return value;
    }
    return NULL;
}

static void serve(int connection, refreshclient_t client) {
    static char request[LONGEST_REQUEST + 1];
    size_t length = 0;
    /* Nothing of the request before. */
    request[0] = '\0';
    do {
        ssize_t got = recv(connection, request + length, LONGEST_REQUEST - length, 0);
        if (got < 0 && errno == EINTR && !must_stop) continue;
        if (got <= 0) return;
        length += (size_t)got;
        request[length] = '\0';
    } while (strstr(request, "\r\n\r\n") == NULL && length < LONGEST_REQUEST);

    if (strncmp(request, "GET /healthz ", 13) == 0) {
        respond(connection, "200 OK", "text/plain", "ok");
    } else if (strncmp(request, "GET /page ", 10) == 0) {
        char *token = header(request, "X-Refresh-Token");
        if (token == NULL) respond(connection, "400 Bad Request", "text/plain", "X-Refresh-Token is missing\n");
        else serve_page(connection, client, token);
    } else {
        respond(connection, "404 Not Found", "text/plain", "GET /page or /healthz\n");
    }
}

static void work(int listener) {
    refreshclient_t client = open_client();
    while (!must_stop) {
        int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (connection < 0) continue;
        serve(connection, client);
        close(connection);
    }
    refreshclient_close(client);
}

static pid_t start_worker(int listener) {
    pid_t master = getpid();
    pid_t worker = fork();
    if (worker != 0) return worker;
    /* A worker does not outlive its master. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != master) _exit(0);
    work(listener);
    _exit(0);
}

static int listen_on(int port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 1024) != 0) {
        perror("listen");
        exit(71);
    }
    return listener;
}

static void preload(void) {
    refreshclient_t client = open_client();
    const char *token = getenv("HOST_WARMUP_TOKEN");
    if (token == NULL) return;
    refreshclient_request request = REFRESHCLIENT_REQUEST_INIT;
    request.refresh_token = token;
    refreshclient_outcome outcome = REFRESHCLIENT_OUTCOME_INIT;
    if (refreshclient_refresh_workos(client, &request, &outcome) != REFRESHCLIENT_OK)
        fprintf(stderr, "warming up: %s\n", outcome.error.message);
    refreshclient_outcome_free(&outcome);
}

int main(void) {
    /* No SA_RESTART: a signal ends the wait for children, or for a connection. */
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);

    int listener = listen_on(number_from("HOST_PORT", 8080));
    const char *loads = getenv("HOST_PRELOAD");
    if (loads != NULL && strcmp(loads, "1") == 0) preload();

    pid_t workers[MOST_WORKERS];
    int count = number_from("HOST_WORKERS", 8);
    if (count > MOST_WORKERS) count = MOST_WORKERS;
    for (int index = 0; index < count; index++) workers[index] = start_worker(listener);
    while (!must_stop) {
        pid_t dead = waitpid(-1, NULL, 0);
        for (int index = 0; index < count && dead > 0; index++)
            if (workers[index] == dead && !must_stop) workers[index] = start_worker(listener);
    }
    for (int index = 0; index < count; index++) kill(workers[index], SIGTERM);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) continue;
    return 0;
}
