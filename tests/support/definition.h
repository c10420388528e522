/* SPDX-License-Identifier: Apache-2.0 */
/* Definitions that have to be taken, or refused: for tests that need no PostgreSQL. */
#ifndef TESTS_DEFINITION_H
#define TESTS_DEFINITION_H

#include <stdlib.h>

#include "base/mem.h"
#include "views/definition.h"

#define HEAD "CREATE MATERIALIZED VIEW v AS\n"
#define START "SELECT site, date_bin('1 minute', event_time, 'epoch') AS time"

/* The plan of a whole definition, its own SELECT for PostgreSQL's form; NULL, and the error. */
static inline struct plan *plan_of(const char *sql, struct err *e)
{
    struct plan *p = NULL;
    char *select = mem_copy_span(definition_select(sql));
    int result = definition_plan("v", sql, select == NULL ? "" : select, &p, e);
    assert_int_equal(result, p == NULL ? -1 : 0);
    free(select);
    return p;
}

static inline struct plan *good(const char *sql)
{
    struct err e = {0};
    struct plan *p = plan_of(sql, &e);
    if (p == NULL)
        fail_msg("%s\nis refused: %s", sql, e.text);
    return p;
}

/* Refused with each of the parts, which may be "line 3, column 8". */
static inline void bad(const char *sql, const char *why, const char *hint)
{
    struct err e = {0};
    struct plan *p = plan_of(sql, &e);
    if (p != NULL)
        fail_msg("%s\nis taken", sql);
    if (e.kind != ERR_INPUT || strstr(e.text, why) == NULL || strstr(e.text, hint) == NULL)
        fail_msg("%s\nis refused otherwise: %s", sql, e.text);
}

#endif
