/* SPDX-License-Identifier: Apache-2.0 */
#include "base/workers.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/thread.h"

struct workers {
    struct workers_options options;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct worker_job *first, **last;
    unsigned waiting, n_started;
    bool stopping;
    pthread_t threads[];
};

/* The next job; NULL: there will be none. */
static struct worker_job *take(struct workers *w)
{
    pthread_mutex_lock(&w->mutex);
    while (w->first == NULL && !w->stopping)
        pthread_cond_wait(&w->wake, &w->mutex);
    struct worker_job *job = w->first;
    if (job != NULL) {
        w->first = job->next;
        w->waiting--;
        if (w->first == NULL)
            w->last = &w->first;
    }
    pthread_mutex_unlock(&w->mutex);
    return job;
}

static void *work(void *context)
{
    struct workers *w = context;
    void *thread = w->options.open == NULL ? NULL : w->options.open(w->options.context);
    for (struct worker_job *job = take(w); job != NULL; job = take(w))
        job->run(job, thread);
    if (w->options.close != NULL)
        w->options.close(thread);
    return NULL;
}

int workers_start(struct workers **out, const struct workers_options *o, struct err *e)
{
    struct workers *w = mem_alloc(sizeof *w + o->n_threads * sizeof w->threads[0]);
    w->options = *o;
    w->last = &w->first;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->wake, NULL);
    for (; w->n_started < o->n_threads; w->n_started++)
        if (thread_start(&w->threads[w->n_started], work, w, e) != 0) {
            workers_stop(w);
            return -1;
        }
    *out = w;
    return 0;
}

int workers_submit(struct workers *w, struct worker_job *job, struct err *e)
{
    pthread_mutex_lock(&w->mutex);
    bool taken = !w->stopping && w->waiting < w->options.max_waiting;
    if (taken) {
        job->next = NULL;
        *w->last = job;
        w->last = &job->next;
        w->waiting++;
        pthread_cond_signal(&w->wake);
    }
    pthread_mutex_unlock(&w->mutex);
    return taken ? 0
                 : err_set(e, ERR_BUSY, "%u requests wait for PostgreSQL already",
                           w->options.max_waiting);
}

unsigned workers_waiting(struct workers *w)
{
    pthread_mutex_lock(&w->mutex);
    unsigned n = w->waiting;
    pthread_mutex_unlock(&w->mutex);
    return n;
}

void workers_stop(struct workers *w)
{
    if (w == NULL)
        return;
    pthread_mutex_lock(&w->mutex);
    w->stopping = true;
    pthread_cond_broadcast(&w->wake);
    pthread_mutex_unlock(&w->mutex);
    for (unsigned i = 0; i < w->n_started; i++)
        pthread_join(w->threads[i], NULL);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}
