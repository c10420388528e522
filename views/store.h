/* SPDX-License-Identifier: Apache-2.0 */
/* One synchronous connection to the Redis that holds the views (layout.h says what lies where): the
 * state of a generation, its pages, the transaction that changes both in one step.
 *
 * A transaction is guarded: store_watch_state, then store_begin, puts, store_commit. EXEC goes out
 * together with the next WATCH, so that a flush costs one round trip. Commands leave in pieces of
 * about 1 MB. One thread at a time.
 *
 * Kinds of errors: ERR_DOWN: Redis is away or refuses for now (nothing is known about a commit
 * under way: read the state again). ERR_BUSY: the state was written by somebody else, nothing was
 * done. ERR_DATA: stored bytes make no sense, or a command inside EXEC failed: the generation is
 * spoilt. */
#ifndef VIEWS_STORE_H
#define VIEWS_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "views/digest.h"
#include "views/layout.h"
#include "views/page.h"

struct store;

struct store_options {
    const char *uri; /* redis_address.h */
    int timeout_ms;  /* of connecting and of each answer */
};

/* Refuses a Redis whose maxmemory-policy is not noeviction: it would drop pages silently. */
int store_open(struct store **out, const struct store_options *o, struct err *e) MUST_CHECK;
void store_close(struct store *s); /* NULL is fine */

/* ---- the state of a generation */

struct view_state {
    unsigned format; /* 0: unreadable */
    char log_id[37];
    uint64_t epoch;      /* of the owner that wrote it */
    uint64_t offset;     /* next seq */
    uint8_t last_id[16]; /* of the event before offset; zeros at 0 */
    char definition[65];
    struct digest digest;
    int64_t watermark_us; /* largest of all sites; INT64_MIN: no event yet */
};

/* Reads the state and watches it: the next commit on this connection fails if it changes. */
int store_watch_state(struct store *s, const struct view_ref *v, struct view_state *out,
                      bool *found, struct err *e) MUST_CHECK;

/* Watermarks of the sites. */
int store_each_site(struct store *s, const struct view_ref *v,
                    void (*each)(void *context, struct span site, int64_t watermark_us),
                    void *context, struct err *e) MUST_CHECK;

/* ---- a transaction: errors of the puts are kept for the commit */

void store_begin(struct store *s);
void store_put_site(struct store *s, const struct view_ref *v, struct span site,
                    int64_t watermark_us);
/* The changed and vanished rows of a page that had stored_rows rows in Redis, and its place in the
 * index; a page without rows is taken out. */
void store_put_page(struct store *s, const struct view_ref *v, const struct tier *t,
                    const struct page *p, size_t stored_rows);
/* Takes a page, as it was loaded, out of Redis and out of the index. */
void store_drop_page(struct store *s, const struct view_ref *v, const struct tier *t,
                     const struct page *p);
/* Writes the state, executes, and watches the state again (it must read as written). */
int store_commit(struct store *s, const struct view_ref *v, const struct view_state *next,
                 struct err *e) MUST_CHECK;

/* ---- pages */

struct store_pages {
    struct page *const *pages;
    size_t n;
};
/* Fills empty pages with what is stored of them (nothing is fine), all in few round trips. */
int store_load_pages(struct store *s, const struct view_ref *v, const struct plan *p,
                     const struct store_pages *pages, struct err *e) MUST_CHECK;

/* Pages of the index with from_us <= start < to_us, by start. Refuses names that are no pages of
 * the plan (ERR_DATA); stops with -1 when the callback does. Nobody may change the index meanwhile.
 */
struct store_each_page {
    int64_t from_us, to_us;
    int (*each)(void *context, const struct page_address *page, struct err *e);
    void *context;
};
int store_each_page(struct store *s, const struct view_ref *v, const struct plan *p,
                    const struct store_each_page *each, struct err *e) MUST_CHECK;

/* ---- snapshots: a generation as it was, while it goes on being written (layout.h)
 *
 * Whoever writes the generation opens it, and from then on keeps every page, in the transaction
 * that first changes or drops it, before that change. Who reads it takes index and sites from the
 * copies, pages with store_load_kept, and asks at the end whether it is open still: only then was
 * what it read the one state. `copies`: the generation with the snapshot's number. */

/* Puts into a transaction: */
void store_put_snapshot(struct store *s, const struct view_ref *copies);
void store_list_snapshot(struct store *s, const struct view_ref *copies); /* to be deleted by */
void store_put_copy(struct store *s, const struct view_ref *copies, const struct tier *t,
                    const struct page *p, size_t stored_rows);

/* Fills an empty page with what it was when the snapshot was opened. */
int store_load_kept(struct store *s, const struct view_ref *copies, const struct plan *p,
                    struct page **page, struct err *e) MUST_CHECK;
int store_snapshot_is_open(struct store *s, const struct view_ref *copies, bool *open,
                           struct err *e) MUST_CHECK;

/* One step of taking a snapshot away: it is not open any more, then some copies a call. */
int store_delete_copies_step(struct store *s, const struct view_ref *copies, bool *done,
                             struct err *e) MUST_CHECK;
/* The same for all snapshots there are of a generation. */
int store_delete_snapshots_step(struct store *s, const struct view_ref *v, bool *done,
                                struct err *e) MUST_CHECK;

/* ---- generations */

/* Which generation of a view is read. */
int store_remove_current(struct store *s, const char *prefix, const char *view,
                         struct err *e) MUST_CHECK; /* nobody reads it any more */
int store_set_current(struct store *s, const char *prefix, const char *view, uint64_t generation,
                      struct err *e) MUST_CHECK;
int store_get_current(struct store *s, const char *prefix, const char *view, uint64_t *generation,
                      bool *found, struct err *e) MUST_CHECK;

/* Whether anything of a generation is there. */
int store_has_generation(struct store *s, const struct view_ref *v, bool *found,
                         struct err *e) MUST_CHECK;
/* One step of deleting a generation: its state first (then no reader finds it and no builder can
 * write it), then some pages a call, at last the copies of snapshots. */
int store_delete_step(struct store *s, const struct view_ref *v, bool *done,
                      struct err *e) MUST_CHECK;

#endif
