/* SPDX-License-Identifier: Apache-2.0 */
/* A batch under construction, and slices of stored batches. Both sides use the same bytes:
 * PostgreSQL's binary array elements, so that nothing is converted between the parser and the log
 * or between the log and a view.
 *
 *   element:  int32 length (big-endian), bytes       (length -1: NULL)
 *   text      the bytes                  int8, time   8 bytes big-endian (time: microseconds since
 *   bool      1 byte                                  2000-01-01 UTC, PostgreSQL's epoch)
 *   uuid      16 bytes                   json         a byte 1, then the text (jsonb's wire form)
 *
 * A column that is NULL for every event is kept without elements; one with one value for all keeps
 * a single element. */
#ifndef LOG_BATCH_H
#define LOG_BATCH_H

#include <assert.h>
#include <endian.h>

#include "base/buf.h"
#include "log/event.h"

enum { BATCH_MAX_EVENTS = 10000 };

enum column_form {
    FORM_NULL,     /* no elements: NULL for every event */
    FORM_CONSTANT, /* one element for every event */
    FORM_PLAIN     /* an element per event */
};

struct column_builder {
    struct buf array; /* room for the array's header, then the elements */
    enum column_form form;
    bool has_nulls;
};

struct batch {
    uint32_t count;
    int64_t min_time_us, max_time_us; /* of the events' times; 0 when empty */
    struct column_builder columns[N_EVENT_COLUMNS];
};

struct batch *batch_new(void);
void batch_free(struct batch *b);
void batch_reset(struct batch *b); /* empty again, keeps the memory */
/* Of its values, each counted for every event: a constant is kept once only until one differs. */
size_t batch_bytes(const struct batch *b);

/* Appends one event; the caller keeps count <= BATCH_MAX_EVENTS. The column token is stored for
 * client-given ids only: it is their scope. */
void batch_add(struct batch *b, const struct event *e);
/* Appends events [first, first + count) of another batch. */
void batch_add_range(struct batch *to, const struct batch *from, uint32_t first, uint32_t count);
/* Takes out the events whose flag is set; the order of the others stays. */
void batch_remove(struct batch *b, const bool *remove);
/* Forgets the events from count on (an event of a request that is refused as a whole). */
void batch_truncate(struct batch *b, uint32_t count);

/* One column as a PostgreSQL array in binary form, in place; absent for FORM_NULL. Borrowed until
 * the batch changes. */
struct span batch_array(struct batch *b, enum event_column column);

/* ---- reading ---- */

/* One column of a slice: elements in place in a PGresult. Borrowed from the log_chunk. */
struct column_slice {
    const uint8_t *elements; /* the first element of the slice (at its length word) */
    const uint8_t *end;
    enum column_form form;
    bool has_nulls; /* false: every length word is >= 0, so fixed-size types have a fixed stride */
};

/* A run of events of one stored batch. Columns that were not asked for are FORM_NULL. */
struct log_slice {
    uint32_t partition;
    uint32_t count;
    uint64_t first_seq;
    int64_t min_time_us, max_time_us; /* of the whole stored batch */
    struct column_slice columns[N_EVENT_COLUMNS];
};

/* The whole batch as a slice, borrowed until the batch changes. partition and first_seq are 0. */
void batch_slice(const struct batch *b, struct log_slice *out);
/* Narrows a slice to its events [first, first + count). */
void slice_cut(struct log_slice *s, uint32_t first, uint32_t count);

/* Walks a column, one call per event. For FORM_CONSTANT it gives the one element again and again,
 * for FORM_NULL absent. */
struct column_cursor {
    const uint8_t *at;
    enum column_form form;
};

static inline struct column_cursor column_cursor_of(const struct column_slice *c)
{
    return (struct column_cursor){c->elements, c->form};
}

/* Raw bytes of the next element; absent for NULL. */
static inline struct span column_next(struct column_cursor *c)
{
    if (c->form == FORM_NULL)
        return SPAN_ABSENT;
    uint32_t word;
    memcpy(&word, c->at, sizeof(word));
    int32_t n = (int32_t)be32toh(word);
    const char *bytes = (const char *)c->at + 4;
    if (c->form == FORM_PLAIN)
        c->at += 4 + (n < 0 ? 0 : n);
    return n < 0 ? SPAN_ABSENT : (struct span){bytes, (size_t)n};
}

/* PostgreSQL counts time from 2000-01-01. */
#define PG_EPOCH_US INT64_C(946684800000000)

static inline int64_t element_int8(struct span bytes) /* of a COLUMN_INT8 */
{
    uint64_t word;
    assert(bytes.p != NULL);
    memcpy(&word, bytes.p, sizeof(word));
    return (int64_t)be64toh(word);
}

static inline int64_t element_time_us(struct span bytes) /* of a COLUMN_TIME: since 1970 */
{
    return element_int8(bytes) + PG_EPOCH_US;
}

static inline bool element_bool(struct span bytes)
{
    return bytes.p[0] != 0;
}

static inline struct span
element_json(struct span bytes) /* the text, without jsonb's version byte */
{
    return (struct span){bytes.p + 1, bytes.n - 1};
}

/* All columns of a slice, an event at a time. */
struct event_row {
    uint32_t partition;
    uint64_t seq;
    struct span columns[N_EVENT_COLUMNS]; /* raw bytes, absent for NULL */
};

struct slice_cursor {
    const struct log_slice *slice;
    uint32_t next;
    struct column_cursor columns[N_EVENT_COLUMNS];
};

struct slice_cursor slice_cursor_of(const struct log_slice *s);
bool slice_next(struct slice_cursor *c, struct event_row *row); /* false: at the end */

#endif
