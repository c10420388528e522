/* SPDX-License-Identifier: Apache-2.0 */
/* From the text of a view to its plan:
 *
 *   text -> libpg_query (name, WITH, places) -> PostgreSQL (CREATE TEMP VIEW as footfall_reader,
 * for a moment) -> pg_get_viewdef: canonical SELECT, every cast explicit -> libpg_query -> plan
 *
 * What cannot be streamed is refused with its place in the text, the reason and what would work. */
#ifndef VIEWS_DEFINITION_H
#define VIEWS_DEFINITION_H

#include "log/sql.h"
#include "views/plan.h"

struct definition_place {
    unsigned line, column; /* from 1, in characters; 0: nowhere in particular */
};

/* Checks "CREATE MATERIALIZED VIEW name [WITH (...)] AS SELECT ..." and makes its plan, kept in the
 * catalog. ERR_INPUT with *place; ERR_DOWN when PostgreSQL is away. The text of the error names
 * line and column, too. */
int definition_check(struct sql *s, struct span text, const struct plan **out,
                     struct definition_place *place, struct err *e) MUST_CHECK;

/* A bare SELECT, for a question that is asked once: neither site nor time bucket is needed. The
 * plan is the caller's: definition_free. */
int definition_of_query(struct sql *s, struct span text, struct plan **out,
                        struct definition_place *place, struct err *e) MUST_CHECK;
void definition_free(struct plan *p);

/* The SELECT within a definition, without its semicolon; absent when there is none. */
struct span definition_select(const char *sql);

/* The plan of texts that definition_check has approved; asks nobody. What the catalog uses. */
int definition_plan(const char *name, const char *sql, const char *canonical, struct plan **out,
                    struct err *e) MUST_CHECK;

#endif
