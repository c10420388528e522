/* SPDX-License-Identifier: Apache-2.0 */
/* `planned` is where a builder stands once the chunks that were read for it are taken: the next
 * chunk is chosen by it and asked for before the current one is aggregated. */
#include "views/feed.h"

#include <stdlib.h>

#include "base/mem.h"
#include "views/fetch.h"

struct member {
    struct builder *builder;
    uint64_t planned;
    bool paused;
    bool reading; /* the chunk that is under way is for it */
    bool taking;  /* the chunk in hand is */
};

struct feed {
    struct feed_options options;
    struct fetch *fetch;
    struct log_reader *questions;
    struct member members[FEED_MAX_BUILDERS];
    unsigned n;
    bool under_way;
    bool front_had_turn; /* the next turn is the laggards' */
    uint64_t seen;
    uint64_t id_seq; /* last_id is of the event before it */
    uint8_t last_id[16];
};

int feed_open(struct feed **out, const struct feed_options *o, struct err *e)
{
    struct feed *f = mem_alloc(sizeof(*f));
    f->options = *o;
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

/* What was read ahead for a builder is let go. */
static void restart(struct feed *f, const struct builder *b, bool paused)
{
    struct member *m = find(f, b);
    if (m != NULL)
        *m = (struct member){.builder = m->builder, .planned = builder_offset(b), .paused = paused};
}

void feed_pause(struct feed *f, const struct builder *b)
{
    restart(f, b, true);
}

void feed_resume(struct feed *f, const struct builder *b)
{
    restart(f, b, false);
}

/* ---- what to read next */

/* The offset to read from: the front's or the last laggard's, in turn. */
static uint64_t choose_offset(struct feed *f)
{
    uint64_t front = 0, last = UINT64_MAX;
    for (unsigned i = 0; i < f->n; i++) {
        const struct member *m = &f->members[i];
        if (m->paused)
            continue;
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
        m->reading = !m->paused && m->planned == from;
        if (m->reading)
            range.columns |= plan_columns(builder_options(m->builder)->plan);
        else if (!m->paused && m->planned > from && m->planned < range.to_seq)
            range.to_seq = m->planned;
    }
    return range;
}

static bool anybody_wants(const struct feed *f)
{
    for (unsigned i = 0; i < f->n; i++)
        if (!f->members[i].paused)
            return true;
    return false;
}

static void start_reading(struct feed *f)
{
    if (!anybody_wants(f))
        return;
    struct log_range range = range_from(f, choose_offset(f));
    fetch_start(f->fetch, &range);
    f->under_way = true;
}

/* ---- a step */

int feed_flush(struct feed *f, struct builder *b, struct err *e)
{
    static const uint8_t none[16] = {0};
    uint64_t offset = builder_offset(b);
    if (offset == builder_state(b)->offset)
        return 0;
    if (offset != 0 && f->id_seq != offset) {
        if (log_event_id(f->questions, f->options.partition, offset - 1, f->last_id, e) != 0)
            return -1;
        f->id_seq = offset;
    }
    if (builder_flush(b, offset == 0 ? none : f->last_id, NULL) != 0)
        feed_remove(f, b);
    return 0;
}

static int give_slice(struct feed *f, struct builder *b, const struct log_slice *slice,
                      struct err *e)
{
    while (!builder_take(b, slice)) {
        if (feed_flush(f, b, e) != 0)
            return -1;
        if (builder_failure(b) != NULL)
            return 0;
    }
    return 0;
}

/* Backwards, because a member that fails gives its place to the last one. */
static int give_chunk(struct feed *f, const struct log_chunk *chunk, struct err *e)
{
    for (uint32_t i = 0; i < chunk->count; i++)
        for (unsigned k = f->n; k-- > 0;)
            if (f->members[k].taking &&
                give_slice(f, f->members[k].builder, &chunk->slices[i], e) != 0)
                return -1;
    return 0;
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
        if (!f->members[i].paused && f->members[i].planned < seq)
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
    if (!anybody_wants(f))
        seq = UINT64_MAX;
    return log_reader_wait(fetch_reader(f->fetch), f->options.partition, seq, timeout_ms, e) < 0
               ? -1
               : 0;
}

void feed_wake(struct feed *f)
{
    log_reader_wake(fetch_reader(f->fetch));
}
