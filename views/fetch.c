/* SPDX-License-Identifier: Apache-2.0 */
#include "views/fetch.h"

#include <assert.h>
#include <stdlib.h>

#include "base/thread.h"

enum fetch_state { FETCH_IDLE, FETCH_ASKED, FETCH_DONE, FETCH_CLOSED };

struct fetch {
    struct log_reader *reader; /* the thread's while a chunk is under way, else the owner's */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* under the mutex */
    enum fetch_state state;
    struct log_range range;
    struct log_chunk chunk;
    struct err failure;
    int result;
};

static void *fetch_main(void *context)
{
    struct fetch *f = context;
    pthread_mutex_lock(&f->mutex);
    while (f->state != FETCH_CLOSED) {
        if (f->state != FETCH_ASKED) {
            pthread_cond_wait(&f->changed, &f->mutex);
            continue;
        }
        struct log_range range = f->range;
        struct log_chunk chunk;
        struct err failure = {0};
        pthread_mutex_unlock(&f->mutex);
        int result = log_read(f->reader, &range, &chunk, &failure);
        pthread_mutex_lock(&f->mutex);
        f->chunk = chunk;
        f->failure = failure;
        f->result = result;
        f->state = FETCH_DONE;
        pthread_cond_broadcast(&f->changed);
    }
    pthread_mutex_unlock(&f->mutex);
    return NULL;
}

int fetch_open(struct fetch **out, const char *postgres_uri, struct err *e)
{
    struct fetch *f = mem_alloc(sizeof(*f));
    *out = NULL;
    if (log_reader_open(&f->reader, postgres_uri, e) != 0) {
        free(f);
        return -1;
    }
    pthread_mutex_init(&f->mutex, NULL);
    thread_condition_init(&f->changed);
    if (thread_start(&f->thread, fetch_main, f, e) != 0) {
        log_reader_close(f->reader);
        free(f);
        return -1;
    }
    *out = f;
    return 0;
}

void fetch_start(struct fetch *f, const struct log_range *range)
{
    pthread_mutex_lock(&f->mutex);
    assert(f->state == FETCH_IDLE);
    f->range = *range;
    f->state = FETCH_ASKED;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->mutex);
}

int fetch_finish(struct fetch *f, struct log_chunk *out, struct err *e)
{
    pthread_mutex_lock(&f->mutex);
    assert(f->state != FETCH_IDLE);
    while (f->state != FETCH_DONE)
        pthread_cond_wait(&f->changed, &f->mutex);
    f->state = FETCH_IDLE;
    *out = f->chunk;
    int result = f->result == 0 ? 0 : err_set(e, f->failure.kind, "%s", f->failure.text);
    pthread_mutex_unlock(&f->mutex);
    return result;
}

struct log_reader *fetch_reader(struct fetch *f)
{
    return f->reader;
}

static void drop_chunk(struct fetch *f)
{
    while (f->state == FETCH_ASKED)
        pthread_cond_wait(&f->changed, &f->mutex);
    if (f->state == FETCH_DONE && f->result == 0)
        log_chunk_clear(&f->chunk);
    f->state = FETCH_CLOSED;
    pthread_cond_broadcast(&f->changed);
}

void fetch_close(struct fetch *f)
{
    if (f == NULL)
        return;
    pthread_mutex_lock(&f->mutex);
    drop_chunk(f);
    pthread_mutex_unlock(&f->mutex);
    pthread_join(f->thread, NULL);
    log_reader_close(f->reader);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->mutex);
    free(f);
}
