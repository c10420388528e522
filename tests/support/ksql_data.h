/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of a streaming SQL engine's cases, translated: inputs to our events, outputs to the
 * table that must come of them. */
#ifndef TESTS_KSQL_DATA_H
#define TESTS_KSQL_DATA_H

#include "base/buf.h"
#include "base/json.h"
#include "tests/support/ksql_cases.h"

/* 2026-01-05T00:00:00Z: the engine's time 0. */
#define KSQL_BASE_US (INT64_C(1767571200) * 1000000)

/* Its gap of sessions is 30 seconds, ours 30 minutes: times of sessions are so much longer. */
enum { KSQL_SESSION_STRETCH = 60 };

struct ksql_test {
    const struct json *json;
    struct json_value value; /* the case as the file has it */
    const struct ksql_case *c;
    char site[32];
};

/* The case's name; fails the test when a member is missing, as all below do. */
struct span ksql_name(const struct json *j, const struct json_value *test);

/* NDJSON of the first half of the inputs, then of the rest. */
void ksql_put_events(const struct ksql_test *t, struct buf halves[2], unsigned n[2]);

/* A table is sorted lines: "SECONDS COLUMN,COLUMN...\n", seconds from time 0 to the window. Numbers
 * are without needless zeros. Free it. */
char *ksql_expected(const struct ksql_test *t);
/* The same of an answer's CSV; after_time: columns between time and those of the case. */
char *ksql_got(const struct ksql_test *t, struct span csv, unsigned after_time);

#endif
