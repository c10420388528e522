/* SPDX-License-Identifier: Apache-2.0 */
/* Where a view lives in Redis. Everything of one partition of one generation carries one hash tag,
 * so that a Redis Cluster keeps it together.
 *
 *   PREFIX:{VIEW:GENERATION:PARTITION}:state              hash: see below
 *   PREFIX:{VIEW:GENERATION:PARTITION}:sites              hash: site -> watermark (microseconds)
 *   PREFIX:{VIEW:GENERATION:PARTITION}:index              sorted set: page key suffix by page start (seconds)
 *   PREFIX:{VIEW:GENERATION:PARTITION}:SITE:TIER:START    hash: page (START in seconds since 1970)
 *   PREFIX:{VIEW:GENERATION:PARTITION}:SITE:TIER:START:N  its sub-page N = 1, 2, ... of up to 5,000 groups
 *   PREFIX:current                                        hash: view -> generation that is read
 *
 * A page with sub-pages has in its first hash the field "" (empty) with the number of sub-pages
 * beyond the first, as decimal text.
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
};

/* Each appends the key to out. */
void layout_state_key(const struct view_ref *v, struct buf *out);
void layout_sites_key(const struct view_ref *v, struct buf *out);
void layout_index_key(const struct view_ref *v, struct buf *out);
void layout_page_key(const struct view_ref *v, struct span site, const struct tier *t,
                     int64_t page_start_us, unsigned sub_page, struct buf *out);
void layout_current_key(const char *prefix, struct buf *out);

#endif
