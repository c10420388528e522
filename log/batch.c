/* SPDX-License-Identifier: Apache-2.0 */
/* Building batches: every column is its PostgreSQL array in binary form (log/array.h) from the
 * first byte on.
 *
 * A column starts as FORM_NULL, becomes FORM_CONSTANT with its first value and FORM_PLAIN when a
 * second value or a NULL differs; it never goes back until the batch is reset. */
#include "log/batch.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "log/array.h"

/* One value about to be put: up to two pieces, so that jsonb's version byte needs no copy. */
struct value {
    const void *p;
    uint32_t n;
    bool has_prefix; /* jsonb's version byte goes before it */
};

static inline uint32_t value_bytes(struct value v)
{
    return v.n + v.has_prefix;
}

static inline void put_element(struct column_builder *c, struct value v)
{
    uint32_t n = value_bytes(v);
    uint8_t *to = buf_reserve(&c->array, 4 + (size_t)n);
    array_write_word(to, n);
    if (v.has_prefix)
        to[4] = 1;
    memcpy(to + 4 + v.has_prefix, v.p, v.n);
    c->array.n += 4 + (size_t)n;
}

static void put_nulls(struct column_builder *c, uint32_t count)
{
    if (count == 0)
        return;
    uint8_t *to = buf_reserve(&c->array, 4 * (size_t)count);
    memset(to, 0xff, 4 * (size_t)count);
    c->array.n += 4 * (size_t)count;
    c->has_nulls = true;
}

/* Puts the element at `bytes` (its length word included) `count` times. */
static void put_repeated(struct column_builder *c, struct span bytes, uint32_t count)
{
    uint8_t *to = buf_reserve(&c->array, bytes.n * count);
    for (uint32_t i = 0; i < count; i++)
        memcpy(to + i * bytes.n, bytes.p, bytes.n);
    c->array.n += bytes.n * count;
}

static struct span elements_of(const struct column_builder *c)
{
    return (struct span){(const char *)c->array.p + ARRAY_HEADER_BYTES,
                         c->array.n - ARRAY_HEADER_BYTES};
}

/* Gives each of the `count` events so far an element of its own. */
static void make_plain(struct column_builder *c, uint32_t count)
{
    if (c->form == FORM_NULL)
        put_nulls(c, count);
    if (c->form == FORM_CONSTANT && count > 1) {
        size_t n = elements_of(c).n;
        buf_reserve(&c->array, n * (count - 1)); /* so that the element does not move below */
        put_repeated(c, (struct span){(const char *)c->array.p + ARRAY_HEADER_BYTES, n}, count - 1);
    }
    c->form = FORM_PLAIN;
}

static bool is_constant(const struct column_builder *c, struct value v)
{
    const uint8_t *bytes = c->array.p + ARRAY_HEADER_BYTES + 4 + v.has_prefix;
    return c->array.n == ARRAY_HEADER_BYTES + 4 + (size_t)value_bytes(v) &&
           memcmp(bytes, v.p, v.n) == 0;
}

/* A value where the column is not plain yet; count events are in already. */
static void put_first_values(struct column_builder *c, uint32_t count, struct value v)
{
    if (count == 0) {
        put_element(c, v);
        c->form = FORM_CONSTANT;
    } else if (c->form == FORM_NULL || !is_constant(c, v)) {
        make_plain(c, count);
        put_element(c, v);
    }
}

static inline void put(struct column_builder *c, uint32_t count, struct value v)
{
    if (c->form == FORM_PLAIN)
        put_element(c, v);
    else
        put_first_values(c, count, v);
}

static inline void put_absent(struct column_builder *c, uint32_t count)
{
    if (c->form == FORM_NULL)
        return;
    if (c->form == FORM_CONSTANT)
        make_plain(c, count);
    put_nulls(c, 1);
}

static inline void put_span(struct batch *b, enum event_column column, struct span s)
{
    struct column_builder *c = &b->columns[column];
    if (span_absent(s))
        put_absent(c, b->count);
    else
        put(c, b->count, (struct value){s.p, (uint32_t)s.n, column == EVENT_PROPS});
}

static inline void put_int8(struct batch *b, enum event_column column, int64_t number)
{
    uint64_t word = htobe64((uint64_t)number);
    put(&b->columns[column], b->count, (struct value){&word, sizeof(word), false});
}

static inline void put_time(struct batch *b, enum event_column column, int64_t time_us)
{
    put_int8(b, column, time_us - PG_EPOCH_US);
}

static void widen_times(struct batch *b, int64_t min_us, int64_t max_us)
{
    if (b->count == 0 || min_us < b->min_time_us)
        b->min_time_us = min_us;
    if (b->count == 0 || max_us > b->max_time_us)
        b->max_time_us = max_us;
}

struct batch *batch_new(void)
{
    struct batch *b = mem_alloc(sizeof(*b));
    batch_reset(b);
    return b;
}

void batch_free(struct batch *b)
{
    if (b == NULL)
        return;
    for (int i = 0; i < N_EVENT_COLUMNS; i++)
        buf_clear(&b->columns[i].array);
    free(b);
}

void batch_reset(struct batch *b)
{
    static const uint8_t header[ARRAY_HEADER_BYTES];
    for (int i = 0; i < N_EVENT_COLUMNS; i++) {
        struct column_builder *c = &b->columns[i];
        buf_reset(&c->array);
        buf_put(&c->array, header, sizeof(header));
        c->form = FORM_NULL;
        c->has_nulls = false;
    }
    b->count = 0;
    b->min_time_us = b->max_time_us = 0;
}

size_t batch_bytes(const struct batch *b)
{
    size_t bytes = 0;
    for (int i = 0; i < N_EVENT_COLUMNS; i++) {
        const struct column_builder *c = &b->columns[i];
        bytes += elements_of(c).n * (c->form == FORM_CONSTANT ? b->count : 1);
    }
    return bytes;
}

static void put_texts(struct batch *b, const struct event *e)
{
    put_span(b, EVENT_TYPE, e->type);
    put_span(b, EVENT_SITE, e->site);
    put_span(b, EVENT_HOST, e->host);
    put_span(b, EVENT_PATH, e->path);
    put_span(b, EVENT_QUERY, e->query);
    put_span(b, EVENT_REFERRER, e->referrer);
    put_span(b, EVENT_REFERRER_HOST, e->referrer_host);
    put_span(b, EVENT_SESSION_ID, e->session_id);
    put_span(b, EVENT_USER_ID, e->user_id);
    put_span(b, EVENT_BROWSER, e->browser);
    put_span(b, EVENT_OS, e->os);
    put_span(b, EVENT_DEVICE, e->device);
    put_span(b, EVENT_COUNTRY, e->country);
    put_span(b, EVENT_REGION, e->region);
    put_span(b, EVENT_UTM_SOURCE, e->utm_source);
    put_span(b, EVENT_UTM_MEDIUM, e->utm_medium);
    put_span(b, EVENT_UTM_CAMPAIGN, e->utm_campaign);
    put_span(b, EVENT_PROPS, e->props);
    put_span(b, EVENT_IP, e->ip);
}

void batch_add(struct batch *b, const struct event *e)
{
    assert(b->count < BATCH_MAX_EVENTS);
    uint8_t bot = e->bot;
    put(&b->columns[EVENT_ID], b->count, (struct value){e->id, sizeof(e->id), false});
    put_time(b, EVENT_TIME, e->time_us);
    put_time(b, EVENT_RECEIVED_AT, e->received_us);
    put_int8(b, EVENT_VISITOR, (int64_t)e->visitor);
    put(&b->columns[EVENT_BOT], b->count, (struct value){&bot, 1, false});
    put_texts(b, e);
    if (e->id_from_client)
        put_int8(b, EVENT_TOKEN, e->token);
    else
        put_absent(&b->columns[EVENT_TOKEN], b->count);
    widen_times(b, e->time_us, e->time_us);
    b->count++;
}

static void slice_of_column(const struct column_builder *c, struct column_slice *out)
{
    const uint8_t *elements = c->array.p + ARRAY_HEADER_BYTES;
    *out = (struct column_slice){elements, c->array.p + c->array.n, c->form, c->has_nulls};
}

static void add_column(struct column_builder *to, uint32_t to_count, struct column_slice from,
                       uint32_t count)
{
    struct span bytes = {(const char *)from.elements, (size_t)(from.end - from.elements)};
    bool same = to_count == 0
                    ? from.form != FORM_PLAIN
                    : to->form == from.form &&
                          (from.form == FORM_NULL ||
                           (from.form == FORM_CONSTANT && span_equal(elements_of(to), bytes)));
    if (same && to_count == 0) {
        buf_put_span(&to->array, bytes);
        to->form = from.form;
    }
    if (same)
        return;
    if (to->form != FORM_PLAIN)
        make_plain(to, to_count);
    if (from.form == FORM_NULL)
        put_nulls(to, count);
    else if (from.form == FORM_CONSTANT)
        put_repeated(to, bytes, count);
    else
        buf_put_span(&to->array, bytes);
    to->has_nulls |= from.has_nulls;
}

/* The times of a slice of the column event_time. */
static void widen_by_slice(struct batch *to, const struct column_slice *times, uint32_t count)
{
    struct column_cursor cursor = column_cursor_of(times);
    int64_t min_us = INT64_MAX, max_us = INT64_MIN;
    for (uint32_t i = 0; i < count; i++) {
        int64_t t = element_time_us(column_next(&cursor));
        min_us = t < min_us ? t : min_us;
        max_us = t > max_us ? t : max_us;
    }
    widen_times(to, min_us, max_us);
}

void batch_add_range(struct batch *to, const struct batch *from, uint32_t first, uint32_t count)
{
    assert(first + count <= from->count && to->count + count <= BATCH_MAX_EVENTS);
    if (count == 0)
        return;
    struct log_slice slice;
    batch_slice(from, &slice);
    slice_cut(&slice, first, count);
    for (int i = 0; i < N_EVENT_COLUMNS; i++)
        add_column(&to->columns[i], to->count, slice.columns[i], count);
    widen_by_slice(to, &slice.columns[EVENT_TIME], count);
    to->count += count;
}

static void remove_elements(struct column_builder *c, uint32_t count, const bool *remove)
{
    uint8_t *to = c->array.p + ARRAY_HEADER_BYTES;
    const uint8_t *from = to;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t word;
        memcpy(&word, from, sizeof(word));
        int32_t n = (int32_t)be32toh(word);
        size_t bytes = 4 + (n < 0 ? 0 : (size_t)n);
        if (!remove[i]) {
            memmove(to, from, bytes);
            to += bytes;
        }
        from += bytes;
    }
    c->array.n = (size_t)(to - c->array.p);
}

void batch_remove(struct batch *b, const bool *remove)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < b->count; i++)
        left += !remove[i];
    if (left == b->count)
        return;
    if (left == 0) {
        batch_reset(b);
        return;
    }
    for (int i = 0; i < N_EVENT_COLUMNS; i++)
        if (b->columns[i].form == FORM_PLAIN)
            remove_elements(&b->columns[i], b->count, remove);
    struct column_slice times;
    slice_of_column(&b->columns[EVENT_TIME], &times);
    b->count = 0; /* the times start anew */
    widen_by_slice(b, &times, left);
    b->count = left;
}

void batch_truncate(struct batch *b, uint32_t count)
{
    if (count >= b->count)
        return;
    if (count == 0) {
        batch_reset(b);
        return;
    }
    struct log_slice slice;
    batch_slice(b, &slice);
    slice_cut(&slice, 0, count);
    for (int i = 0; i < N_EVENT_COLUMNS; i++)
        if (b->columns[i].form == FORM_PLAIN)
            b->columns[i].array.n = (size_t)(slice.columns[i].end - b->columns[i].array.p);
    b->count = 0;
    widen_by_slice(b, &slice.columns[EVENT_TIME], count);
    b->count = count;
}

struct span batch_array(struct batch *b, enum event_column column)
{
    static const enum array_type types[] = {
        [COLUMN_TEXT] = ARRAY_TEXT, [COLUMN_INT8] = ARRAY_INT8, [COLUMN_BOOL] = ARRAY_BOOL,
        [COLUMN_UUID] = ARRAY_UUID, [COLUMN_TIME] = ARRAY_TIME, [COLUMN_JSON] = ARRAY_JSONB};
    struct column_builder *c = &b->columns[column];
    if (c->form == FORM_NULL)
        return SPAN_ABSENT;
    array_write_header(c->array.p, types[event_columns[column].type], c->has_nulls,
                       c->form == FORM_PLAIN ? b->count : 1);
    return buf_span(&c->array);
}

void batch_slice(const struct batch *b, struct log_slice *out)
{
    *out = (struct log_slice){
        .count = b->count, .min_time_us = b->min_time_us, .max_time_us = b->max_time_us};
    for (int i = 0; i < N_EVENT_COLUMNS; i++)
        slice_of_column(&b->columns[i], &out->columns[i]);
}
