/* SPDX-License-Identifier: Apache-2.0 */
/* How the definitions of views change (migrations/0006_view_versions.sql). Each change is one
 * statement of one transaction, by any process; who owns the views (view_registry.h) follows. A
 * changed definition is a pending version, built by a replay job beside the one that is read;
 * view_registry_switch makes it current. */
#ifndef LOG_VIEW_VERSIONS_H
#define LOG_VIEW_VERSIONS_H

#include "log/view_registry.h"

/* ---- changes */

enum view_addition {
    VIEW_ADDED_READY,    /* it is what is read already */
    VIEW_ADDED_BUILDING, /* *job builds it */
    VIEW_ADDED_NOT       /* there are max_views already */
};
int view_versions_add(struct sql *s, const struct view_record *view, unsigned max_views,
                      enum view_addition *added, int64_t *job, struct err *e) MUST_CHECK;
int view_versions_drop(struct sql *s, struct span view, bool *found, struct err *e) MUST_CHECK;

/* What is to be done about a view that the software ships: nothing when it was installed and has
 * not changed since, or somebody has dropped it or given it another definition. */
enum view_shipped { SHIPPED_SETTLED, SHIPPED_NEW, SHIPPED_CHANGED };
int view_versions_shipped(struct sql *s, const char *view, const char *sql, enum view_shipped *out,
                          struct err *e) MUST_CHECK;
/* A new one is current at once. Nothing when it is there. */
int view_versions_install(struct sql *s, const struct view_record *view, struct err *e) MUST_CHECK;
/* A changed one becomes pending, with its job. */
int view_versions_upgrade(struct sql *s, const struct view_record *view, struct err *e) MUST_CHECK;

/* ---- asking */

/* A number that every change raises. */
int view_versions_number(struct sql *s, uint64_t *number, struct err *e) MUST_CHECK;

/* A version; what is not there is absent or 0. Borrowed for the call. */
struct view_version {
    struct span view, sql, canonical, state, digest;
    int64_t number, added_us, switched_us, ended_us;
    bool has_offset;
    uint64_t offset; /* with digest: where what was built of it ended */
};
struct view_versions_each {
    void (*each)(void *context, const struct view_version *v);
    void *context;
};
/* Current and pending ones of all views, the oldest view first. */
int view_versions_in_use(struct sql *s, const struct view_versions_each *each,
                         struct err *e) MUST_CHECK;
/* All of a view that is not dropped, the newest first, at most 100. */
int view_versions_of(struct sql *s, struct span view, const struct view_versions_each *each,
                     struct err *e) MUST_CHECK;

#endif
