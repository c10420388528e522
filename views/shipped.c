/* SPDX-License-Identifier: Apache-2.0 */
#include "views/shipped.h"

#include "base/diag.h"
#include "log/view_versions.h"
#include "views/catalog.h"
#include "views/definition.h"

typedef int change(struct sql *s, const struct view_record *view, struct err *e);

static int apply(struct sql *s, const struct shipped_view *v, change *what, struct err *e)
{
    const struct plan *plan;
    struct definition_place place;
    char hash[65];
    if (definition_check(s, span_of(v->sql), &plan, &place, e) != 0)
        return err_context(e, "the shipped view %s", v->name);
    plan_hash(plan, hash);
    return what(s, &(struct view_record){v->name, v->sql, hash, plan->canonical}, e);
}

/* A database that does not take one of them (ERR_INPUT) has the others. */
static int apply_where(struct sql *s, enum view_shipped wanted, change *what, struct err *e)
{
    for (const struct shipped_view *v = shipped_views; v->name != NULL; v++) {
        enum view_shipped state;
        struct err failure = {0};
        if (view_versions_shipped(s, v->name, v->sql, &state, e) != 0)
            return -1;
        if (state != wanted || apply(s, v, what, &failure) == 0)
            continue;
        if (failure.kind != ERR_INPUT)
            return err_set(e, failure.kind, "%s", failure.text);
        diag(DIAG_ERROR, "views", "%s", failure.text);
    }
    return 0;
}

int shipped_install(struct sql *s, struct err *e)
{
    return apply_where(s, SHIPPED_NEW, view_versions_install, e);
}

int shipped_upgrade(struct sql *s, struct err *e)
{
    return apply_where(s, SHIPPED_CHANGED, view_versions_upgrade, e);
}
