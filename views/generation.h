/* SPDX-License-Identifier: Apache-2.0 */
/* Going on with a generation that is in Redis, for the live builder and for replays alike. */
#ifndef VIEWS_GENERATION_H
#define VIEWS_GENERATION_H

#include "log/log.h"
#include "views/builder.h"
#include "views/reconcile.h"

struct generation_found {
    bool usable;     /* the builder goes on from the state's offset; else create it, or another */
    const char *why; /* a few words */
    uint64_t head;   /* of the log, when it was asked */
};

/* Loads the builder's generation, judges its state by the log, claims it when it is good. ERR_BUSY:
 * it is a later owner's. ERR_DOWN: PostgreSQL or Redis is away. */
int generation_go_on(struct builder *b, struct log_reader *questions,
                     const struct builder_owner *owner, struct generation_found *out,
                     struct err *e) MUST_CHECK;

#endif
