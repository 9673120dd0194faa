#define _GNU_SOURCE
#include "ccurl.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static struct {
    CURLcode (*global_init)(long);
    CURL *(*easy_init)(void);
    void (*easy_cleanup)(CURL *);
    CURLcode (*easy_perform)(CURL *);
    CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
    CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
    const char *(*easy_strerror)(CURLcode);
    time_t (*getdate)(const char *, const time_t *);
} curl;

/* Guards the first load. Held over a fork, so that no child inherits a half-loaded library. */
static pthread_mutex_t load_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool loaded;

static void hold_for_fork(void) { pthread_mutex_lock(&load_lock); }
static void release_after_fork(void) { pthread_mutex_unlock(&load_lock); }

/* Before any thread of ours exists: registered later, a fork could slip in between lock and handler. */
__attribute__((constructor)) static void register_fork_handlers(void) {
    pthread_atfork(hold_for_fork, release_after_fork, release_after_fork);
}

static int load(char *reason, size_t size) {
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        const char *why = dlerror();
        snprintf(reason, size, "%s", why != NULL ? why : "libcurl.so.4 cannot be loaded");
        return -1;
    }
    struct {
        const char *name;
        void **address;
    } symbols[] = {
        {"curl_global_init", (void **)&curl.global_init},   {"curl_easy_init", (void **)&curl.easy_init},
        {"curl_easy_cleanup", (void **)&curl.easy_cleanup}, {"curl_easy_perform", (void **)&curl.easy_perform},
        {"curl_easy_setopt", (void **)&curl.easy_setopt},   {"curl_easy_getinfo", (void **)&curl.easy_getinfo},
        {"curl_easy_strerror", (void **)&curl.easy_strerror}, {"curl_getdate", (void **)&curl.getdate},
    };
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        *symbols[i].address = dlsym(library, symbols[i].name);
        if (*symbols[i].address == NULL) {
            snprintf(reason, size, "libcurl.so.4 has no %s", symbols[i].name);
            dlclose(library);
            return -1;
        }
    }
    CURLcode code = curl.global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK) {
        snprintf(reason, size, "curl_global_init: %s", curl.easy_strerror(code));
        dlclose(library);
        return -1;
    }
    return 0;
}

int ccurl_load(char *reason, size_t size) {
    if (atomic_load_explicit(&loaded, memory_order_acquire)) return 0;
    pthread_mutex_lock(&load_lock);
    int code = 0;
    if (!atomic_load_explicit(&loaded, memory_order_relaxed)) {
        code = load(reason, size);
        if (code == 0) atomic_store_explicit(&loaded, true, memory_order_release);
    }
    pthread_mutex_unlock(&load_lock);
    return code;
}

CURL *ccurl_easy_init(void) { return curl.easy_init(); }

void ccurl_easy_cleanup(CURL *handle) { curl.easy_cleanup(handle); }

CURLcode ccurl_easy_perform(CURL *handle) {
    sigset_t broken_pipe, before, pending;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
    CURLcode code = curl.easy_perform(handle);
    /* One that was pending already is somebody else's. */
    if (!sigismember(&pending, SIGPIPE)) {
        struct timespec none = {0, 0};
        while (sigtimedwait(&broken_pipe, NULL, &none) < 0 && errno == EINTR) continue;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

CURLcode ccurl_setopt_long(CURL *handle, CURLoption option, long value) {
    return curl.easy_setopt(handle, option, value);
}

CURLcode ccurl_setopt_offset(CURL *handle, CURLoption option, curl_off_t value) {
    return curl.easy_setopt(handle, option, value);
}

CURLcode ccurl_setopt_string(CURL *handle, CURLoption option, const char *value) {
    return curl.easy_setopt(handle, option, value);
}

CURLcode ccurl_setopt_pointer(CURL *handle, CURLoption option, void *value) {
    return curl.easy_setopt(handle, option, value);
}

CURLcode ccurl_setopt_list(CURL *handle, CURLoption option, struct curl_slist *value) {
    return curl.easy_setopt(handle, option, value);
}

CURLcode ccurl_setopt_transfer(CURL *handle, CURLoption option, ccurl_transfer function) {
    return curl.easy_setopt(handle, option, function);
}

CURLcode ccurl_getinfo_long(CURL *handle, CURLINFO information, long *value) {
    return curl.easy_getinfo(handle, information, value);
}

const char *ccurl_easy_strerror(CURLcode code) { return curl.easy_strerror(code); }

time_t ccurl_getdate(const char *text) { return curl.getdate(text, NULL); }

void ccurl_wipe(void *memory, size_t size) { explicit_bzero(memory, size); }
