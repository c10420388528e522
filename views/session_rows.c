/* SPDX-License-Identifier: Apache-2.0 */
#include "views/session_rows.h"

#include "log/array.h"

static void put_element(struct session_rows *r, enum session_column column, struct span bytes)
{
    uint8_t word[4];
    array_write_word(word, span_absent(bytes) ? UINT32_MAX : (uint32_t)bytes.n);
    buf_put(&r->elements[column], word, sizeof(word));
    buf_put_span(&r->elements[column], bytes);
    r->slices[column].has_nulls |= span_absent(bytes);
}

static void put_int(struct session_rows *r, enum session_column column, int64_t number)
{
    uint64_t word = htobe64((uint64_t)number);
    put_element(r, column, (struct span){(const char *)&word, sizeof(word)});
}

static void put_column(struct session_rows *r, enum session_column column, const struct session *s)
{
    char bounce = s->pageviews == 1;
    switch (column) {
    case SESSION_START:
        put_int(r, column, s->start.time_us - PG_EPOCH_US);
        break;
    case SESSION_END:
        put_int(r, column, s->end.time_us - PG_EPOCH_US);
        break;
    case SESSION_PAGEVIEWS:
        put_int(r, column, s->pageviews);
        break;
    case SESSION_BOUNCE:
        put_element(r, column, (struct span){&bounce, 1});
        break;
    case SESSION_DURATION:
        put_int(r, column, (s->end.time_us - s->start.time_us) / US_PER_SECOND);
        break;
    default:
        put_element(r, column, s->texts[column - SESSION_ENTRY_PAGE]);
    }
}

void session_rows_add(struct session_rows *r, struct span site, uint64_t visitor,
                      const struct session *s)
{
    r->count++;
    for (enum session_column c = 0; c < N_SESSION_COLUMNS; c++) {
        if ((r->columns & COLUMN_BIT(c)) == 0)
            continue;
        if (c == SESSION_SITE)
            put_element(r, c, site);
        else if (c == SESSION_VISITOR)
            put_int(r, c, (int64_t)visitor);
        else
            put_column(r, c, s);
    }
}

struct row_slice session_rows_slice(struct session_rows *r)
{
    for (enum session_column c = 0; c < N_SESSION_COLUMNS; c++) {
        struct buf *b = &r->elements[c];
        struct column_slice *slice = &r->slices[c];
        slice->form = r->columns & COLUMN_BIT(c) ? FORM_PLAIN : FORM_NULL;
        slice->elements = b->p;
        slice->end = b->p == NULL ? NULL : b->p + b->n;
    }
    return (struct row_slice){r->count, r->slices};
}

void session_rows_reset(struct session_rows *r)
{
    r->count = 0;
    for (enum session_column c = 0; c < N_SESSION_COLUMNS; c++) {
        buf_reset(&r->elements[c]);
        r->slices[c].has_nulls = false;
    }
}

void session_rows_clear(struct session_rows *r)
{
    session_rows_reset(r);
    for (enum session_column c = 0; c < N_SESSION_COLUMNS; c++)
        buf_clear(&r->elements[c]);
}

/* ---- a collector's ---- */

enum { GIVE_ROWS = 1024 };

struct giving {
    struct session_rows rows;
    int64_t from_us, to_us;
    struct aggregate *to;
};

static void give(struct giving *g)
{
    int8_t signs[GIVE_ROWS];
    struct row_slice rows = session_rows_slice(&g->rows);
    memset(signs, SESSION_NEW, sizeof(signs));
    if (rows.count > 0)
        aggregate_add_signed(g->to, &rows, signs);
    session_rows_reset(&g->rows);
}

static int give_visitor(void *context, const struct sessions_visitor *v)
{
    struct giving *g = context;
    for (uint32_t i = 0; i < v->sessions.n; i++) {
        const struct session *s = &v->sessions.at[i];
        if (s->start.time_us < g->from_us || s->start.time_us >= g->to_us)
            continue;
        session_rows_add(&g->rows, v->site, v->visitor, s);
        if (g->rows.count == GIVE_ROWS)
            give(g);
    }
    return 0;
}

void session_rows_give(const struct sessions *from, const struct plan *p, const int64_t range_us[2],
                       struct aggregate *to)
{
    struct giving g = {
        .rows.columns = plan_reads(p), .from_us = range_us[0], .to_us = range_us[1], .to = to};
    (void)sessions_each(from, give_visitor, &g); /* never stops */
    give(&g);
    session_rows_clear(&g.rows);
}
