/*
 * This project's sidecar, over its Unix socket: POST /user_management/authenticate on a connection that stays open.
 *
 * The sidecar calls its own upstream, over HTTP: the scene's `sidecar_socket` leads to one that was started with the
 * driver's small HTTP server as its upstream. The caller's own `upstream` is never called.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "contender.h"

typedef struct caller {
    const scene *scene;
    int socket;
} caller;

static void prepare(const scene *scene) { (void)scene; }

static void connect_caller(caller *self)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "%s", self->scene->sidecar_socket);
    self->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (self->socket < 0 || connect(self->socket, (struct sockaddr *)&address, sizeof address) != 0)
        die("the sidecar's socket");
}

static void *open_caller(const scene *scene)
{
    caller *self = allocate(sizeof *self);
    self->scene = scene;
    connect_caller(self);
    return self;
}

static int refresh(void *opaque, const char *token, upstream *upstream, result *result)
{
    (void)upstream;
    caller *self = opaque;
    char body[256], request[640], response[RESULT_CAPACITY + 2048];
    int body_length = snprintf(
        body, sizeof body,
        "{\"client_id\":\"client_benchmark\",\"grant_type\":\"refresh_token\",\"refresh_token\":\"%s\"}", token);
    int request_length = snprintf(
        request, sizeof request,
        "POST /user_management/authenticate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: %d\r\n\r\n%s", body_length, body);
    errno = 0;
    if (write(self->socket, request, (size_t)request_length) != request_length) die("write to the sidecar");
    size_t received = 0, expected = 0, head = 0;
    while (expected == 0 || received < expected) {
        ssize_t count = read(self->socket, response + received, sizeof response - 1 - received);
        if (count <= 0) die("read from the sidecar");
        received += (size_t)count;
        response[received] = 0;
        char *end = head == 0 ? strstr(response, "\r\n\r\n") : NULL;
        if (end == NULL) continue;
        head = (size_t)(end + 4 - response);
        char *length = strcasestr(response, "\r\ncontent-length:");
        if (length == NULL || length > end) die("the sidecar's answer has no length");
        expected = head + strtoul(length + strlen("\r\ncontent-length:"), NULL, 10);
    }
    if (strncmp(response, "HTTP/1.1 200", 12) != 0) return -1;
    set_result(result, response + head, expected - head);
    return 0;
}

const contender refreshd_sidecar = {
    .name = "refreshd-sidecar",
    .needs_sidecar = true,
    .coordinates = true,
    .prepare = prepare,
    .open = open_caller,
    .refresh = refresh,
};
