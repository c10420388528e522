/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL's arrays in binary form (array_send, array_recv), one dimension:
 *
 *   int32 dimensions (1), int32 has nulls, int32 type of the elements, int32 how many,
 *   int32 lower bound (1), elements: int32 length (-1: NULL), bytes          (all big-endian) */
#ifndef LOG_ARRAY_H
#define LOG_ARRAY_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum { ARRAY_HEADER_BYTES = 20 };

/* OIDs of pg_type.dat: fixed for ever. */
enum array_type {
    ARRAY_BOOL = 16,
    ARRAY_BYTEA = 17,
    ARRAY_INT8 = 20,
    ARRAY_TEXT = 25,
    ARRAY_TIME = 1184,
    ARRAY_UUID = 2950,
    ARRAY_JSONB = 3802
};

static inline void array_write_word(uint8_t *to, uint32_t word)
{
    word = htobe32(word);
    memcpy(to, &word, sizeof(word));
}

static inline uint32_t array_read_word(const uint8_t *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof(word));
    return be32toh(word);
}

static inline void array_write_header(uint8_t *to, enum array_type type, bool has_nulls,
                                      uint32_t count)
{
    array_write_word(to, 1);
    array_write_word(to + 4, has_nulls);
    array_write_word(to + 8, type);
    array_write_word(to + 12, count);
    array_write_word(to + 16, 1);
}

/* An array parameter being built. Zeroed: empty. */
struct array {
    struct buf bytes;
    uint32_t count;
};

static inline void array_put(struct array *a, struct span element)
{
    uint8_t word[ARRAY_HEADER_BYTES] = {0};
    if (a->count++ == 0) {
        buf_reset(&a->bytes);
        buf_put(&a->bytes, word, ARRAY_HEADER_BYTES);
    }
    array_write_word(word, (uint32_t)element.n);
    buf_put(&a->bytes, word, 4);
    buf_put_span(&a->bytes, element);
}

static inline void array_put_int8(struct array *a, int64_t number)
{
    uint64_t word = htobe64((uint64_t)number);
    array_put(a, (struct span){(const char *)&word, sizeof(word)});
}

/* The whole parameter, borrowed until the array changes. */
static inline struct span array_finish(struct array *a, enum array_type type)
{
    static const char empty[12] = {0}; /* no dimensions; the type must still fit */
    if (a->count == 0) {
        buf_reset(&a->bytes);
        buf_put(&a->bytes, empty, sizeof(empty));
        array_write_word(a->bytes.p + 8, type);
    } else {
        array_write_header(a->bytes.p, type, false, a->count);
    }
    return buf_span(&a->bytes);
}

static inline void array_reset(struct array *a)
{
    a->count = 0;
}

static inline void array_clear(struct array *a)
{
    buf_clear(&a->bytes);
    a->count = 0;
}

#endif
