/* SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

int thread_start(pthread_t *out, void *(*main)(void *context), void *context, struct err *e)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(out, NULL, main, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed == 0 ? 0 : err_set(e, ERR_BUSY, "no thread: %s", strerror(failed));
}

/* On Linux the nice value is each thread's own. */
void thread_be_nice(int nice)
{
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), nice);
}

void thread_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

bool thread_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t deadline_us)
{
    struct timespec until = {deadline_us / US_PER_SECOND, deadline_us % US_PER_SECOND * 1000};
    return pthread_cond_timedwait(condition, mutex, &until) != ETIMEDOUT;
}
