/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VIEWS_BUILDER_INTERNAL_H
#define VIEWS_BUILDER_INTERNAL_H

#include "base/mem.h"
#include "base/table.h"
#include "views/builder.h"
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
    struct open_pages *pages;
    struct view_state state; /* as in Redis */
    uint64_t offset;
    bool usable;        /* claimed or created, and no flush has failed since */
    struct err failure; /* of the flush that failed */

    struct table sites; /* struct builder_site, in the arena */
    struct arena arena;
    uint64_t seed;
};

/* Made when it is not there, with flushed_us INT64_MIN. */
struct builder_site *builder_site_of(struct builder *b, struct span name);

#endif
