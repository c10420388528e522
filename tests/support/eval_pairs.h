/* SPDX-License-Identifier: Apache-2.0 */
/* Random expressions, each as a tree and as SQL of the same meaning, over a relation of hostile
 * columns. */
#ifndef SUPPORT_EVAL_PAIRS_H
#define SUPPORT_EVAL_PAIRS_H

#include "base/mem.h"
#include "views/expr.h"

/* The columns: a, b text; i, j bigint; p, q boolean; t timestamptz; u uuid; x jsonb;
 * m numeric(18, 2). All may be NULL; texts of at most EVAL_PAIRS_MAX_TEXT bytes. */
extern const struct relation EVAL_PAIRS_RELATION;
enum { EVAL_PAIRS_MAX_TEXT = 4096 };
enum eval_pairs_column {
    PAIRS_A,
    PAIRS_B,
    PAIRS_I,
    PAIRS_J,
    PAIRS_P,
    PAIRS_Q,
    PAIRS_T,
    PAIRS_U,
    PAIRS_X,
    PAIRS_M,
    N_PAIRS_COLUMNS
};

struct eval_pair {
    const struct expr *x;
    const char *sql;
};

/* Made in memory. Whatever the rows hold, PostgreSQL raises no error for it. */
struct eval_pair eval_pairs_any(uint64_t *seed, struct arena *memory);

/* Texts with everything that is special to some function; for rows and constants alike. */
struct span eval_pairs_text(uint64_t *seed, struct arena *memory);
/* As an SQL literal. */
const char *eval_pairs_quoted(struct span text, struct arena *memory);
/* The 16 bytes of a uuid's text. */
struct span eval_pairs_uuid(const char *text, struct arena *memory);

#endif
