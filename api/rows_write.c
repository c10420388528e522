/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rows_write.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/writer.h"

const char *const rows_media_types[] = {
    [ROWS_JSON] = "application/json",
    [ROWS_MSGPACK] = "application/msgpack",
    [ROWS_CSV] = "text/csv",
    NULL,
};

const char *const rows_content_types[] = {
    [ROWS_JSON] = "application/json",
    [ROWS_MSGPACK] = "application/msgpack",
    [ROWS_CSV] = "text/csv; charset=utf-8",
};

/* The text of a slot's start; rows of one slot mostly follow each other. */
struct slot_text {
    int32_t slot;
    int n;
    char text[CLOCK_TEXT_BYTES];
};

static struct span time_of_slot(const struct rows *r, struct slot_text *t, int32_t slot)
{
    if (t->slot != slot) {
        t->slot = slot;
        t->n = zone_format(r->range->zone, r->range->slot_us[slot], t->text);
    }
    return (struct span){t->text, (size_t)t->n};
}

static bool has_time(const struct rows *r)
{
    return r->range->step.kind != STEP_ALL;
}

/* The next measure from i on that is shown; n_measures when there is none. */
static unsigned shown(const struct plan *p, unsigned i)
{
    while (i < p->n_measures && p->measures[i].hidden)
        i++;
    return i;
}

static uint32_t count_measures(const struct plan *p)
{
    uint32_t n = 0;
    for (unsigned m = shown(p, 0); m < p->n_measures; m = shown(p, m + 1))
        n++;
    return n;
}

static uint32_t count_columns(const struct rows *r)
{
    return has_time(r) + r->query->n_by + count_measures(r->query->plan);
}

static bool fits_int(const struct measure_result *v, int64_t *out)
{
    int128 whole, back;
    if (!measure_rescale(v->number, v->scale, 0, &whole) ||
        !measure_rescale(whole, 0, v->scale, &back) || back != v->number || whole != (int64_t)whole)
        return false;
    *out = (int64_t)whole;
    return true;
}

/* JSON has all digits; MessagePack has no decimals: an int where that says it, else a double. */
static void put_value(struct writer *w, struct measure_result v)
{
    char room[MEASURE_TEXT_BYTES + 1];
    int64_t whole;
    if (v.null) {
        writer_null(w);
        return;
    }
    struct span text = measure_text(v.number, v.scale, room);
    room[MEASURE_TEXT_BYTES] = '\0';
    if (w->form == WRITE_JSON)
        writer_json(w, text);
    else if (fits_int(&v, &whole))
        writer_int(w, whole);
    else
        writer_double(w, strtod(text.p, NULL));
}

static void put_dimension(struct writer *w, const struct group_value *v)
{
    if (v->null || v->type == VALUE_TEXT)
        writer_text(w, v->text);
    else if (v->type == VALUE_INT)
        writer_int(w, v->integer);
    else
        writer_bool(w, v->integer != 0);
}

/* ------------------------------------------------------------------ JSON, MessagePack */

static void put_time(struct writer *w, const char *key, const struct zone *z, int64_t t_us)
{
    char text[CLOCK_TEXT_BYTES];
    int n = zone_format(z, t_us, text);
    writer_put_text(w, key, (struct span){text, (size_t)n});
}

/* A query's bounds need not be whole seconds. */
static void put_bound(struct writer *w, const char *key, const struct zone *z, int64_t t_us)
{
    char text[CLOCK_TEXT_BYTES], exact[CLOCK_TEXT_BYTES + 8];
    int n = zone_format(z, t_us, text), date = (int)strlen("2026-11-23T04:00:00");
    int part = (int)(t_us - clock_floor(t_us, US_PER_SECOND));
    if (part != 0)
        n = snprintf(exact, sizeof exact, "%.*s.%06d%.*s", date, text, part, n - date, text + date);
    writer_put_text(w, key, (struct span){part == 0 ? text : exact, (size_t)n});
}

/* A query's columns have the names that it gives them. */
static struct span time_name(const struct rows *r, const struct rows_about *about)
{
    return span_of(about->sql == NULL ? "time" : r->query->plan->bucket_name);
}

static void put_columns(const struct rows *r, const struct rows_about *about, struct writer *w)
{
    const struct plan *p = r->query->plan;
    writer_key(w, "columns");
    writer_array(w, count_columns(r));
    if (has_time(r))
        writer_text(w, time_name(r, about));
    for (unsigned i = 0; i < r->query->n_by; i++)
        writer_text(w, span_of(p->dimensions[r->query->by[i]].name));
    for (unsigned m = shown(p, 0); m < p->n_measures; m = shown(p, m + 1))
        writer_text(w, span_of(p->measures[m].name));
}

static void put_rows(const struct rows *r, struct writer *w, const uint32_t *cells, uint32_t n)
{
    const struct plan *p = r->query->plan;
    struct slot_text time = {.slot = -1};
    writer_key(w, "rows");
    writer_array(w, n);
    for (uint32_t i = 0; i < n && !w->out->failed; i++) {
        struct rows_cell *c = rows_cell_at(r, cells[i]);
        writer_array(w, count_columns(r));
        if (has_time(r))
            writer_text(w, time_of_slot(r, &time, c->slot));
        for (unsigned k = 0; k < r->query->n_by; k++)
            put_dimension(w, &r->groups[c->group].values[k]);
        for (unsigned m = shown(p, 0); m < p->n_measures; m = shown(p, m + 1))
            put_value(w, rows_value(r, c, m));
    }
}

static void put_totals(const struct rows *r, struct writer *w)
{
    const struct plan *p = r->query->plan;
    writer_key(w, "totals");
    writer_map(w, count_measures(p));
    for (unsigned m = shown(p, 0); m < p->n_measures; m = shown(p, m + 1)) {
        writer_key(w, p->measures[m].name);
        put_value(w, rows_total(r, m));
    }
}

static uint32_t count_approximate(const struct plan *p)
{
    uint32_t n = 0;
    for (unsigned m = shown(p, 0); m < p->n_measures; m = shown(p, m + 1))
        n += measure_is_sketch(&p->measures[m]);
    return n;
}

static void put_approximate(const struct plan *p, struct writer *w)
{
    writer_key(w, "approximate");
    writer_map(w, count_approximate(p));
    for (unsigned m = shown(p, 0); m < p->n_measures; m = shown(p, m + 1))
        if (measure_is_sketch(&p->measures[m])) {
            writer_key(w, p->measures[m].name);
            writer_double(w, SKETCH_STANDARD_ERROR);
        }
}

static void put_as_of(const struct rows *r, const struct rows_about *about, struct writer *w)
{
    writer_key(w, "as_of");
    writer_map(w, 3);
    writer_put_int(w, "offset", (int64_t)about->offset);
    if (about->has_watermark)
        put_time(w, "watermark", r->range->zone, about->watermark_us);
    else
        writer_put_text(w, "watermark", SPAN_ABSENT);
    if (about->sql == NULL) {
        writer_put_int(w, "generation", (int64_t)about->generation);
        return;
    }
    writer_key(w, "generation");
    writer_null(w);
}

/* What was asked: a view, or a SELECT. */
static void put_source(const struct plan *p, const struct rows_about *about, struct writer *w)
{
    if (about->sql == NULL) {
        writer_put_text(w, "view", span_of(p->name));
        return;
    }
    writer_put_text(w, "view", SPAN_ABSENT);
    writer_put_text(w, "sql", span_of(about->sql));
}

static void write_document(const struct rows *r, const struct rows_about *about, struct writer *w,
                           const uint32_t *cells, uint32_t n)
{
    const struct plan *p = r->query->plan;
    const struct range *g = r->range;
    bool approximate = count_approximate(p) > 0;
    writer_map(w, 11 + (about->sql != NULL) + approximate + range_has_window(g));
    put_source(p, about, w);
    writer_put_text(w, "site", about->site);
    put_bound(w, "from", g->zone, g->from_us);
    put_bound(w, "to", g->zone, g->to_us);
    writer_put_text(w, "step", span_of(g->step.name));
    if (range_has_window(g))
        writer_put_text(w, "window", span_of(g->window));
    writer_put_text(w, "tz", span_of(zone_name(g->zone)));
    put_columns(r, about, w);
    put_rows(r, w, cells, n);
    if (w->out->failed)
        return;
    writer_put_int(w, "total_rows", r->n_cells);
    put_totals(r, w);
    if (approximate)
        put_approximate(p, w);
    put_as_of(r, about, w);
    writer_end(w);
}

/* ------------------------------------------------------------------ CSV (RFC 4180) */

static bool needs_quotes(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == ',' || s.p[i] == '"' || s.p[i] == '\r' || s.p[i] == '\n')
            return true;
    return s.n == 0;
}

/* NULL is nothing, the empty text is "". */
static void put_field(struct buf *out, struct span s, bool first)
{
    if (!first)
        buf_put_byte(out, ',');
    if (span_absent(s))
        return;
    if (!needs_quotes(s)) {
        buf_put_span(out, s);
        return;
    }
    buf_put_byte(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"')
            buf_put_byte(out, '"');
        buf_put_byte(out, (uint8_t)s.p[i]);
    }
    buf_put_byte(out, '"');
}

static void write_csv_head(const struct rows *r, const struct rows_about *about, struct buf *out)
{
    const struct plan *p = r->query->plan;
    bool first = true;
    if (has_time(r)) {
        put_field(out, time_name(r, about), true);
        first = false;
    }
    for (unsigned i = 0; i < r->query->n_by; i++, first = false)
        put_field(out, span_of(p->dimensions[r->query->by[i]].name), first);
    for (unsigned m = shown(p, 0); m < p->n_measures; m = shown(p, m + 1), first = false)
        put_field(out, span_of(p->measures[m].name), first);
    buf_put_text(out, "\r\n");
}

static void put_csv_value(struct buf *out, struct measure_result v, bool first)
{
    char room[MEASURE_TEXT_BYTES];
    put_field(out, v.null ? SPAN_ABSENT : measure_text(v.number, v.scale, room), first);
}

static void write_csv(const struct rows *r, struct buf *out, const uint32_t *cells, uint32_t n)
{
    const struct plan *p = r->query->plan;
    struct slot_text time = {.slot = -1};
    char room[GROUP_TEXT_BYTES];
    for (uint32_t i = 0; i < n; i++) {
        struct rows_cell *c = rows_cell_at(r, cells[i]);
        bool first = !has_time(r);
        if (!first)
            put_field(out, time_of_slot(r, &time, c->slot), true);
        for (unsigned k = 0; k < r->query->n_by; k++, first = false)
            put_field(out, group_text(&r->groups[c->group].values[k], room), first);
        for (unsigned m = shown(p, 0); m < p->n_measures; m = shown(p, m + 1), first = false)
            put_csv_value(out, rows_value(r, c, m), first);
        buf_put_text(out, "\r\n");
    }
}

void rows_write(const struct rows *r, const struct rows_about *about, enum rows_form form,
                struct buf *out)
{
    uint32_t *cells = NULL;
    uint32_t n = rows_select(r, &cells);
    struct writer w = writer_to(out, form == ROWS_MSGPACK ? WRITE_MSGPACK : WRITE_JSON);
    if (form == ROWS_CSV) {
        write_csv_head(r, about, out);
        write_csv(r, out, cells, n);
    } else
        write_document(r, about, &w, cells, n);
    free(cells);
}
