/* SPDX-License-Identifier: Apache-2.0 */
/* What to do with a stored state, judged against the log and the owner: every case of "exactly
 * once" in one table. Pure. */
#ifndef VIEWS_RECONCILE_H
#define VIEWS_RECONCILE_H

#include "views/store.h"

enum state_verdict {
    STATE_USABLE,  /* go on from its offset */
    STATE_FOREIGN, /* a later owner of the same log wrote it: keep off, stand by */
    STATE_REBUILD  /* missing, or not of this log, definition or format: start a new generation */
};

struct state_truth {
    const char *log_id, *definition;
    uint64_t epoch;      /* ours */
    uint64_t head;       /* next seq of the log */
    uint8_t last_id[16]; /* of the event before the state's offset; zeros when there is none */
};

/* stored NULL: there is none. *why: a few words for the operator. */
enum state_verdict reconcile_state(const struct view_state *stored, const struct state_truth *truth,
                                   const char **why);

#endif
