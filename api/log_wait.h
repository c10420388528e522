/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of one loop that wait for the log to grow. On the loop, but for log_wait_wake. */
#ifndef API_LOG_WAIT_H
#define API_LOG_WAIT_H

#include "api/task.h"

struct log_wait *log_wait_new(struct http_loop *l, struct api *a);
void log_wait_stop(struct log_wait *w); /* the loop ends: answers what waits */
void log_wait_free(struct log_wait *w);

/* Keeps the task until the log grows (then it is submitted again), the deadline (monotonic) has
 * passed or the service stops (then it is answered). Answers it at once when too many wait. */
void log_wait_add(struct log_wait *w, struct task *t, int64_t deadline_us);

void log_wait_wake(struct log_wait *w); /* any thread */

#endif
