/* SPDX-License-Identifier: Apache-2.0 */
/* HAVING: a condition over the rows of an answer. Its columns are made of the cells, a run at a
 * time, in the bytes of the log (log/batch.h); a number is 16 bytes, big-endian. */
#include "api/rows.h"
#include "views/eval.h"

enum { RUN = 4096 };

struct having {
    struct rows *rows;
    uint32_t from, to; /* cells */
    struct buf columns[PLAN_MAX_DIMENSIONS + PLAN_MAX_MEASURES];
};

/* Where the condition names the column: that says in which form it wants it; NULL: nowhere. */
static const struct expr *find_column(const struct expr *x, unsigned column)
{
    const struct expr *found = x->op == EXPR_COLUMN && x->column == column ? x : NULL;
    for (unsigned i = 0; i < x->n_args && found == NULL; i++)
        found = find_column(x->args[i], column);
    return found;
}

static void put_word(struct buf *out, uint32_t word)
{
    word = htobe32(word);
    buf_put(out, &word, sizeof word);
}

static void put_element(struct buf *out, struct span bytes)
{
    put_word(out, span_absent(bytes) ? UINT32_MAX : (uint32_t)bytes.n);
    buf_put_span(out, bytes);
}

static void put_number(struct buf *out, int128 number, size_t bytes)
{
    put_word(out, (uint32_t)bytes);
    for (size_t i = bytes; i-- > 0;)
        buf_put_byte(out, (uint8_t)(number >> 8 * i));
}

static void put_dimension(struct buf *out, const struct group_value *v)
{
    if (v->null || v->type == VALUE_TEXT)
        put_element(out, v->text);
    else
        put_number(out, v->integer, v->type == VALUE_INT ? 8 : 1);
}

/* What does not fit the form is NULL. */
static void put_measure(struct buf *out, struct measure_result v, const struct expr *wanted)
{
    bool as_int = wanted->type == VALUE_INT;
    int128 number;
    if (v.null || !measure_rescale(v.number, v.scale, as_int ? 0 : wanted->scale, &number) ||
        (as_int && number != (int64_t)number))
        put_element(out, SPAN_ABSENT);
    else
        put_number(out, number, as_int ? 8 : 16);
}

/* Which of the kept dimensions it is; -1: `by` leaves it out, and it is NULL. */
static int kept_as(const struct rows_query *q, unsigned dimension)
{
    for (unsigned i = 0; i < q->n_by; i++)
        if (q->by[i] == dimension)
            return (int)i;
    return -1;
}

static struct column_slice column_of(struct having *h, unsigned column)
{
    const struct rows *r = h->rows;
    const struct plan *p = r->query->plan;
    const struct expr *wanted = find_column(p->having, column);
    struct buf *out = &h->columns[column];
    int kept = column < p->n_dimensions ? kept_as(r->query, column) : 0;
    if (wanted == NULL || kept < 0)
        return (struct column_slice){.form = FORM_NULL};
    buf_reset(out);
    for (uint32_t i = h->from; i < h->to; i++) {
        struct rows_cell *c = rows_cell_at(r, i);
        if (column < p->n_dimensions)
            put_dimension(out, &r->groups[c->group].values[kept]);
        else
            put_measure(out, rows_value(r, c, column - p->n_dimensions), wanted);
    }
    return (struct column_slice){out->p, out->p + out->n, FORM_PLAIN, true};
}

/* Moves the cells of the run that meet it down to `kept` and on; returns where they end. */
static uint32_t keep_run(struct having *h, struct arena *memory, uint32_t kept)
{
    struct rows *r = h->rows;
    const struct plan *p = r->query->plan;
    struct column_slice columns[PLAN_MAX_DIMENSIONS + PLAN_MAX_MEASURES];
    for (unsigned i = 0; i < p->n_dimensions + p->n_measures; i++)
        columns[i] = column_of(h, i);
    struct row_slice slice = {h->to - h->from, columns};
    struct truths truths = eval_truths(p->having, &slice, memory);
    for (uint32_t i = h->from; i < h->to; i++) {
        struct rows_cell *c = rows_cell_at(r, i);
        if (truths_hold(&truths, i - h->from))
            memmove(rows_cell_at(r, kept++), c, r->cell_bytes);
        else
            rows_free_cell(r, c);
    }
    arena_reset(memory);
    return kept;
}

/* The lists of the groups end here: nothing looks for a cell any more. */
void rows_keep_having(struct rows *r)
{
    struct having h = {.rows = r};
    struct arena memory = {0};
    uint32_t kept = 0;
    for (; h.from < r->n_cells; h.from = h.to) {
        h.to = r->n_cells - h.from < RUN ? r->n_cells : h.from + RUN;
        kept = keep_run(&h, &memory, kept);
    }
    r->n_cells = kept;
    for (unsigned i = 0; i < PLAN_MAX_DIMENSIONS + PLAN_MAX_MEASURES; i++)
        buf_clear(&h.columns[i]);
    arena_clear(&memory);
}
