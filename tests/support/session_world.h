/* SPDX-License-Identifier: Apache-2.0 */
/* What a builder does with collected sessions, in memory: the stored days, the rows that are given
 * out and taken back. */
#ifndef TESTS_SESSION_WORLD_H
#define TESTS_SESSION_WORLD_H

#include "tests/support/session_oracle.h"
#include "views/sessions.h"

/* ---- the store ---- */

struct session_day {
    char *site;
    uint64_t visitor;
    int64_t day;
    struct buf stored;
};

struct session_world {
    struct session_day *days;
    size_t n;
    struct session_lines rows; /* given out and not taken back */
    /* of the flush under way */
    const struct sessions *collector;
    struct sessions *flushed; /* has the watermarks of the last flush, and nothing else */
    const struct sessions_visitor *visitor;
};

static inline void session_world_init(struct session_world *w)
{
    *w = (struct session_world){.flushed = sessions_new(&(struct sessions_options){0, 1, 1, {0}})};
}

static inline void session_world_clear(struct session_world *w)
{
    for (size_t i = 0; i < w->n; i++) {
        free(w->days[i].site);
        buf_clear(&w->days[i].stored);
    }
    free(w->days);
    session_lines_clear(&w->rows);
    sessions_free(w->flushed);
}

static inline struct session_day *session_world_day(struct session_world *w, struct span site,
                                                    uint64_t visitor, int64_t day)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->days[i].day == day && w->days[i].visitor == visitor &&
            span_is(site, w->days[i].site))
            return &w->days[i];
    w->days = mem_resize(w->days, (w->n + 1) * sizeof(*w->days));
    w->days[w->n] = (struct session_day){mem_copy_span(site), visitor, day, {0}};
    return &w->days[w->n++];
}

static inline void session_world_change(void *context, enum session_change change,
                                        const struct session *s)
{
    struct session_world *w = context;
    char *line = session_line(w->visitor->site, w->visitor->visitor, s);
    if (change == SESSION_NEW)
        session_lines_put(&w->rows, line);
    else
        assert_true(session_lines_take(&w->rows, line));
}

/* Loads what may touch, merges, gives out and takes back, stores. */
static inline int session_world_visitor(void *context, const struct sessions_visitor *v)
{
    struct session_world *w = context;
    struct arena memory = {0};
    struct session_list stored = {0}, merged = {0};
    struct err e = {0};
    int64_t flushed_us, watermark_us;
    int64_t first = session_day(v->sessions.at[0].start.time_us - SESSION_GAP_US);
    assert_true(sessions_watermark(w->collector, v->site, &watermark_us));
    if (sessions_watermark(w->flushed, v->site, &flushed_us))
        for (int64_t day = first; day <= session_day(flushed_us); day++) {
            struct span bytes = buf_span(&session_world_day(w, v->site, v->visitor, day)->stored);
            if (bytes.n > 0)
                assert_int_equal(
                    session_list_decode(arena_copy(&memory, bytes), day, &stored, &memory, &e), 0);
        }
    for (uint32_t i = 0; i < stored.n; i++)
        session_list_add(&merged, &stored.at[i], &memory);
    for (uint32_t i = 0; i < v->sessions.n; i++)
        session_list_add(&merged, &v->sessions.at[i], &memory);
    w->visitor = v;
    session_list_compare(&stored, &merged, &(struct session_observer){session_world_change, w});
    for (int64_t day = first; day <= session_day(watermark_us); day++) {
        struct buf *bytes = &session_world_day(w, v->site, v->visitor, day)->stored;
        buf_reset(bytes);
        (void)session_list_encode(&merged, day, bytes);
    }
    arena_clear(&memory);
    return 0;
}

static inline void session_world_close(void *context, struct span site, int64_t watermark_us)
{
    struct session_world *w = context;
    for (size_t i = 0; i < w->n; i++)
        if (span_is(site, w->days[i].site) && session_day_closed(w->days[i].day, watermark_us))
            buf_reset(&w->days[i].stored);
    sessions_set_watermark(w->flushed, site, watermark_us);
}

static inline void session_world_flush(struct session_world *w, struct sessions *c)
{
    w->collector = c;
    (void)sessions_each(c, session_world_visitor, w);
    sessions_each_watermark(c, WATERMARKS_CHANGED, session_world_close, w);
    sessions_reset(c);
}

#endif
