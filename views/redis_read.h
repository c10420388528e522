/* SPDX-License-Identifier: Apache-2.0 */
/* Reading views from an HTTP loop: the state of a view's current generation and pages of one site,
 * all of one moment (one MULTI/EXEC). Follows a generation that is switched meanwhile, and pages
 * that have sub-pages. Everything on the loop. */
#ifndef VIEWS_REDIS_READ_H
#define VIEWS_REDIS_READ_H

#include "views/layout.h"
#include "views/redis_async.h"
#include "views/store.h"

struct view_reader; /* one per loop */

struct view_reader *view_reader_new(struct http_loop *l, const struct redis_async_options *redis,
                                    const char *prefix);
void view_reader_free(struct view_reader *r); /* ends what is under way with ERR_DOWN */

struct view_page_ref {
    unsigned tier;
    int64_t start_us;
};

struct view_answer {
    uint64_t generation;
    struct view_state state;
    bool site_known;
    int64_t site_watermark_us; /* when site_known */
    const void *replies;       /* the pages: view_answer_each */
};

struct view_question {
    const struct plan *plan;
    uint32_t partition;
    struct span site; /* absent: the state alone */
    const struct view_page_ref *pages;
    uint32_t n_pages;
    /* e says why there is no answer: ERR_BUSY while the view is not built, ERR_DATA when it is
     * built by another definition (answer is there: its state says which), ERR_DOWN when Redis is
     * away. Both borrowed for the call. */
    void (*on_answer)(void *context, const struct view_answer *answer, const struct err *e);
    void *context;
};

/* Everything the question points to stays in place until on_answer, which is called once and never
 * before this returns; on -1 it is not called. */
int view_reader_ask(struct view_reader *r, const struct view_question *q, struct err *e) MUST_CHECK;

/* The rows of page i (of the question's pages), as stored. Stops with -1 when the callback does. */
int view_answer_each(const struct view_answer *a, uint32_t page,
                     int (*each)(void *context, struct span group, struct span value),
                     void *context);

#endif
