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

#include "base/buf.h"
#include "log/event.h"

enum { BATCH_MAX_EVENTS = 10000 };

enum column_form {
    FORM_NULL,     /* no elements: NULL for every event */
    FORM_CONSTANT, /* one element for every event */
    FORM_PLAIN     /* an element per event */
};

struct column_builder {
    struct buf elements;
    enum column_form form;
    bool has_nulls;
};

struct batch {
    uint32_t count;
    int64_t min_time_us, max_time_us;
    struct column_builder columns[N_EVENT_COLUMNS];
};

struct batch *batch_new(void);
void batch_free(struct batch *b);
void batch_reset(struct batch *b); /* empty again, keeps the memory */
size_t batch_bytes(const struct batch *b);

/* Appends one event; the caller keeps count <= BATCH_MAX_EVENTS. */
void batch_add(struct batch *b, const struct event *e);
/* Appends events [from, from + count) of another batch. */
void batch_add_range(struct batch *to, const struct batch *from, uint32_t first, uint32_t count);
/* Takes out the events whose flag is set; the order of the others stays. */
void batch_remove(struct batch *b, const bool *remove);

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

/* Walks a column, one call per event. For FORM_CONSTANT it gives the one element again and again,
 * for FORM_NULL absent. */
struct column_cursor {
    const uint8_t *at;
    enum column_form form;
};

struct column_cursor column_cursor_of(const struct column_slice *c);
struct span column_next(struct column_cursor *c); /* raw bytes of the element; absent for NULL */

int64_t element_int8(struct span bytes);    /* of a COLUMN_INT8 */
int64_t element_time_us(struct span bytes); /* of a COLUMN_TIME: microseconds since 1970 */
bool element_bool(struct span bytes);
struct span element_json(struct span bytes); /* the text, without jsonb's version byte */

#endif
