/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VIEWS_BUILDER_INTERNAL_H
#define VIEWS_BUILDER_INTERNAL_H

#include "base/mem.h"
#include "base/table.h"
#include "views/builder.h"
#include "views/builder_sessions.h"
#include "views/open_pages.h"

/* A site with the watermark it had at the last flush: all its pages that expire by it are gone. */
struct builder_site {
    struct span name;
    int64_t flushed_us;
};

struct builder {
    struct builder_options options;
    struct store *store; /* NULL: not connected */
    struct aggregate *aggregate;
    struct builder_sessions *sessions; /* of a view over sessions; else NULL */
    struct open_pages *pages;
    struct view_state state; /* as in Redis */
    uint64_t offset;
    bool usable;        /* claimed or created, and no flush has failed since */
    struct err failure; /* of the flush that failed */

    struct table sites; /* struct builder_site, in the arena */
    struct arena arena;
    uint64_t seed;

    struct {
        uint64_t id;       /* 0: none is open */
        struct table kept; /* struct kept_page, in the arena: copied since it was opened */
        struct arena arena;
    } snapshot;
};

/* Made when it is not there, with flushed_us INT64_MIN. */
struct builder_site *builder_site_of(struct builder *b, struct span name);

/* ---- builder_snapshot.c */

/* Whether Redis has the state that was written last: nothing of a refused transaction was done. */
bool builder_is_unchanged(struct builder *b);
/* In a transaction that may copy pages: whoever owns the view next has deleted the copies there
 * were, may be, and finds by it those that come after. */
void builder_list_snapshot(struct builder *b);
/* In a transaction, before the page is changed or dropped. */
void builder_keep_page(struct builder *b, const struct open_page *p);
/* Before a transaction: a snapshot that has got too many pages goes. */
int builder_bound_snapshot(struct builder *b, struct err *e) MUST_CHECK;
/* After a refused transaction: true when there was a snapshot that is not there any more, so that
 * it may be tried again without. */
bool builder_give_up_snapshot(struct builder *b);
/* Takes away what copies there are of the generation. */
int builder_delete_snapshots(struct builder *b, struct err *e) MUST_CHECK;

#endif
