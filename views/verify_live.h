/* SPDX-License-Identifier: Apache-2.0 */
/* Verifies a view that the live builder goes on writing: by a snapshot, and once more with a new
 * one when that was lost. Runs on the calling thread, which may block. */
#ifndef VIEWS_VERIFY_LIVE_H
#define VIEWS_VERIFY_LIVE_H

#include "views/live.h"
#include "views/verify.h"

struct verify_live_options {
    struct live *live;
    const struct plan *plan;                   /* of the view; it may have another by then */
    const struct events_scope *scope;          /* NULL: all of the view */
    int (*tick)(void *context, struct err *e); /* called now and then; -1 ends it */
    void *context;
};

/* *snapshot says what was compared, by which definition. ERR_DATA: snapshots were lost time and
 * again. */
int verify_live(const struct verify_live_options *o, struct live_snapshot *snapshot,
                struct verify_result *out, struct err *e) MUST_CHECK;

#endif
