/* Gives one contender one kind of work, and prints what was measured as one JSON object. Benchmarks/run calls it. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet.h"

typedef struct workload {
    const char *name;
    void (*run)(const order *order, shared *shared);
} workload;

static const workload workloads[] = {
    { "hits", run_hits },           { "cycles", run_cycles }, { "records", run_records }, { "wakes", run_wakes },
    { "takeovers", run_takeovers }, { "slow", run_slow },     { "storm", run_storm },     { "memory", run_memory },
};

_Noreturn static void usage(const char *problem)
{
    fprintf(stderr,
            "contend: %s\nusage: contend --contender NAME --workload NAME --directory EMPTY [--redis SOCKET] [--library FILE]\n"
            "  [--swift-library FILE] [--sidecar SOCKET] [--shared FILE] [--server PID] [--processes N] [--threads N] [--rounds N] [--operations N]\n"
            "  [--call-ms N] [--records N] [--retention-ms N] [--staggered] [--cold]\n"
            "   or: contend --serve PORT --shared FILE\n   or: contend --list\n",
            problem);
    exit(64);
}

static void list(void)
{
    for (int i = 0; contenders[i] != NULL; i++) {
        const contender *one = contenders[i];
        printf("%s %s %s\n", one->name, one->coordinates ? "coordinates" : "uncoordinated",
               one->needs_redis ? "redis" : one->needs_library ? "library" : one->needs_swift ? "swift" : one->needs_sidecar ? "sidecar" : "alone");
    }
    exit(0);
}

static const contender *find_contender(const char *name)
{
    for (int i = 0; contenders[i] != NULL; i++) {
        if (strcmp(contenders[i]->name, name) == 0) return contenders[i];
    }
    usage("no such contender");
}

static const workload *find_workload(const char *name)
{
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++) {
        if (strcmp(workloads[i].name, name) == 0) return &workloads[i];
    }
    usage("no such workload");
}

static int64_t number(const char *text, int64_t least, int64_t most)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || *end != 0 || end == text || value < least || value > most) usage("a number is out of range");
    return value;
}

int main(int count, char **arguments)
{
    static const struct option options[] = {
        { "contender", required_argument, NULL, 'c' }, { "workload", required_argument, NULL, 'w' },
        { "directory", required_argument, NULL, 'd' }, { "redis", required_argument, NULL, 'r' },
        { "library", required_argument, NULL, 'l' },   { "sidecar", required_argument, NULL, 's' },
        { "shared", required_argument, NULL, 'm' },    { "server", required_argument, NULL, 'v' },
        { "processes", required_argument, NULL, 'p' }, { "threads", required_argument, NULL, 't' },
        { "rounds", required_argument, NULL, 'n' },    { "operations", required_argument, NULL, 'o' },
        { "call-ms", required_argument, NULL, 'u' },   { "records", required_argument, NULL, 'k' },
        { "staggered", no_argument, NULL, 'g' },       { "retention-ms", required_argument, NULL, 'e' },
        { "cold", no_argument, NULL, 'C' },            { "list", no_argument, NULL, 'L' },
        { "serve", required_argument, NULL, 'S' },     { "swift-library", required_argument, NULL, 'W' },
        { NULL, 0, NULL, 0 },
    };
    order order = { .processes = 1, .threads = 1, .rounds = 1, .operations = 1 };
    const workload *work = NULL;
    order.scene.retention_ms = 30000;
    int port = 0;
    for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) {
        switch (option) {
        case 'c': order.contender = find_contender(optarg); break;
        case 'w': work = find_workload(optarg); break;
        case 'd': order.scene.directory = optarg; break;
        case 'r': order.scene.redis_socket = optarg; break;
        case 'l': order.scene.library = optarg; break;
        case 'W': order.scene.swift_library = optarg; break;
        case 's': order.scene.sidecar_socket = optarg; break;
        case 'm': order.shared_file = optarg; break;
        case 'v': order.server = (pid_t)number(optarg, 1, INT32_MAX); break;
        case 'p': order.processes = (int)number(optarg, 1, CALLERS_LIMIT); break;
        case 't': order.threads = (int)number(optarg, 1, CALLERS_LIMIT); break;
        case 'n': order.rounds = (int)number(optarg, 1, 100000); break;
        case 'o': order.operations = (int)number(optarg, 1, 10000000); break;
        case 'u': order.call_ns = number(optarg, 0, 100000) * 1000000; break;
        case 'k': order.scene.records = number(optarg, 1, 1000000); break;
        case 'e': order.scene.retention_ms = number(optarg, 1, 3600000); break;
        case 'C': order.cold = true; break;
        case 'g': order.staggered = true; break;
        case 'S': port = (int)number(optarg, 1, 65535); break;
        case 'L': list(); break;
        default: usage("an option is not known");
        }
    }
    if (port != 0) serve_upstream(map_shared(order.shared_file), port);
    if (order.contender == NULL || work == NULL || order.scene.directory == NULL) usage("an option is missing");
    const contender *one = order.contender;
    if ((one->needs_redis && !order.scene.redis_socket) || (one->needs_library && !order.scene.library) ||
        (one->needs_swift && !order.scene.swift_library) ||
        (one->needs_sidecar && (!order.scene.sidecar_socket || !order.shared_file)))
        usage("this contender needs more than was given");
    shared *shared = map_shared(order.shared_file);
    reset_shared(shared);
    one->prepare(&order.scene);
    printf("{");
    work->run(&order, shared);
    printf("}\n");
    return 0;
}
