/* SPDX-License-Identifier: Apache-2.0 */
/* A linear fingerprint of a view: the sum over (site, group, slot, measure) of H(...) * value
 * modulo 2^64, with two seeds, over the finest tier. Linear: it is updated with every change, new -
 * old, and equal digests mean equal contents (but for a chance of 2^-128). A measure of several
 * words counts with each of them, a sketch with its registers: H(..., register) * rank. */
#ifndef VIEWS_DIGEST_H
#define VIEWS_DIGEST_H

#include "views/plan.h"

struct digest {
    uint64_t a, b;
};

/* The cell a value sits in. group: the dimensions as a MessagePack array, as in the page. */
struct digest_cell {
    uint64_t a, b;
};
struct digest_cell digest_cell_of(struct span site, struct span group, int64_t slot_time_us);

static inline struct digest digest_minus(struct digest x, struct digest y)
{
    return (struct digest){x.a - y.a, x.b - y.b};
}

#define DIGEST_ROWS UINT32_MAX /* as a measure: the hidden row count */

/* What is counted of a measure: one of its words. Of the first it is the measure itself. */
static inline uint32_t digest_word(uint32_t measure, unsigned word)
{
    return measure | (uint32_t)word << 16;
}

void digest_add(struct digest *d, struct digest_cell cell, uint32_t measure, int64_t delta);
void digest_add_register(struct digest *d, struct digest_cell cell, uint32_t measure, unsigned reg,
                         int64_t rank_delta);
static inline bool digest_equal(struct digest x, struct digest y)
{
    return x.a == y.a && x.b == y.b;
}
void digest_format(struct digest d, char out[33]);      /* 32 hex digits */
int digest_parse(struct span text, struct digest *out); /* -1: not a digest */

#endif
