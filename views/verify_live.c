/* SPDX-License-Identifier: Apache-2.0 */
#include "views/verify_live.h"

#include "base/diag.h"

enum {
    SNAPSHOT_TIMEOUT_MS = 30000,
    ATTEMPTS = 3 /* when snapshots are lost */
};

static int compare(const struct verify_live_options *o, const struct live_snapshot *s,
                   struct verify_result *out, struct err *e)
{
    const struct live_options *live = live_options(o->live);
    struct verify_options v = {.postgres_uri = live->postgres_uri,
                               .store = live->store,
                               .plan = s->plan,
                               .ref = s->copies,
                               .state = &s->state,
                               .scope = o->scope,
                               .tick = o->tick,
                               .context = o->context};
    return verify_view(&v, out, e);
}

/* What can't be deleted now is found when the next snapshot is opened, or the generation loaded. */
static void delete_copies(const struct verify_live_options *o, const struct live_snapshot *s)
{
    struct store *store;
    struct err e = {0};
    bool done = false;
    int result = store_open(&store, &live_options(o->live)->store, &e);
    while (result == 0 && !done)
        result = store_delete_copies_step(store, &s->copies, &done, &e);
    if (result != 0)
        diag(DIAG_INFO, "views", "copies of view %s stay until it is verified again: %s",
             o->plan->name, e.text);
    store_close(store);
}

int verify_live(const struct verify_live_options *o, struct live_snapshot *snapshot,
                struct verify_result *out, struct err *e)
{
    for (int i = 0; i < ATTEMPTS; i++) {
        struct err failure = {0};
        if (live_open_snapshot(o->live, o->plan->name, SNAPSHOT_TIMEOUT_MS, snapshot, e) != 0)
            return -1;
        int result = compare(o, snapshot, out, &failure);
        bool kept = live_close_snapshot(o->live, o->plan->name, snapshot);
        if (kept)
            delete_copies(o, snapshot);
        if (result == 0)
            return 0;
        if ((kept && !out->lost) || (o->tick != NULL && o->tick(o->context, NULL) != 0))
            return err_set(e, failure.kind, "%s", failure.text);
    }
    return err_set(
        e, ERR_DATA,
        "view %s could not be kept as it was %d times in a row: its builder had to start "
        "anew, its generation was replaced, or Redis is short of memory",
        o->plan->name, ATTEMPTS);
}
