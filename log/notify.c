/* SPDX-License-Identifier: Apache-2.0 */
#include "log/notify.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "log/sql.h"

enum { MAX_PARTITIONS = 64, PATIENCE_MS = 5000 /* the caller has more to do */ };

struct notifier {
    char *uri;
    struct sql *sql;         /* NULL: not connected */
    _Atomic uint64_t marked; /* a bit per partition, modulo 64 */
};

struct notifier *notifier_new(const char *postgres_uri)
{
    struct notifier *n = mem_alloc(sizeof(*n));
    n->uri = mem_copy_text(postgres_uri);
    return n;
}

void notifier_free(struct notifier *n)
{
    if (n == NULL)
        return;
    sql_close(n->sql);
    free(n->uri);
    free(n);
}

void notifier_mark(struct notifier *n, uint32_t partition)
{
    uint64_t bit = UINT64_C(1) << (partition % MAX_PARTITIONS);
    if ((atomic_load_explicit(&n->marked, memory_order_relaxed) & bit) == 0)
        atomic_fetch_or(&n->marked, bit);
}

static int send_one(struct notifier *n, unsigned partition, struct err *e)
{
    char text[64];
    snprintf(text, sizeof(text), "NOTIFY footfall_log_%u", partition);
    return sql_run(n->sql, text, SQL_NO_PARAMS, NULL, e);
}

int notifier_flush(struct notifier *n, struct err *e)
{
    uint64_t marked = atomic_exchange(&n->marked, 0);
    if (marked == 0)
        return 0;
    if (n->sql != NULL && sql_is_down(n->sql)) {
        sql_close(n->sql);
        n->sql = NULL;
    }
    int status = n->sql == NULL ? sql_open(&n->sql, n->uri, e) : 0;
    if (n->sql != NULL)
        sql_set_patience(n->sql, PATIENCE_MS);
    for (unsigned p = 0; status == 0 && p < MAX_PARTITIONS; p++)
        if (marked & UINT64_C(1) << p)
            status = send_one(n, p, e);
    if (status != 0)
        atomic_fetch_or(&n->marked, marked); /* next time */
    return status;
}
