/* SPDX-License-Identifier: Apache-2.0 */
/* A view's definition as PostgreSQL runs it for verify: what is kept of each group, not what is
 * shown of it. */
#ifndef VIEWS_DEFINITION_SQL_H
#define VIEWS_DEFINITION_SQL_H

#include "base/buf.h"
#include "views/plan.h"

/* Appends the canonical SELECT, changed so that every row is one group as it is kept:
 *
 *   site, "time", the dimensions by name, the measures by name, footfall_rows
 *
 * HAVING, ORDER BY and LIMIT are left out, the measures that only they ask for are in.
 * count(DISTINCT x) gives the values themselves, as an array of the log's bytes; avg(x) the sum;
 * and behind each sum, avg, min and max stands as footfall_n_NAME how many values it is of. */
int definition_sql(const struct plan *p, struct buf *out, struct err *e) MUST_CHECK;

#endif
