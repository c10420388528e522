/* SPDX-License-Identifier: Apache-2.0 */
/* `planned` is where a builder stands once the chunks that were read for it are taken: the next
 * chunk is chosen by it and asked for before the current one is aggregated. */
#include "views/feed.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "views/fetch.h"

struct member {
    struct builder *builder;
    uint64_t planned;
    bool reading;       /* the chunk that is under way is for it */
    bool taking;        /* the chunk in hand is */
    int64_t cost_us;    /* of its last chunk */
    struct err failure; /* of asking the log, on whichever thread */
};

struct feed {
    struct feed_options options;
    struct fetch *fetch;
    struct log_reader *questions;
    struct member members[FEED_MAX_BUILDERS];
    unsigned n;
    bool under_way;
    bool front_had_turn; /* the next turn is the laggards' */
    uint64_t seen, events;
    pthread_mutex_t asking; /* questions, while builders are flushed, and: */
    uint64_t id_seq;        /* last_id is of the event before it */
    uint8_t last_id[16];
};

int feed_open(struct feed **out, const struct feed_options *o, struct err *e)
{
    struct feed *f = mem_alloc(sizeof(*f));
    f->options = *o;
    pthread_mutex_init(&f->asking, NULL);
    if (fetch_open(&f->fetch, o->postgres_uri, e) != 0 ||
        log_reader_open(&f->questions, o->postgres_uri, e) != 0) {
        feed_close(f);
        *out = NULL;
        return -1;
    }
    *out = f;
    return 0;
}

void feed_close(struct feed *f)
{
    if (f == NULL)
        return;
    fetch_close(f->fetch);
    if (f->questions != NULL)
        log_reader_close(f->questions);
    pthread_mutex_destroy(&f->asking);
    free(f);
}

struct log_reader *feed_questions(struct feed *f)
{
    return f->questions;
}

uint64_t feed_seen(const struct feed *f)
{
    return f->seen;
}

uint64_t feed_events(const struct feed *f)
{
    return f->events;
}

/* ---- members */

static struct member *find(struct feed *f, const struct builder *b)
{
    for (unsigned i = 0; i < f->n; i++)
        if (f->members[i].builder == b)
            return &f->members[i];
    return NULL;
}

int feed_add(struct feed *f, struct builder *b, struct err *e)
{
    if (f->n == FEED_MAX_BUILDERS)
        return err_set(e, ERR_BUSY, "%d view generations are being built already", f->n);
    f->members[f->n++] = (struct member){.builder = b, .planned = builder_offset(b)};
    return 0;
}

void feed_remove(struct feed *f, const struct builder *b)
{
    struct member *m = find(f, b);
    if (m != NULL)
        *m = f->members[--f->n];
}

/* ---- what to read next */

/* The offset to read from: the front's or the last laggard's, in turn. */
static uint64_t choose_offset(struct feed *f)
{
    uint64_t front = 0, last = UINT64_MAX;
    for (unsigned i = 0; i < f->n; i++) {
        const struct member *m = &f->members[i];
        front = m->planned > front ? m->planned : front;
        last = m->planned < last ? m->planned : last;
    }
    f->front_had_turn = front != last && !f->front_had_turn;
    return f->front_had_turn ? front : last;
}

/* What to read for the builders at that offset; they are marked as reading. */
static struct log_range range_from(struct feed *f, uint64_t from)
{
    struct log_range range = {.partition = f->options.partition,
                              .from_seq = from,
                              .to_seq = UINT64_MAX,
                              .max_events = f->options.chunk_events};
    for (unsigned i = 0; i < f->n; i++) {
        struct member *m = &f->members[i];
        m->reading = m->planned == from;
        if (m->reading)
            range.columns |= plan_columns(builder_options(m->builder)->plan);
        else if (m->planned > from && m->planned < range.to_seq)
            range.to_seq = m->planned;
    }
    return range;
}

static void start_reading(struct feed *f)
{
    if (f->n == 0)
        return;
    struct log_range range = range_from(f, choose_offset(f));
    fetch_start(f->fetch, &range);
    f->under_way = true;
}

/* ---- what a builder gets, on any of the threads */

/* The id of the event before offset; builders that stand at the same event ask once. */
static int last_id(struct feed *f, uint64_t offset, uint8_t out[16], struct err *e)
{
    int result = 0;
    pthread_mutex_lock(&f->asking);
    if (f->id_seq != offset) {
        result = log_event_id(f->questions, f->options.partition, offset - 1, f->last_id, e);
        f->id_seq = result == 0 ? offset : 0;
    }
    memcpy(out, f->last_id, sizeof(f->last_id));
    pthread_mutex_unlock(&f->asking);
    return result;
}

/* -1: the log could not be asked; of a flush that fails the builder tells. */
static int flush(struct feed *f, struct builder *b, struct err *e)
{
    uint8_t id[16] = {0};
    uint64_t offset = builder_offset(b);
    if (offset == builder_state(b)->offset)
        return 0;
    if (offset != 0 && last_id(f, offset, id, e) != 0)
        return -1;
    (void)(builder_flush(b, id, NULL) != 0);
    return 0;
}

static int give_slice(struct feed *f, struct builder *b, const struct log_slice *slice,
                      struct err *e)
{
    while (!builder_take(b, slice)) {
        if (flush(f, b, e) != 0)
            return -1;
        if (builder_failure(b) != NULL)
            return 0;
    }
    return 0;
}

/* Some of the members, and what they are to get. */
struct turn {
    struct feed *feed;
    const struct log_chunk *chunk; /* NULL: they are flushed */
    struct member *members[FEED_MAX_BUILDERS];
    unsigned n;
};

static void give_chunk_to(void *context, unsigned i)
{
    struct turn *t = context;
    struct member *m = t->members[i];
    int64_t started_us = clock_monotonic_us();
    for (uint32_t k = 0; k < t->chunk->count && builder_failure(m->builder) == NULL; k++)
        if (give_slice(t->feed, m->builder, &t->chunk->slices[k], &m->failure) != 0)
            break;
    m->cost_us = clock_monotonic_us() - started_us;
}

static void flush_member(void *context, unsigned i)
{
    struct turn *t = context;
    (void)flush(t->feed, t->members[i]->builder, &t->members[i]->failure); /* end_turn sees it */
}

/* What costs most comes first, so that the threads end together. */
static void add_to_turn(struct turn *t, struct member *m)
{
    unsigned at = t->n++;
    for (; at > 0 && t->members[at - 1]->cost_us < m->cost_us; at--)
        t->members[at] = t->members[at - 1];
    t->members[at] = m;
}

/* Backwards, because a member that fails gives its place to the last one. */
static int end_turn(struct feed *f, struct err *e)
{
    int result = 0;
    for (unsigned i = f->n; i-- > 0;) {
        struct member *m = &f->members[i];
        if (m->failure.kind != ERR_NONE)
            result = err_set(e, m->failure.kind, "%s", m->failure.text);
        m->failure = (struct err){0};
        if (builder_failure(m->builder) != NULL)
            *m = f->members[--f->n];
    }
    return result;
}

int feed_flush_some(struct feed *f, struct builder *const *builders, unsigned n, struct err *e)
{
    struct turn t = {.feed = f};
    for (unsigned i = 0; i < n; i++) {
        struct member *m = find(f, builders[i]);
        if (m != NULL)
            add_to_turn(&t, m);
    }
    parallel_run(f->options.parallel, t.n, flush_member, &t);
    return end_turn(f, e);
}

int feed_flush(struct feed *f, struct builder *b, struct err *e)
{
    if (flush(f, b, e) != 0)
        return -1;
    if (builder_failure(b) != NULL)
        feed_remove(f, b);
    return 0;
}

/* ---- a step */

static int give_chunk(struct feed *f, const struct log_chunk *chunk, struct err *e)
{
    struct turn t = {.feed = f, .chunk = chunk};
    for (unsigned i = 0; i < f->n; i++)
        if (f->members[i].taking)
            add_to_turn(&t, &f->members[i]);
    parallel_run(f->options.parallel, t.n, give_chunk_to, &t);
    return end_turn(f, e);
}

static int take_chunk(struct feed *f, struct log_chunk *chunk, struct err *e)
{
    f->under_way = false;
    if (fetch_finish(f->fetch, chunk, e) != 0)
        return -1;
    f->seen = chunk->next_seq > f->seen ? chunk->next_seq : f->seen;
    for (unsigned i = 0; i < f->n; i++) {
        struct member *m = &f->members[i];
        m->taking = m->reading;
        m->reading = false;
        if (m->taking)
            m->planned = chunk->next_seq;
    }
    return 0;
}

/* Laggards behind an empty front still have something to read. */
static bool all_at(const struct feed *f, uint64_t seq)
{
    for (unsigned i = 0; i < f->n; i++)
        if (f->members[i].planned < seq)
            return false;
    return true;
}

int feed_step(struct feed *f, enum feed_step *step, struct err *e)
{
    struct log_chunk chunk;
    *step = FEED_IDLE;
    if (!f->under_way)
        start_reading(f);
    if (!f->under_way)
        return 0;
    if (take_chunk(f, &chunk, e) != 0)
        return -1;
    uint64_t events = 0;
    for (uint32_t i = 0; i < chunk.count; i++)
        events += chunk.slices[i].count;
    f->events += events;
    bool more = chunk.count > 0 || !all_at(f, chunk.next_seq);
    if (more)
        *step =
            events >= f->options.chunk_events || !all_at(f, chunk.next_seq) ? FEED_FULL : FEED_SOME;
    if (*step == FEED_FULL)
        start_reading(f);
    int result = give_chunk(f, &chunk, e);
    log_chunk_clear(&chunk);
    return result;
}

/* ---- waiting */

int feed_wait(struct feed *f, uint64_t seq, int timeout_ms, struct err *e)
{
    if (f->under_way) /* a step was not idle after all */
        return 0;
    if (f->n == 0)
        seq = UINT64_MAX;
    return log_reader_wait(fetch_reader(f->fetch), f->options.partition, seq, timeout_ms, e) < 0
               ? -1
               : 0;
}

void feed_wake(struct feed *f)
{
    log_reader_wake(fetch_reader(f->fetch));
}
