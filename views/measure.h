/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a measure in a cell: one word, or three (struct plan_measure): how it merges, what
 * states there are, which number it stands for. */
#ifndef VIEWS_MEASURE_H
#define VIEWS_MEASURE_H

#include "views/plan.h"
#include "views/sketch.h"

union measure_value {
    int64_t count;         /* the first word of every kind but a distinct count */
    uint64_t word;         /* the others */
    struct sketch *sketch; /* owned by the table or page it is in; NULL: empty */
};

/* No slot of a page has more rows: sums of many stay far from overflow. */
#define MEASURE_MAX_ROWS (INT64_C(1) << 40)

static inline bool measure_is_sketch(const struct plan_measure *m)
{
    return m->kind == AGGREGATE_COUNT_DISTINCT;
}

static inline bool measure_is_wide(const struct plan_measure *m)
{
    return aggregate_words(m->kind) == 3;
}

static inline int128 measure_number(const union measure_value *v) /* of a wide one */
{
    __extension__ typedef unsigned __int128 uint128;
    return (int128)((uint128)v[2].word << 64 | v[1].word);
}

static inline void measure_set_number(union measure_value *v, int128 number)
{
    v[1].word = (uint64_t)number;
    v[2].word = (uint64_t)(number >> 64);
}

/* What is added to a state: n values (below 0: they are taken back, of sums only) and their sum,
 * least or greatest. Any order gives the same. */
void measure_add(enum aggregate_kind kind, union measure_value *v, int64_t n, int128 number);
/* Any kind but a distinct count. */
void measure_merge(enum aggregate_kind kind, union measure_value *into,
                   const union measure_value *from);

/* Whether so many rows can have this state (not of a distinct count). */
bool measure_is_possible(const struct plan_measure *m, int64_t rows, const union measure_value *v);

/* ---- numbers ---- */

/* What a measure gives: number / 10^scale, or NULL. */
struct measure_result {
    bool null;
    uint8_t scale;
    int128 number;
};
struct measure_result measure_result_of(const struct plan_measure *m, const union measure_value *v);

/* NULL is the greatest. Of one scale. */
int measure_compare(const struct measure_result *a, const struct measure_result *b);

/* Decimal, without zeros behind the last digit that says something. */
enum { MEASURE_TEXT_BYTES = 48 };
struct span measure_text(int128 number, unsigned scale, char room[MEASURE_TEXT_BYTES]);
/* -1: no decimal number, more digits behind the point than the scale has, or too large. */
int measure_parse(struct span text, unsigned scale, int128 *out);
/* At another scale, rounded half away from zero; false: it does not fit. */
bool measure_rescale(int128 number, unsigned from, unsigned to, int128 *out);

#endif
