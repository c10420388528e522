/* SPDX-License-Identifier: Apache-2.0 */
/* What the log needs done now and then, by the main thread: tables in memory refreshed, salts made
 * and destroyed, expired idempotency keys and sign-ins deleted, segments of log_batch made ahead.
 */
#ifndef LOG_MAINTAIN_H
#define LOG_MAINTAIN_H

#include "log/salts.h"
#include "log/sites.h"
#include "log/sql.h"
#include "log/tokens.h"

struct maintain_options {
    const char *postgres_uri;
    uint32_t n_partitions;
    struct tokens *tokens; /* each may be NULL */
    struct sites *sites;
    struct salts *salts;
    /* Once a second, after a start; NULL: nothing. For what lies above the log. */
    int (*also)(void *context, struct sql *s, struct err *e);
    void *context;
};

struct maintainer;
/* Connects and does everything once, so that the tables are filled. */
int maintain_open(struct maintainer **out, const struct maintain_options *o, int64_t now_us,
                  struct err *e) MUST_CHECK;
/* Call about once a second: does what is due; reconnects after a failure. */
int maintain_run(struct maintainer *m, int64_t now_us, struct err *e) MUST_CHECK;
void maintain_close(struct maintainer *m);

#endif
