/* SPDX-License-Identifier: Apache-2.0 */
/* A table of chores, each with its interval. */
#include "log/maintain.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "log/sign_ins.h"

enum chore {
    CHORE_TOKENS,
    CHORE_SITES,
    CHORE_SALTS,
    CHORE_ALSO,
    CHORE_KEYS,
    CHORE_SIGN_INS,
    CHORE_SEGMENTS,
    N_CHORES
};

enum { PATIENCE_MS = 10000 }; /* the caller has more to do */

struct maintainer {
    struct maintain_options options;
    char *uri;
    struct sql *sql;          /* NULL: not connected */
    int64_t due_us[N_CHORES]; /* 0: now */
};

static int refresh_tokens(struct maintainer *m, int64_t now_us, struct err *e)
{
    (void)now_us;
    return m->options.tokens == NULL ? 0 : tokens_refresh(m->options.tokens, m->sql, e);
}

static int refresh_sites(struct maintainer *m, int64_t now_us, struct err *e)
{
    (void)now_us;
    return m->options.sites == NULL ? 0 : sites_refresh(m->options.sites, m->sql, e);
}

static int refresh_salts(struct maintainer *m, int64_t now_us, struct err *e)
{
    return m->options.salts == NULL ? 0 : salts_refresh(m->options.salts, m->sql, now_us, e);
}

static int do_also(struct maintainer *m, int64_t now_us, struct err *e)
{
    (void)now_us;
    return m->options.also == NULL ? 0 : m->options.also(m->options.context, m->sql, e);
}

static int delete_expired_keys(struct maintainer *m, int64_t now_us, struct err *e)
{
    (void)now_us; /* the writer compares with PostgreSQL's clock too */
    return sql_run(m->sql,
                   "DELETE FROM idempotency_key WHERE created_at < now() - interval '24 hours'",
                   SQL_NO_PARAMS, NULL, e);
}

static int delete_ended_sign_ins(struct maintainer *m, int64_t now_us, struct err *e)
{
    (void)now_us; /* PostgreSQL's clock has set when they expire */
    return sign_ins_delete_ended(m->sql, e);
}

/* The segment in use and the next one. A short lock_timeout, so that a long reader delays only
 * this. */
static int make_segments(struct maintainer *m, int64_t now_us, struct err *e)
{
    (void)now_us;
    char text[320];
    snprintf(text, sizeof(text),
             "SET lock_timeout = '500ms';"
             "SELECT log_make_segment(p, log_next_seq(p)), log_make_segment(p, log_next_seq(p) + "
             "100000000)"
             " FROM generate_series(0, %u - 1) p; RESET lock_timeout",
             m->options.n_partitions);
    return sql_run(m->sql, text, SQL_NO_PARAMS, NULL, e);
}

static const struct {
    const char *name;
    int (*run)(struct maintainer *m, int64_t now_us, struct err *e);
    int64_t interval_us;
} chores[N_CHORES] = {
    [CHORE_TOKENS] = {"tokens", refresh_tokens, US_PER_SECOND},
    [CHORE_SITES] = {"sites", refresh_sites, US_PER_SECOND},
    [CHORE_SALTS] = {"salts", refresh_salts, US_PER_MINUTE},
    [CHORE_ALSO] = {"views", do_also, US_PER_SECOND},
    [CHORE_KEYS] = {"idempotency keys", delete_expired_keys, US_PER_MINUTE},
    [CHORE_SIGN_INS] = {"sign-ins", delete_ended_sign_ins, US_PER_MINUTE},
    [CHORE_SEGMENTS] = {"segments of the log", make_segments, US_PER_MINUTE},
};

int maintain_run(struct maintainer *m, int64_t now_us, struct err *e)
{
    if (m->sql != NULL && sql_is_down(m->sql)) {
        sql_close(m->sql);
        m->sql = NULL;
    }
    if (m->sql == NULL && sql_open(&m->sql, m->uri, e) != 0)
        return -1;
    sql_set_patience(m->sql, PATIENCE_MS);
    int status = 0;
    for (int i = 0; i < N_CHORES && !sql_is_down(m->sql); i++) {
        struct err failure = {0};
        if (now_us < m->due_us[i] && m->due_us[i] - now_us <= chores[i].interval_us)
            continue; /* further off than that: the clock was set back */
        m->due_us[i] = now_us + chores[i].interval_us;
        if (chores[i].run(m, now_us, &failure) != 0) /* the others still have their turn */
            status = err_set(e, failure.kind, "%s: %s", chores[i].name, failure.text);
    }
    return status;
}

int maintain_open(struct maintainer **out, const struct maintain_options *o, int64_t now_us,
                  struct err *e)
{
    struct maintainer *m = mem_alloc(sizeof(*m));
    m->options = *o;
    m->uri = mem_copy_text(o->postgres_uri);
    *out = m;
    if (maintain_run(m, now_us, e) == 0)
        return 0;
    maintain_close(m);
    *out = NULL;
    return -1;
}

void maintain_close(struct maintainer *m)
{
    if (m == NULL)
        return;
    sql_close(m->sql);
    free(m->uri);
    free(m);
}
