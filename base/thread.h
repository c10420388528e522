/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of our own, and waiting with deadlines of clock_monotonic_us. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Starts a thread that no signal is delivered to: they are main's, and SIGPIPE is nobody's. */
int thread_start(pthread_t *out, void *(*main)(void *context), void *context,
                 struct err *e) MUST_CHECK;

/* Makes the calling thread, and those it starts from now on, give way to others: nice as of
 * nice(1), 0 to 19. Where that is not to be had nothing is changed. */
void thread_be_nice(int nice);

/* A condition whose deadlines are monotonic. */
void thread_condition_init(pthread_cond_t *condition);
/* False: the deadline has passed. */
bool thread_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t deadline_us);

#endif
