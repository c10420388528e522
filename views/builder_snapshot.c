/* SPDX-License-Identifier: Apache-2.0 */
/* A builder's side of a snapshot: which pages it has copied since it was opened. */
#include <assert.h>
#include <stdlib.h>

#include "base/diag.h"
#include "views/builder_internal.h"

/* Of the memory for remembering them; a snapshot that needs more has been open for far too long. */
enum { MAX_KEPT_PAGES = 500000 };

struct kept_page {
    struct page_address at;
};

static struct view_ref copies_of(const struct builder *b)
{
    struct view_ref copies = b->options.ref;
    copies.snapshot = b->snapshot.id;
    return copies;
}

uint64_t builder_snapshot(const struct builder *b)
{
    return b->snapshot.id;
}

void builder_close_snapshot(struct builder *b)
{
    b->snapshot.id = 0;
    table_clear(&b->snapshot.kept);
    arena_clear(&b->snapshot.arena);
}

bool builder_is_unchanged(struct builder *b)
{
    struct view_state now;
    bool found;
    return store_watch_state(b->store, &b->options.ref, &now, &found, NULL) == 0 && found &&
           now.epoch == b->state.epoch && now.offset == b->state.offset &&
           digest_equal(now.digest, b->state.digest);
}

/* ---- opening */

int builder_delete_snapshots(struct builder *b, struct err *e)
{
    for (bool done = false; !done;)
        if (store_delete_snapshots_step(b->store, &b->options.ref, &done, e) != 0)
            return -1;
    return 0;
}

static uint64_t draw_number(void)
{
    uint64_t number;
    while ((number = hash_seed()) == 0)
        continue;
    return number;
}

static int open_snapshot(struct builder *b, struct view_ref *copies, struct err *e)
{
    if (builder_delete_snapshots(b, e) != 0) /* what its reader could not delete */
        return -1;
    *copies = b->options.ref;
    copies->snapshot = draw_number();
    store_begin(b->store);
    store_put_snapshot(b->store, copies);
    return store_commit(b->store, &b->options.ref, &b->state, e);
}

int builder_open_snapshot(struct builder *b, struct view_ref *copies, struct err *e)
{
    assert(b->usable && b->snapshot.id == 0 && b->offset == b->state.offset);
    struct err failure = {0};
    if (open_snapshot(b, copies, &failure) == 0) {
        b->snapshot.id = copies->snapshot;
        return 0;
    }
    if (!builder_is_unchanged(b)) {
        b->usable = false;
        b->failure = failure;
    }
    err_set(e, failure.kind, "%s", failure.text);
    return err_context(e, "view %s", b->options.plan->name);
}

/* ---- keeping */

static bool is_page(const void *item, const void *key)
{
    const struct page_address *x = &((const struct kept_page *)item)->at, *y = key;
    return x->start_us == y->start_us && x->tier == y->tier && span_equal(x->site, y->site);
}

static bool remember(struct builder *b, const struct page_address *at)
{
    uint64_t hash =
        hash_step(hash_step(hash_bytes(b->seed, at->site), at->tier), (uint64_t)at->start_us);
    if (table_find(&b->snapshot.kept, hash, at, is_page) != NULL)
        return false;
    struct kept_page *kept = arena_alloc(&b->snapshot.arena, sizeof(*kept));
    kept->at = *at;
    kept->at.site = builder_site_of(b, at->site)->name;
    table_put(&b->snapshot.kept, hash, kept);
    return true;
}

void builder_list_snapshot(struct builder *b)
{
    struct view_ref copies = copies_of(b);
    if (copies.snapshot != 0)
        store_list_snapshot(b->store, &copies);
}

void builder_keep_page(struct builder *b, const struct open_page *p)
{
    struct page_address at = {page_site(p->page), page_tier(p->page), page_start(p->page)};
    if (b->snapshot.id == 0 || !remember(b, &at))
        return;
    struct view_ref copies = copies_of(b);
    store_put_copy(b->store, &copies, b->options.plan->tiers[at.tier], p->page, p->stored_rows);
}

/* ---- giving it up */

int builder_bound_snapshot(struct builder *b, struct err *e)
{
    if (b->snapshot.kept.n <= MAX_KEPT_PAGES)
        return 0;
    builder_close_snapshot(b);
    return builder_delete_snapshots(b, e);
}

bool builder_give_up_snapshot(struct builder *b)
{
    if (b->snapshot.id == 0 || !builder_is_unchanged(b))
        return false;
    diag(DIAG_INFO, "views", "view %s: Redis refuses; the copies for a verification are given up",
         b->options.plan->name);
    builder_close_snapshot(b);
    return builder_delete_snapshots(b, NULL) == 0;
}
