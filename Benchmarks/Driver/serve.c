/* The upstream as a small HTTP/1.1 server: for the sidecar, which calls nothing else. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fleet.h"

typedef struct connection {
    shared *shared;
    int socket;
} connection;

/* Reads one request; returns how much of the buffer it took, 0 at the end. */
static size_t read_request(int socket, char *buffer, size_t capacity)
{
    size_t received = 0, expected = 0;
    while (expected == 0 || received < expected) {
        if (received + 1 >= capacity) return 0;
        ssize_t count = read(socket, buffer + received, capacity - 1 - received);
        if (count <= 0) return 0;
        received += (size_t)count;
        buffer[received] = 0;
        char *end = strstr(buffer, "\r\n\r\n");
        if (expected != 0 || end == NULL) continue;
        char *length = strcasestr(buffer, "\r\ncontent-length:");
        size_t body = length != NULL && length < end ? strtoul(length + strlen("\r\ncontent-length:"), NULL, 10) : 0;
        expected = (size_t)(end + 4 - buffer) + body;
    }
    return received;
}

static void *serve_connection(void *context)
{
    connection *self = context;
    fleet_upstream upstream = make_upstream(self->shared);
    char buffer[16384], response[RESULT_CAPACITY + 256];
    result answer;
    while (read_request(self->socket, buffer, sizeof buffer) > 0) {
        upstream.upstream.call(&upstream.upstream, &answer);
        int length = snprintf(response, sizeof response,
                              "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%.*s",
                              answer.length, (int)answer.length, answer.bytes);
        if (write(self->socket, response, (size_t)length) != length) break;
    }
    close(self->socket);
    free(self);
    return NULL;
}

void serve_upstream(shared *shared, int port)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 256) != 0) die("listen");
    printf("listening\n");
    fflush(stdout);
    for (;;) {
        int accepted = accept(listener, NULL, NULL);
        if (accepted < 0) continue;
        setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connection *connection = allocate(sizeof *connection);
        connection->shared = shared;
        connection->socket = accepted;
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve_connection, connection) != 0) die("pthread_create");
        pthread_detach(thread);
    }
}
