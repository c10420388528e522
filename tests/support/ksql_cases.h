/* SPDX-License-Identifier: Apache-2.0 */
/* Which of a streaming SQL engine's own cases (its test files, see tests/support/data.h) run here,
 * and as which SELECT; which are left out, and why. */
#ifndef TESTS_KSQL_CASES_H
#define TESTS_KSQL_CASES_H

#include "base/span.h"

enum ksql_kind {
    KSQL_TABLE,    /* its table: the last output of each key and window */
    KSQL_STREAM,   /* its outputs are rows; equal ones are counted here */
    KSQL_SESSIONS, /* of its table the windows: start, length, how many inputs */
    KSQL_REFUSED,  /* the engine refuses it, as must be here */
    KSQL_LEFT_OUT
};

/* What of the engine's output is a line of the table. */
enum ksql_line {
    KSQL_VALUE,
    KSQL_KEY_AND_VALUE, /* the value does not have what is grouped by */
    KSQL_BOUNDS,        /* the value ends with the window's bounds in ms: made here of its start */
    KSQL_HALF_BOUNDS
};

struct ksql_case {
    const char *file, *name; /* name NULL: every case of the file that is not named */
    enum ksql_kind kind;
    enum ksql_line line;
    const char *why;    /* KSQL_LEFT_OUT */
    const char *bucket; /* of the SELECT; NULL: a day, as without windows */
    const char *step;   /* of the rows that are read; NULL: day */
    const char *window; /* hopping, or NULL */
    int window_ms;      /* for bounds */
    unsigned n_dimensions;
    const char *columns; /* dimensions, then measures */
    const char *where, *having;
};

extern const struct ksql_case ksql_cases[];
extern const unsigned ksql_n_cases;

/* NULL: there is no row for it. */
const struct ksql_case *ksql_case_of(struct span file, struct span name);

/* The SELECT of a case that runs: site, time, columns. Free it. */
char *ksql_select(const struct ksql_case *c);

#endif
