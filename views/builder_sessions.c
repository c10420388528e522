/* SPDX-License-Identifier: Apache-2.0 */
/* The visitors of a flush are worked off some thousands at a time, so that what is loaded of them
 * stays bounded. A day's sessions of a visitor are stored as a whole, so every day on which any of
 * the sessions at hand ended is written again. Days that nothing can touch any more are neither
 * loaded nor written, but dropped. */
#include "views/builder_sessions.h"

#include <assert.h>
#include <stdlib.h>

#include "views/session_rows.h"

enum {
    CHUNK_VISITORS = 4096,
    ROWS_AT_ONCE = 1024,
    VISITOR_DAYS = 4 /* no event counts that touches more: SESSION_LATENESS_US + SESSION_GAP_US */
};

/* A visitor being merged. */
struct touched {
    struct sessions_visitor collected;
    int64_t first_day, last_day; /* that may have stored sessions which touch; none: first > last */
    struct session_list stored, merged;
};

/* A visitor's day, to be written. */
struct put {
    uint32_t site; /* index of the site among those of the flush */
    int64_t day;
    uint64_t visitor;
    struct span name;    /* of the site, borrowed from the collector */
    size_t at, n_stored; /* in `encoded`; 0: nothing is left */
};

struct builder_sessions {
    struct sessions *collector;

    /* of a chunk */
    struct touched *touched;
    size_t n_touched;
    struct store_sessions_query *queries;
    size_t n_queries, cap_queries;
    struct touched **asked; /* beside asked_ids, which the queries point into */
    uint64_t *asked_ids;
    size_t n_asked;
    struct session_rows rows;
    struct buf signs; /* int8_t, of the rows */
    struct arena memory;

    /* of a flush */
    struct put *puts;
    size_t n_puts, cap_puts;
    uint32_t n_sites;
    struct buf encoded;
    /* of the merge under way */
    const struct builder_sessions_flush *flush;
    const struct touched *observed;
    struct err *e;
};

struct builder_sessions *builder_sessions_new(const struct plan *p, struct aggregate_limits limits)
{
    struct builder_sessions *b = mem_alloc(sizeof(*b));
    uint32_t reads = plan_reads(p);
    b->collector = sessions_new(&(struct sessions_options){.texts = session_texts_of(reads),
                                                           .max_sessions = limits.max_cells,
                                                           .max_bytes = limits.max_bytes});
    b->rows.columns = reads;
    b->touched = mem_alloc(CHUNK_VISITORS * sizeof(*b->touched));
    b->asked = mem_alloc(CHUNK_VISITORS * VISITOR_DAYS * sizeof(struct touched *));
    b->asked_ids = mem_alloc(CHUNK_VISITORS * VISITOR_DAYS * sizeof(*b->asked_ids));
    return b;
}

void builder_sessions_free(struct builder_sessions *b)
{
    if (b == NULL)
        return;
    sessions_free(b->collector);
    session_rows_clear(&b->rows);
    arena_clear(&b->memory);
    buf_clear(&b->signs);
    buf_clear(&b->encoded);
    free(b->touched);
    free(b->queries);
    free(b->asked);
    free(b->asked_ids);
    free(b->puts);
    free(b);
}

struct sessions *builder_sessions_collector(struct builder_sessions *b)
{
    return b->collector;
}

/* ---- loading what the collected sessions may touch */

static void start_query(struct builder_sessions *b, struct span site, int64_t day)
{
    if (b->n_queries == b->cap_queries) {
        b->cap_queries = b->cap_queries == 0 ? 16 : 2 * b->cap_queries;
        b->queries = mem_resize(b->queries, b->cap_queries * sizeof(*b->queries));
    }
    b->queries[b->n_queries++] =
        (struct store_sessions_query){.of = {site, day}, .visitors = b->asked_ids + b->n_asked};
}

/* Of touched visitors [from, end), all of one site, those with something on that day. */
static void ask_day(struct builder_sessions *b, size_t from, size_t end, int64_t day)
{
    bool more = false; /* visitors in the query */
    for (size_t i = from; i < end; i++) {
        struct touched *t = &b->touched[i];
        if (day < t->first_day || day > t->last_day)
            continue;
        if (!more || b->queries[b->n_queries - 1].n == STORE_SESSIONS_VISITORS)
            start_query(b, t->collected.site, day);
        more = true;
        assert(b->n_asked < CHUNK_VISITORS * VISITOR_DAYS);
        b->asked_ids[b->n_asked] = t->collected.visitor;
        b->asked[b->n_asked++] = t;
        b->queries[b->n_queries - 1].n++;
    }
}

/* Days ascend, so that a visitor's sessions come in order. */
static void ask_site(struct builder_sessions *b, size_t from, size_t end)
{
    int64_t first = INT64_MAX, last = b->touched[from].last_day;
    for (size_t i = from; i < end; i++)
        first = b->touched[i].first_day < first ? b->touched[i].first_day : first;
    for (int64_t day = first; day <= last; day++)
        ask_day(b, from, end, day);
}

static void ask_all(struct builder_sessions *b)
{
    b->n_queries = b->n_asked = 0;
    for (size_t from = 0, end; from < b->n_touched; from = end) {
        for (end = from + 1; end < b->n_touched; end++)
            if (!span_equal(b->touched[end].collected.site, b->touched[from].collected.site))
                break;
        ask_site(b, from, end);
    }
}

static int take_stored(void *context, size_t query, size_t visitor, struct span stored,
                       struct err *e)
{
    struct builder_sessions *b = context;
    const struct store_sessions_query *q = &b->queries[query];
    struct touched *t = b->asked[q->visitors - b->asked_ids + visitor];
    return session_list_decode(arena_copy(&b->memory, stored), q->of.day, &t->stored, &b->memory,
                               e);
}

static int load(struct builder_sessions *b, struct err *e)
{
    ask_all(b);
    return store_load_sessions(b->flush->store, b->flush->ref,
                               &(struct store_sessions_queries){b->queries, b->n_queries},
                               &(struct store_sessions_each){take_stored, b}, e);
}

/* ---- merging */

static void give_rows(struct builder_sessions *b)
{
    struct row_slice rows = session_rows_slice(&b->rows);
    if (rows.count > 0)
        aggregate_add_signed(b->flush->aggregate, &rows, (const int8_t *)b->signs.p);
    session_rows_reset(&b->rows);
    buf_reset(&b->signs);
}

static void on_change(void *context, enum session_change change, const struct session *s)
{
    struct builder_sessions *b = context;
    const struct sessions_visitor *v = &b->observed->collected;
    session_rows_add(&b->rows, v->site, v->visitor, s);
    buf_put_byte(&b->signs, (uint8_t)(int8_t)change);
    if (b->rows.count == ROWS_AT_ONCE)
        give_rows(b);
}

static void merge(struct builder_sessions *b, struct touched *t)
{
    for (uint32_t i = 0; i < t->stored.n; i++)
        session_list_add(&t->merged, &t->stored.at[i], &b->memory);
    for (uint32_t i = 0; i < t->collected.sessions.n; i++)
        session_list_add(&t->merged, &t->collected.sessions.at[i], &b->memory);
    b->observed = t;
    session_list_compare(&t->stored, &t->merged, &(struct session_observer){on_change, b});
}

static bool has_day(const struct session_list *l, int64_t day)
{
    uint32_t i = l->n;
    while (i > 0 && session_day(l->at[i - 1].end.time_us) > day)
        i--;
    return i > 0 && session_day(l->at[i - 1].end.time_us) == day;
}

static void put_day(struct builder_sessions *b, const struct touched *t, int64_t day)
{
    if (b->n_puts == b->cap_puts) {
        b->cap_puts = b->cap_puts == 0 ? 256 : 2 * b->cap_puts;
        b->puts = mem_resize(b->puts, b->cap_puts * sizeof(*b->puts));
    }
    struct put *p = &b->puts[b->n_puts++];
    *p = (struct put){.site = b->n_sites,
                      .day = day,
                      .visitor = t->collected.visitor,
                      .name = t->collected.site,
                      .at = b->encoded.n};
    (void)session_list_encode(&t->merged, day, &b->encoded);
    p->n_stored = b->encoded.n - p->at;
}

/* The days that are not closed; none lies behind the watermark. */
static void put_days(struct builder_sessions *b, const struct touched *t, int64_t watermark_us)
{
    int64_t last = session_day(watermark_us), day = last;
    while (!session_day_closed(day - 1, watermark_us))
        day--;
    for (; day <= last; day++)
        if (has_day(&t->stored, day) || has_day(&t->merged, day))
            put_day(b, t, day);
}

static void forget_chunk(struct builder_sessions *b)
{
    session_rows_reset(&b->rows);
    buf_reset(&b->signs);
    arena_reset(&b->memory);
    b->n_touched = 0;
}

static int merge_chunk(struct builder_sessions *b, struct err *e)
{
    if (load(b, e) != 0)
        return -1;
    for (size_t i = 0; i < b->n_touched; i++) {
        struct touched *t = &b->touched[i];
        int64_t watermark_us = 0;
        (void)sessions_watermark(b->collector, t->collected.site, &watermark_us); /* its own */
        if (i > 0 && !span_equal(t->collected.site, b->touched[i - 1].collected.site))
            b->n_sites++;
        merge(b, t);
        put_days(b, t, watermark_us);
    }
    give_rows(b);
    forget_chunk(b);
    b->n_sites++;
    return 0;
}

static int touch(void *context, const struct sessions_visitor *v)
{
    struct builder_sessions *b = context;
    struct touched *t = &b->touched[b->n_touched++];
    int64_t flushed_us;
    *t = (struct touched){.collected = *v, .last_day = -1};
    if (b->flush->flushed(b->flush->context, v->site, &flushed_us)) {
        t->first_day = session_day(v->sessions.at[0].start.time_us - SESSION_GAP_US);
        t->last_day = session_day(flushed_us);
    }
    return b->n_touched < CHUNK_VISITORS ? 0 : merge_chunk(b, b->e);
}

static void move_watermark(void *context, struct span site, int64_t time_us)
{
    aggregate_move_watermark(context, site, time_us);
}

static int by_site_and_day(const void *x, const void *y)
{
    const struct put *a = x, *b = y;
    if (a->site != b->site)
        return a->site < b->site ? -1 : 1;
    if (a->day != b->day)
        return a->day < b->day ? -1 : 1;
    return (a->visitor > b->visitor) - (a->visitor < b->visitor);
}

int builder_sessions_merge(struct builder_sessions *b, const struct builder_sessions_flush *f,
                           struct err *e)
{
    b->flush = f;
    b->e = e;
    forget_chunk(b);
    b->n_puts = b->n_sites = 0;
    buf_reset(&b->encoded);
    sessions_each_watermark(b->collector, WATERMARKS_CHANGED, move_watermark, f->aggregate);
    if (sessions_each(b->collector, touch, b) != 0 || merge_chunk(b, e) != 0)
        return -1;
    if (b->n_puts > 0)
        qsort(b->puts, b->n_puts, sizeof(*b->puts), by_site_and_day);
    return 0;
}

/* ---- the transaction */

static void drop_closed(void *context, struct span site, int64_t watermark_us)
{
    const struct builder_sessions_flush *f = context;
    int64_t flushed_us;
    if (!f->flushed(f->context, site, &flushed_us))
        return;
    for (int64_t day = session_day(flushed_us); !session_day_closed(day, flushed_us); day--)
        if (session_day_closed(day, watermark_us))
            store_drop_sessions(f->store, f->ref, &(struct store_sessions_day){site, day});
}

void builder_sessions_put(const struct builder_sessions *b, const struct builder_sessions_flush *f)
{
    struct store_sessions_put *puts = mem_alloc((b->n_puts + 1) * sizeof(*puts));
    for (size_t i = 0; i < b->n_puts; i++) {
        const struct put *p = &b->puts[i];
        puts[i] = (struct store_sessions_put){.of = {p->name, p->day}, .visitor = p->visitor};
        if (p->n_stored > 0)
            puts[i].stored = (struct span){(const char *)b->encoded.p + p->at, p->n_stored};
    }
    store_put_sessions(f->store, f->ref, puts, b->n_puts);
    free(puts);
    sessions_each_watermark(b->collector, WATERMARKS_CHANGED, drop_closed, (void *)f);
}

void builder_sessions_settle(struct builder_sessions *b)
{
    sessions_reset(b->collector);
    b->n_puts = 0;
    buf_reset(&b->encoded);
}
