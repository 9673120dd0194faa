/* Waiting for another caller's lease on the event loop: a poll and a timer for each, no thread. */
#ifndef WAIT_H
#define WAIT_H

#include "environment.h"

/* Starts waiting. The callback, a JavaScript function, gets the outcome once it is something else than WAIT. Returns
 * false without memory: the waiter is then cancelled. */
bool wait_start(struct environment *environment, refreshclient_waiter_t waiter, int32_t descriptor, int32_t wait_ms,
                napi_value callback);

/* The wait that was begun with this waiter, or NULL. */
struct wait *wait_find(struct environment *environment, refreshclient_waiter_t key);

/* Leaves the wait; its callback is not called any more. */
void wait_cancel(struct wait *wait);

#endif
