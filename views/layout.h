/* SPDX-License-Identifier: Apache-2.0 */
/* Where a view lives in Redis. Everything of one partition of one generation carries one hash tag,
 * so that a Redis Cluster keeps it together.
 *
 *   TAG = PREFIX:{VIEW:GENERATION:PARTITION}
 *
 *   TAG:state              hash: see below
 *   TAG:sites              hash: site -> watermark (microseconds)
 *   TAG:index              sorted set: SITE:TIER:START by page start (seconds)
 *   TAG:SITE:TIER:START    hash: page (START in seconds since 1970)
 *   TAG:SITE:TIER:START:N  its sub-page N = 1, 2, ... of up to 5,000 groups
 *   TAG:snapshots          set: the snapshots of which there are copies, by ID
 *   TAG:SITE:sessions:DAY  hash: visitor (8 bytes, big-endian) -> its sessions that ended on that
 *                          UTC day since 1970 (session.h); of a view over sessions
 *   TAG:sessions           sorted set: SITE:sessions:DAY of each of these, by day
 *   PREFIX:current         hash: view -> generation that is read
 *
 * A page with sub-pages has in its first hash the field "" (empty) with the number of sub-pages
 * beyond the first, as decimal text.
 *
 * A snapshot keeps a generation readable as it was when it was opened, while it goes on being
 * written (store.h). No site's name has an '@', so its copies are told from pages by their names:
 *
 *   TAG:@ID:open           there as long as it is good: every page that changes is copied before
 *   TAG:@ID:index, :sites  as they were
 *   TAG:@ID:kept           sorted set: SITE:TIER:START of each page that has changed since, by the
 *                          number of its hashes that were copied (0: it was not there)
 *   TAG:@ID:SITE:TIER:START[:N]   the copies
 *
 * ID: a random number, 16 hexadecimal digits. Who loads a generation, and who deletes it, finds
 * leftovers in TAG:snapshots.
 *
 * state: format (PAGE_FORMAT), log_id, epoch (of the owner of the views), offset (next seq),
 * last_id (id of the event before offset, hex), definition (plan_hash), digest, watermark (largest
 * of all sites, microseconds). */
#ifndef VIEWS_LAYOUT_H
#define VIEWS_LAYOUT_H

#include "base/buf.h"
#include "views/plan.h"

enum { SUB_PAGE_GROUPS = 5000 };

struct view_ref {
    const char *prefix; /* redis.prefix */
    const char *view;
    uint64_t generation;
    uint32_t partition;
    uint64_t snapshot; /* 0: the generation itself; else the copies of this snapshot */
};

/* Each appends the key to out. Sites, index and pages are the copies when v->snapshot is set. */
void layout_state_key(const struct view_ref *v, struct buf *out);
void layout_sites_key(const struct view_ref *v, struct buf *out);
void layout_index_key(const struct view_ref *v, struct buf *out);
void layout_page_key(const struct view_ref *v, struct span site, const struct tier *t,
                     int64_t page_start_us, unsigned sub_page, struct buf *out);
void layout_sessions_key(const struct view_ref *v, struct span site, int64_t day, struct buf *out);
void layout_sessions_suffix(struct span site, int64_t day, struct buf *out);
void layout_session_days_key(const struct view_ref *v, struct buf *out);
void layout_current_key(const char *prefix, struct buf *out);
void layout_snapshots_key(const struct view_ref *v, struct buf *out);
void layout_open_key(const struct view_ref *v, struct buf *out);
void layout_kept_key(const struct view_ref *v, struct buf *out);
/* What all keys of the generation's partition, or of the snapshot's copies, start with, up to and
 * with the ':'. */
void layout_prefix(const struct view_ref *v, struct buf *out);

/* A page by its key suffix, the member of the index: SITE:TIER:START. The sub-pages of a page are
 * counted in its first hash, not in the index. */
struct page_address {
    struct span site; /* borrowed from the text */
    unsigned tier;    /* index in plan->tiers */
    int64_t start_us;
};
void layout_page_suffix(struct span site, const struct tier *t, int64_t page_start_us,
                        struct buf *out);
/* ERR_DATA when the text is not the suffix of a page of the plan. */
int layout_read_suffix(const struct plan *p, struct span text, struct page_address *out,
                       struct err *e) MUST_CHECK;

#endif
