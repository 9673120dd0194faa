#define FFI_SCOPE "REFRESHCLIENT"
#define FFI_LIB "librefreshclient.so.1"
enum {
    REFRESHCLIENT_OK = 0,
    REFRESHCLIENT_HOLDER = 1,
    REFRESHCLIENT_WAIT = 2,
    REFRESHCLIENT_RETRY = 3,
    REFRESHCLIENT_SESSION_ENDED = -1,
    REFRESHCLIENT_UPSTREAM_FAILED = -2,
    REFRESHCLIENT_DEADLINE_EXCEEDED = -3,
    REFRESHCLIENT_COORDINATION_FAILED = -4,
    REFRESHCLIENT_DIRECTORY_UNUSABLE = -5,
    REFRESHCLIENT_INVALID_ARGUMENT = -6,
    REFRESHCLIENT_STALE_HANDLE = -7,
    REFRESHCLIENT_LEASE_LOST = -8,
    REFRESHCLIENT_RESOURCES_EXHAUSTED = -9,
    REFRESHCLIENT_CALLBACK_FAILED = -10
};
typedef uint64_t refreshclient_t;
typedef uint64_t refreshclient_lease_t;
typedef uint64_t refreshclient_waiter_t;
typedef struct refreshclient_error {
    size_t size;
    int32_t code;
    int32_t is_retryable;
    int32_t http_status;
    int32_t may_have_rotated;
    int64_t retry_after_ms;
    char reason[64];
    char request_id[256];
    char message[512];
} refreshclient_error;
typedef struct refreshclient_outcome {
    size_t size;
    const uint8_t * body;
    size_t body_length;
    char request_id[256];
    refreshclient_lease_t lease;
    refreshclient_waiter_t waiter;
    int32_t descriptor;
    int32_t wait_ms;
    refreshclient_error error;
} refreshclient_outcome;
void refreshclient_outcome_free(refreshclient_outcome * outcome);
typedef struct refreshclient_options {
    size_t size;
    const char * directory;
    const char * client_id;
    const char * api_key;
    const char * base_url;
    const char * token_endpoint;
    const char * ca_bundle;
    int64_t request_timeout_ms;
    int64_t lease_ms;
    int64_t result_retention_ms;
    int64_t terminal_failure_retention_ms;
    int64_t deadline_ms;
    int64_t map_size;
    int32_t polls;
    int32_t fails_without_table;
    int32_t log_level;
} refreshclient_options;
typedef struct refreshclient_request {
    size_t size;
    const char * refresh_token;
    const char * organization_id;
    const char * scope;
    const char * resource;
    const char * audience;
    const char * ip_address;
    const char * user_agent;
    const char * device_id;
    int64_t deadline_ms;
    int64_t lease_ms;
} refreshclient_request;
const char * refreshclient_version(void);
int32_t refreshclient_open(const refreshclient_options * options,
                           refreshclient_t * client,
                           refreshclient_error * error);
int32_t refreshclient_close(refreshclient_t client);
int64_t refreshclient_directory(refreshclient_t client, char * buffer, size_t buffer_size);
int32_t refreshclient_refresh_workos(refreshclient_t client,
                                     const refreshclient_request * request,
                                     refreshclient_outcome * outcome);
typedef struct refreshclient_answer {
    size_t size;
    int32_t status;
    int32_t timed_out;
    int32_t not_sent;
    int32_t may_retry;
    const uint8_t * body;
    size_t body_length;
    const char * request_id;
    const char * retry_after;
    const char * content_type;
} refreshclient_answer;
typedef int32_t (*refreshclient_perform)(void * context,
                                         const refreshclient_request * request,
                                         refreshclient_answer * answer);
int32_t refreshclient_refresh(refreshclient_t client, const refreshclient_request * request,
                              refreshclient_perform perform,
                              void * context,
                              refreshclient_outcome * outcome);
int32_t refreshclient_begin(refreshclient_t client, const refreshclient_request * request,
                            refreshclient_outcome * outcome);
int32_t refreshclient_begin_nonblocking(refreshclient_t client,
                                        const refreshclient_request * request,
                                        refreshclient_outcome * outcome);
int32_t refreshclient_resume(refreshclient_waiter_t waiter, refreshclient_outcome * outcome);
int32_t refreshclient_cancel(refreshclient_waiter_t waiter);
int32_t refreshclient_may_send(refreshclient_lease_t lease, int64_t call_timeout_ms,
                               refreshclient_error * error);
int32_t refreshclient_renew(refreshclient_lease_t lease, int64_t lease_ms,
                            refreshclient_error * error);
int32_t refreshclient_finish(refreshclient_lease_t lease, const refreshclient_answer * answer,
                             refreshclient_outcome * outcome);
int32_t refreshclient_fail(refreshclient_lease_t lease, int32_t is_terminal,
                           const char * reason, const char * message,
                           refreshclient_outcome * outcome);
int32_t refreshclient_abandon(refreshclient_lease_t lease);
typedef struct refreshclient_counts {
    size_t size;
    int64_t upstream_calls;
    int64_t claims;
    int64_t takeovers;
    int64_t hits;
    int64_t refreshed_alone;
    int64_t coordination_failures;
} refreshclient_counts;
int32_t refreshclient_get_counts(refreshclient_t client, refreshclient_counts * counts);
