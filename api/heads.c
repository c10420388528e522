/* SPDX-License-Identifier: Apache-2.0 */
#include "api/heads.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "log/log.h"

enum { WAIT_MS = 1000, PAUSE_MS = 20, RETRY_MS = 500 };

struct heads {
    struct heads_options options;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct heads_state state;
    struct log_reader *reader; /* set and cleared under the mutex: heads_stop wakes it */
    bool stopping;
};

static void publish(struct heads *h, uint64_t next_seq)
{
    pthread_mutex_lock(&h->mutex);
    bool grown = !h->state.known || next_seq > h->state.next_seq;
    h->state = (struct heads_state){.known = true, .reachable = true, .next_seq = next_seq};
    pthread_mutex_unlock(&h->mutex);
    if (grown && h->options.on_growth != NULL)
        h->options.on_growth(h->options.context);
}

static void publish_failure(struct heads *h, const struct err *e)
{
    pthread_mutex_lock(&h->mutex);
    h->state.reachable = false;
    snprintf(h->state.error, sizeof h->state.error, "%.255s", e->text);
    pthread_mutex_unlock(&h->mutex);
}

/* False: it is time to stop. */
static bool pause_ms(struct heads *h, int64_t ms)
{
    int64_t deadline_us = clock_monotonic_us() + ms * 1000;
    pthread_mutex_lock(&h->mutex);
    while (!h->stopping && thread_wait(&h->wake, &h->mutex, deadline_us))
        continue;
    bool stopping = h->stopping;
    pthread_mutex_unlock(&h->mutex);
    return !stopping;
}

static void set_reader(struct heads *h, struct log_reader *reader)
{
    pthread_mutex_lock(&h->mutex);
    h->reader = reader;
    pthread_mutex_unlock(&h->mutex);
}

/* Follows the log until something fails or it is time to stop. */
static int follow(struct heads *h, struct log_reader *reader, struct err *e)
{
    do {
        uint64_t next_seq;
        if (log_head(reader, 0, &next_seq, e) != 0)
            return -1;
        publish(h, next_seq);
        if (log_reader_wait(reader, 0, next_seq, WAIT_MS, e) < 0)
            return -1;
    } while (pause_ms(h, PAUSE_MS));
    return 0;
}

static void *run(void *context)
{
    struct heads *h = context;
    do {
        struct err e = {0};
        struct log_reader *reader;
        if (log_reader_open(&reader, h->options.postgres_uri, &e) == 0) {
            set_reader(h, reader);
            if (follow(h, reader, &e) != 0)
                publish_failure(h, &e);
            set_reader(h, NULL);
            log_reader_close(reader);
        } else {
            publish_failure(h, &e);
        }
    } while (pause_ms(h, RETRY_MS));
    return NULL;
}

int heads_start(struct heads **out, const struct heads_options *o, struct err *e)
{
    struct heads *h = mem_alloc(sizeof *h);
    h->options = *o;
    snprintf(h->state.error, sizeof h->state.error, "not asked yet");
    pthread_mutex_init(&h->mutex, NULL);
    thread_condition_init(&h->wake);
    if (thread_start(&h->thread, run, h, e) != 0) {
        free(h);
        return -1;
    }
    *out = h;
    return 0;
}

void heads_stop(struct heads *h)
{
    if (h == NULL)
        return;
    pthread_mutex_lock(&h->mutex);
    h->stopping = true;
    pthread_cond_signal(&h->wake);
    if (h->reader != NULL)
        log_reader_wake(h->reader);
    pthread_mutex_unlock(&h->mutex);
    pthread_join(h->thread, NULL);
    pthread_cond_destroy(&h->wake);
    pthread_mutex_destroy(&h->mutex);
    free(h);
}

void heads_get(struct heads *h, struct heads_state *out)
{
    pthread_mutex_lock(&h->mutex);
    *out = h->state;
    pthread_mutex_unlock(&h->mutex);
}
