/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer with a maximum and a sticky error: writers need not check every put, the
 * reader checks `failed` once. A zeroed struct is an empty buffer without a maximum. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct buf {
    uint8_t *p;
    size_t n, cap;
    size_t max;  /* 0: none */
    bool failed; /* a put would have passed max; nothing is put any more */
};

/* Room for n more bytes at p + this->n, or NULL when max would be passed. Does not change n. */
uint8_t *buf_grow(struct buf *b, size_t n);

static inline uint8_t *buf_reserve(struct buf *b, size_t n)
{
    return b->p != NULL && b->cap - b->n >= n && !b->failed ? b->p + b->n : buf_grow(b, n);
}

static inline void buf_put(struct buf *b, const void *bytes, size_t n)
{
    uint8_t *to = buf_reserve(b, n);
    if (to == NULL || n == 0)
        return;
    memcpy(to, bytes, n);
    b->n += n;
}

static inline void buf_put_byte(struct buf *b, uint8_t byte)
{
    buf_put(b, &byte, 1);
}

static inline void buf_put_span(struct buf *b, struct span s)
{
    buf_put(b, s.p, s.n);
}

static inline void buf_put_text(struct buf *b, const char *text)
{
    buf_put(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_put_json(struct buf *b, struct span text); /* quoted and escaped; absent puts null */

static inline struct span buf_span(const struct buf *b)
{
    return (struct span){b->p == NULL ? "" : (const char *)b->p, b->n};
}

static inline void buf_reset(struct buf *b) /* keeps the memory */
{
    b->n = 0;
    b->failed = false;
}

void buf_clear(struct buf *b); /* frees; max stays */

#endif
