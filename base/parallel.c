/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parallel.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/thread.h"

struct parallel {
    pthread_t threads[PARALLEL_MAX_THREADS];
    unsigned n_threads; /* but for the caller */
    pthread_mutex_t mutex;
    pthread_cond_t begun, ended;
    /* under the mutex */
    uint64_t round; /* counts the runs, so that a thread takes part in each once */
    unsigned busy;  /* threads that are still in the round */
    bool closing;
    /* of the round; written before it begins */
    void (*work)(void *context, unsigned i);
    void *context;
    unsigned n;
    atomic_uint next;
};

static void take_pieces(struct parallel *p)
{
    for (unsigned i; (i = atomic_fetch_add(&p->next, 1)) < p->n;)
        p->work(p->context, i);
}

static void *parallel_main(void *context)
{
    struct parallel *p = context;
    uint64_t seen = 0;
    pthread_mutex_lock(&p->mutex);
    for (;;) {
        while (p->round == seen && !p->closing)
            pthread_cond_wait(&p->begun, &p->mutex);
        if (p->closing)
            break;
        seen = p->round;
        pthread_mutex_unlock(&p->mutex);
        take_pieces(p);
        pthread_mutex_lock(&p->mutex);
        if (--p->busy == 0)
            pthread_cond_signal(&p->ended);
    }
    pthread_mutex_unlock(&p->mutex);
    return NULL;
}

int parallel_open(struct parallel **out, unsigned n_threads, struct err *e)
{
    assert(n_threads >= 1 && n_threads <= PARALLEL_MAX_THREADS);
    struct parallel *p = mem_alloc(sizeof(*p));
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->begun, NULL);
    pthread_cond_init(&p->ended, NULL);
    *out = NULL;
    while (p->n_threads + 1 < n_threads) {
        if (thread_start(&p->threads[p->n_threads], parallel_main, p, e) != 0) {
            parallel_close(p);
            return -1;
        }
        p->n_threads++;
    }
    *out = p;
    return 0;
}

void parallel_close(struct parallel *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->mutex);
    p->closing = true;
    pthread_cond_broadcast(&p->begun);
    pthread_mutex_unlock(&p->mutex);
    for (unsigned i = 0; i < p->n_threads; i++)
        pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->begun);
    pthread_cond_destroy(&p->ended);
    pthread_mutex_destroy(&p->mutex);
    free(p);
}

static void begin(struct parallel *p, unsigned n, void (*work)(void *context, unsigned i),
                  void *context)
{
    pthread_mutex_lock(&p->mutex);
    assert(p->busy == 0);
    p->work = work;
    p->context = context;
    p->n = n;
    atomic_store(&p->next, 0);
    p->busy = p->n_threads;
    p->round++;
    pthread_cond_broadcast(&p->begun);
    pthread_mutex_unlock(&p->mutex);
}

void parallel_run(struct parallel *p, unsigned n, void (*work)(void *context, unsigned i),
                  void *context)
{
    if (p == NULL || p->n_threads == 0 || n < 2) {
        for (unsigned i = 0; i < n; i++)
            work(context, i);
        return;
    }
    begin(p, n, work, context);
    take_pieces(p);
    pthread_mutex_lock(&p->mutex);
    while (p->busy > 0)
        pthread_cond_wait(&p->ended, &p->mutex);
    pthread_mutex_unlock(&p->mutex);
}
