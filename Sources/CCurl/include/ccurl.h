/* libcurl as Swift can use it: its types and constants from its own header, its functions through shims.
 *
 * The shims exist for two reasons. The library is loaded with dlopen(3) when it is first needed, so that what
 * links this target starts, and does everything else, on a machine without libcurl. And curl_easy_setopt and
 * curl_easy_getinfo are variadic, which Swift cannot call.
 *
 * Every shim but ccurl_load and ccurl_wipe may be called only after ccurl_load has returned 0 in this process
 * or in one it was forked from. */
#ifndef REFRESHD_CCURL_H
#define REFRESHD_CCURL_H

/* Older spellings are used on purpose where the newer one is missing from libcurl versions still in use. */
#ifndef CURL_DISABLE_DEPRECATION
#define CURL_DISABLE_DEPRECATION
#endif
#ifndef CURL_DISABLE_TYPECHECK
#define CURL_DISABLE_TYPECHECK
#endif
#include <curl/curl.h>
#include <stddef.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Loads libcurl.so.4, resolves what is used, and calls curl_global_init, once per process; children forked later
 * inherit that. Thread-safe; a fork in another thread waits until it is done. Returns 0, or -1 with the reason
 * as text in `reason` (NUL-terminated, cut to `size`); the next call tries again. */
int ccurl_load(char *_Nonnull reason, size_t size);

/* curl_easy_init(3): NULL where memory is short. */
CURL *_Nullable ccurl_easy_init(void);

/* curl_easy_cleanup(3). Never for a handle made before a fork: closing TLS writes to the parent's socket. */
void ccurl_easy_cleanup(CURL *_Nonnull handle);

/* curl_easy_perform(3), with SIGPIPE kept from the process: with CURLOPT_NOSIGNAL set libcurl leaves it to its
 * caller, and some TLS back ends write with write(2). */
CURLcode ccurl_easy_perform(CURL *_Nonnull handle);

/* curl_easy_setopt(3), one shim per type of argument. CURLE_UNKNOWN_OPTION: this libcurl does not have it. */
CURLcode ccurl_setopt_long(CURL *_Nonnull handle, CURLoption option, long value);
CURLcode ccurl_setopt_offset(CURL *_Nonnull handle, CURLoption option, curl_off_t value);
CURLcode ccurl_setopt_string(CURL *_Nonnull handle, CURLoption option, const char *_Nullable value);
CURLcode ccurl_setopt_pointer(CURL *_Nonnull handle, CURLoption option, void *_Nullable value);
CURLcode ccurl_setopt_list(CURL *_Nonnull handle, CURLoption option, struct curl_slist *_Nullable value);

/* What libcurl calls with `size * count` bytes at `bytes`; see CURLOPT_READFUNCTION(3) and its siblings. */
typedef size_t (*ccurl_transfer)(char *_Nonnull bytes, size_t size, size_t count, void *_Nonnull context);
CURLcode ccurl_setopt_transfer(CURL *_Nonnull handle, CURLoption option, ccurl_transfer _Nonnull function);

/* curl_easy_getinfo(3) for CURLINFO_LONG values. */
CURLcode ccurl_getinfo_long(CURL *_Nonnull handle, CURLINFO information, long *_Nonnull value);

/* curl_easy_strerror(3). */
const char *_Nonnull ccurl_easy_strerror(CURLcode code);

/* curl_getdate(3): seconds since 1970, -1 where `text` is no date. */
time_t ccurl_getdate(const char *_Nonnull text);

/* explicit_bzero(3): overwrites even where nothing reads the memory again. */
void ccurl_wipe(void *_Nonnull memory, size_t size);

#ifdef __cplusplus
}
#endif
#endif
