/* SPDX-License-Identifier: Apache-2.0 */
/* The views there are, for all threads of the process: a picture of what PostgreSQL knows
 * (log/view_versions.h), taken again when that has changed. Whoever reads it holds one picture,
 * which does not change; its plans live as long as the process (catalog.h). */
#ifndef VIEWS_VIEW_SET_H
#define VIEWS_VIEW_SET_H

#include "log/jobs.h"
#include "log/sql.h"
#include "views/plan.h"

enum { VIEW_SET_MAX = JOB_MAX_VIEWS };

enum view_set_state {
    VIEW_READY,    /* it has a version that is read */
    VIEW_BUILDING, /* it is new: its first version is being built */
    VIEW_FAILED    /* this software cannot make a plan of it */
};

struct view_entry {
    char name[VIEW_NAME_BYTES];
    enum view_set_state state;
    const struct plan *plan;     /* what is read; NULL: nothing yet */
    const struct plan *pending;  /* what is being built to take its place; NULL: nothing */
    const struct plan *previous; /* what was read before, for those who come late; or NULL */
    char *sql;                   /* the text of the version shown: comments and all */
    char failure[200];           /* why it failed */
};

/* The plan by which a view is described: what is read, else what is being built, else NULL. */
static inline const struct plan *view_entry_shown(const struct view_entry *v)
{
    return v->plan != NULL ? v->plan : v->pending;
}
/* The plan of this definition (plan_hash), of those read, being built, read before; or NULL. A
 * switch is seen in Redis a moment earlier or later than here. */
const struct plan *view_entry_defined(const struct view_entry *v, const char *definition);

struct view_picture {
    uint64_t number; /* of the catalog (view_versions_number); 0: nothing was read yet */
    unsigned n;
    struct view_entry views[VIEW_SET_MAX]; /* the oldest first */
};

struct view_set;
struct view_set *view_set_new(void);
void view_set_free(struct view_set *s); /* NULL is fine; nobody may hold a picture */

/* The current picture, until view_set_give_back. Never waits for I/O. Any thread. */
const struct view_picture *view_set_take(struct view_set *s);
void view_set_give_back(struct view_set *s, const struct view_picture *p);
const struct view_entry *view_picture_find(const struct view_picture *p, struct span name);
/* One of the current picture, without its sql. */
bool view_set_find(struct view_set *s, struct span name, struct view_entry *out);

/* Asks for the catalog's number, and takes a new picture when it is another one. Any thread. */
int view_set_refresh(struct view_set *s, struct sql *sql, struct err *e) MUST_CHECK;

#endif
