/* SPDX-License-Identifier: Apache-2.0 */
/* Slices of stored batches: narrowing them, walking them by event. */
#include "log/batch.h"

/* The element `count` elements after `at`. */
static const uint8_t *skip(const struct column_slice *c, enum column_type type, const uint8_t *at,
                           uint32_t count)
{
    uint32_t width = column_width(type);
    if (width != 0 && !c->has_nulls)
        return at + (size_t)count * (4 + width);
    struct column_cursor cursor = {at, FORM_PLAIN};
    for (uint32_t i = 0; i < count; i++)
        column_next(&cursor);
    return cursor.at;
}

/* Narrows one column; count elements are left of first + count or more. */
static void cut(struct column_slice *c, enum column_type type, uint32_t first, uint32_t count)
{
    if (c->form != FORM_PLAIN)
        return;
    c->elements = skip(c, type, c->elements, first);
    c->end = skip(c, type, c->elements, count);
}

void slice_cut(struct log_slice *s, uint32_t first, uint32_t count)
{
    if (first == 0 && count == s->count)
        return;
    for (int i = 0; i < N_EVENT_COLUMNS; i++)
        cut(&s->columns[i], event_columns[i].type, first, count);
    s->first_seq += first;
    s->count = count;
}

struct slice_cursor slice_cursor_of(const struct log_slice *s)
{
    struct slice_cursor c = {.slice = s};
    for (int i = 0; i < N_EVENT_COLUMNS; i++)
        c.columns[i] = column_cursor_of(&s->columns[i]);
    return c;
}

bool slice_next(struct slice_cursor *c, struct event_row *row)
{
    if (c->next == c->slice->count)
        return false;
    row->partition = c->slice->partition;
    row->seq = c->slice->first_seq + c->next++;
    for (int i = 0; i < N_EVENT_COLUMNS; i++)
        row->columns[i] = column_next(&c->columns[i]);
    return true;
}
