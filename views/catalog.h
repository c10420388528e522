/* SPDX-License-Identifier: Apache-2.0 */
/* Every plan this process has made. They are kept until it ends, so that any thread may hold one: a
 * definition that comes again gives the same plan. Any thread. */
#ifndef VIEWS_CATALOG_H
#define VIEWS_CATALOG_H

#include "views/plan.h"

/* The plan of a definition that PostgreSQL has approved (definition.h): made from its texts alone.
 * ERR_INPUT: it is none that can be streamed. */
struct catalog_text {
    const char *name, *sql, *canonical;
};
int catalog_plan(const struct catalog_text *text, const struct plan **out,
                 struct err *e) MUST_CHECK;

/* Keeps a plan that was made otherwise (tests); the one to use is returned: p, or one of the same
 * definition that is kept already. */
const struct plan *catalog_keep(const struct plan *p);

/* The shipped views, in the order of the contract: NAME and the text of views/sql/NAME.sql; ended
 * by a NULL name. */
struct shipped_view {
    const char *name, *sql;
};
extern const struct shipped_view shipped_views[];

/* Their plans as their files mean them, in the same order; ended by NULL. */
const struct plan *const *shipped_plans(void);
const struct plan *plan_find(struct span name); /* among them; or NULL */

#endif
