/*
 * This project's own mechanism with nothing around it: a lease in LMDB and a named pipe that its holder keeps open.
 *
 * As near to the machine's limit as it gets: no sealing, no expiry, no deadlines on locks, no guard against forks,
 * namespaces, full disks or removed directories. Two more forms show what the first two of these cost: -sealed derives its
 * keys and encrypts as the library does, and -swept keeps an index by expiry, and removes up to two records with each write.
 */
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contender.h"
#include "sealing.h"

enum { LEASE_MS = 12000, HELD = 1, SUCCESS = 2, MAIN_DATABASE = 1, WAKE_LENGTH = 4096, SWEPT_PER_WRITE = 2 };

/* As long as the library's. */
typedef struct record {
    uint32_t state, pid;
    uint64_t generation, pipe;
    int64_t ends_at;
    char reserved[112 - 32];
    char body[RESULT_CAPACITY + SEALING_OVERHEAD];
} record;

enum { HEADER_LENGTH = 112, EXPIRY_KEY_LENGTH = 1 + 8 + TOKEN_CAPACITY };

typedef struct caller {
    const scene *scene;
    MDB_env *environment;
    MDB_txn *reader;
    bool seals, sweeps;
} caller;

typedef struct key {
    MDB_val value;
    sealing_keys sealing;
} key;

static void check(int code, const char *call)
{
    if (code != 0) {
        errno = 0;
        die("%s: %s", call, mdb_strerror(code));
    }
}

static MDB_env *open_environment(const scene *scene)
{
    MDB_env *environment;
    check(mdb_env_create(&environment), "mdb_env_create");
    check(mdb_env_set_mapsize(environment, (size_t)(scene->records > 0 ? 4 : 1) << 30), "mdb_env_set_mapsize");
    check(mdb_env_set_maxreaders(environment, 1024), "mdb_env_set_maxreaders");
    check(mdb_env_open(environment, scene->directory, MDB_NOSYNC | MDB_NOTLS, 0600), "mdb_env_open");
    /* The main database is there from the beginning; opening it gives this process its order of keys. */
    MDB_txn *transaction;
    MDB_dbi database;
    check(mdb_txn_begin(environment, NULL, MDB_RDONLY, &transaction), "mdb_txn_begin");
    check(mdb_dbi_open(transaction, NULL, 0, &database), "mdb_dbi_open");
    check(mdb_txn_commit(transaction), "mdb_txn_commit");
    return environment;
}

/* Made by a child: an environment must not be open across a fork. */
static void prepare(const scene *scene)
{
    pid_t child = fork();
    if (child < 0) die("fork");
    if (child == 0) {
        mdb_env_close(open_environment(scene));
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

static caller *open_any(const scene *scene)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static MDB_env *environment;
    caller *self = allocate(sizeof *self);
    self->scene = scene;
    pthread_mutex_lock(&mutex);
    if (environment == NULL) environment = open_environment(scene);
    self->environment = environment;
    pthread_mutex_unlock(&mutex);
    check(mdb_txn_begin(environment, NULL, MDB_RDONLY, &self->reader), "mdb_txn_begin");
    mdb_txn_reset(self->reader);
    return self;
}

static void *open_bare(const scene *scene) { return open_any(scene); }

static void *open_sealed(const scene *scene)
{
    caller *self = open_any(scene);
    self->seals = true;
    return self;
}

static void *open_swept(const scene *scene)
{
    caller *self = open_any(scene);
    self->sweeps = true;
    return self;
}

static void make_key(const caller *self, const char *token, key *key)
{
    if (self->seals) {
        derive_keys(token, &key->sealing);
        key->value = (MDB_val){ RECORD_KEY_LENGTH, key->sealing.record };
    } else {
        key->value = (MDB_val){ strlen(token), (void *)token };
    }
}

/* Copies header and body; a state of 0 says that there is none. */
static size_t get(MDB_txn *transaction, const key *key, record *record)
{
    MDB_val sought = key->value, found;
    int code = mdb_get(transaction, MAIN_DATABASE, &sought, &found);
    if (code == MDB_NOTFOUND) {
        record->state = 0;
        return 0;
    }
    check(code, "mdb_get");
    memcpy(record, found.mv_data, found.mv_size);
    return found.mv_size - HEADER_LENGTH;
}

static size_t look_up(caller *self, const key *key, record *record)
{
    check(mdb_txn_renew(self->reader), "mdb_txn_renew");
    size_t length = get(self->reader, key, record);
    mdb_txn_reset(self->reader);
    return length;
}

static MDB_val expiry_key(int64_t ends_at, const key *key, unsigned char bytes[EXPIRY_KEY_LENGTH])
{
    bytes[0] = 0;
    for (int i = 0; i < 8; i++) bytes[1 + i] = (unsigned char)((uint64_t)ends_at >> (56 - 8 * i));
    memcpy(bytes + 9, key->value.mv_data, key->value.mv_size);
    return (MDB_val){ 9 + key->value.mv_size, bytes };
}

static void remove_expired(MDB_txn *transaction, int64_t now)
{
    for (int i = 0; i < SWEPT_PER_WRITE; i++) {
        MDB_cursor *cursor;
        MDB_val sought, record;
        check(mdb_cursor_open(transaction, MAIN_DATABASE, &cursor), "mdb_cursor_open");
        int code = mdb_cursor_get(cursor, &sought, &record, MDB_FIRST);
        unsigned char bytes[EXPIRY_KEY_LENGTH];
        size_t length = code == 0 ? sought.mv_size : 0;
        if (length > 9 && length <= sizeof bytes) memcpy(bytes, sought.mv_data, length);
        mdb_cursor_close(cursor);
        if (length <= 9 || bytes[0] != 0) return;
        int64_t ends_at = 0;
        for (int b = 0; b < 8; b++) ends_at = (int64_t)((uint64_t)ends_at << 8 | bytes[1 + b]);
        if (ends_at > now) return;
        MDB_val expired = { length - 9, bytes + 9 }, entry = { length, bytes };
        mdb_del(transaction, MAIN_DATABASE, &expired, NULL);
        mdb_del(transaction, MAIN_DATABASE, &entry, NULL);
    }
}

static void put(const caller *self, MDB_txn *transaction, const key *key, const record *record, size_t length,
                int64_t replaced_ends_at)
{
    MDB_val sought = key->value, stored = { HEADER_LENGTH + length, (void *)record };
    if (self->sweeps) {
        unsigned char bytes[EXPIRY_KEY_LENGTH];
        MDB_val entry, empty = { 0, NULL };
        if (replaced_ends_at != 0) {
            entry = expiry_key(replaced_ends_at, key, bytes);
            mdb_del(transaction, MAIN_DATABASE, &entry, NULL);
        }
        entry = expiry_key(record->ends_at, key, bytes);
        check(mdb_put(transaction, MAIN_DATABASE, &entry, &empty, 0), "mdb_put");
    }
    check(mdb_put(transaction, MAIN_DATABASE, &sought, &stored, 0), "mdb_put");
    if (self->sweeps) remove_expired(transaction, now_ns());
}

static void pipe_path(const caller *self, uint64_t pipe, char path[static 512])
{
    snprintf(path, 512, "%s/%016llx", self->scene->directory, (unsigned long long)pipe);
}

static int make_pipe(const caller *self, uint64_t *pipe)
{
    static _Atomic uint32_t count;
    char path[512];
    *pipe = (uint64_t)getpid() << 32 | ++count;
    pipe_path(self, *pipe, path);
    if (mkfifo(path, 0600) != 0) die("%s", path);
    int end = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (end < 0) die("%s", path);
    return end;
}

static void remove_pipe(const caller *self, uint64_t pipe)
{
    char path[512];
    pipe_path(self, pipe, path);
    unlink(path);
}

/* Whether the lease may be taken: the record as it was seen, and the generation whose holder is known to be dead. */
static bool is_claimable(const record *record, uint64_t dead_generation)
{
    if (record->state == 0 || record->ends_at <= now_ns()) return true;
    return record->state == HELD && record->generation == dead_generation;
}

/* Returns whether this caller holds the lease now. */
static bool claim(caller *self, const key *key, uint64_t pipe, uint64_t dead_generation, record *mine)
{
    MDB_txn *transaction;
    record found;
    check(mdb_txn_begin(self->environment, NULL, 0, &transaction), "mdb_txn_begin");
    get(transaction, key, &found);
    if (!is_claimable(&found, dead_generation)) {
        mdb_txn_abort(transaction);
        return false;
    }
    memset(mine, 0, HEADER_LENGTH);
    mine->state = HELD;
    mine->pid = (uint32_t)getpid();
    mine->generation = mdb_txn_id(transaction);
    mine->pipe = pipe;
    mine->ends_at = now_ns() + LEASE_MS * INT64_C(1000000);
    put(self, transaction, key, mine, 0, found.state == 0 ? 0 : found.ends_at);
    check(mdb_txn_commit(transaction), "mdb_txn_commit");
    if (found.state == HELD) remove_pipe(self, found.pipe);
    return true;
}

static void publish(caller *self, const key *key, int pipe, record *mine, const result *result)
{
    MDB_txn *transaction;
    size_t length = result->length;
    if (self->seals) length = seal(&key->sealing, result->bytes, result->length, mine->body);
    else memcpy(mine->body, result->bytes, length);
    check(mdb_txn_begin(self->environment, NULL, 0, &transaction), "mdb_txn_begin");
    int64_t lease_ends_at = mine->ends_at;
    mine->state = SUCCESS;
    mine->ends_at = now_ns() + self->scene->retention_ms * 1000000;
    put(self, transaction, key, mine, length, lease_ends_at);
    check(mdb_txn_commit(transaction), "mdb_txn_commit");
    static const char wake[WAKE_LENGTH];
    if (write(pipe, wake, sizeof wake) < 0 && errno != EAGAIN) die("write");
    close(pipe);
    remove_pipe(self, mine->pipe);
}

/* Sleeps until the holder writes or dies, or its lease ends. Returns the waiting end, to be kept open until the record was
 * read again, or -1; notes the generation if its holder is dead. */
static int wait_for(caller *self, const key *key, const record *seen, uint64_t *dead_generation)
{
    char path[512];
    record again;
    pipe_path(self, seen->pipe, path);
    int end = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    look_up(self, key, &again);
    if (again.state != HELD || again.generation != seen->generation) return end;
    if (end < 0) {
        sleep_ns(1000000);
        return end;
    }
    char byte;
    ssize_t count = read(end, &byte, 1);
    if (count == 0) {
        *dead_generation = seen->generation;
    } else if (count < 0) {
        struct pollfd watched = { .fd = end, .events = POLLIN };
        int64_t left_ms = (seen->ends_at - now_ns()) / 1000000 + 1;
        if (poll(&watched, 1, left_ms > 0 ? (int)left_ms : 0) > 0 && (watched.revents & POLLIN) == 0)
            *dead_generation = seen->generation;
    }
    return end;
}

static int answer(const caller *self, const key *key, const record *record, size_t length, result *result)
{
    if (self->seals) return unseal(&key->sealing, record->body, length, result);
    set_result(result, record->body, length);
    return 0;
}

static int refresh(void *opaque, const char *token, upstream *upstream, result *result)
{
    caller *self = opaque;
    key key;
    record record;
    uint64_t dead_generation = 0, pipe = 0;
    int waiting_end = -1, holding_end = -1;
    int64_t end = now_ns() + CALLER_DEADLINE_MS * INT64_C(1000000);
    make_key(self, token, &key);
    do {
        size_t length = look_up(self, &key, &record);
        if (waiting_end >= 0) close(waiting_end);
        waiting_end = -1;
        if (is_claimable(&record, dead_generation)) {
            if (holding_end < 0) holding_end = make_pipe(self, &pipe);
            if (!claim(self, &key, pipe, dead_generation, &record)) continue;
            upstream->call(upstream, result);
            publish(self, &key, holding_end, &record, result);
            return 0;
        }
        if (record.state == SUCCESS) {
            if (holding_end >= 0) {
                close(holding_end);
                remove_pipe(self, pipe);
            }
            return answer(self, &key, &record, length, result);
        }
        waiting_end = wait_for(self, &key, &record, &dead_generation);
    } while (now_ns() < end);
    return -1;
}

const contender bare_mechanism = {
    .name = "bare-mechanism", .coordinates = true, .prepare = prepare, .open = open_bare, .refresh = refresh,
};
const contender bare_mechanism_sealed = {
    .name = "bare-mechanism-sealed", .coordinates = true, .prepare = prepare, .open = open_sealed, .refresh = refresh,
};
const contender bare_mechanism_swept = {
    .name = "bare-mechanism-swept", .coordinates = true, .prepare = prepare, .open = open_swept, .refresh = refresh,
};
