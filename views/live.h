/* SPDX-License-Identifier: Apache-2.0 */
/* The live builder of one partition: a thread that follows the log and keeps the current generation
 * of every view up to date in Redis. It owns the views (log/view_registry.h) while it holds the
 * partition's lock; without it, it stands by. When PostgreSQL or Redis is away it tries again, with
 * growing pauses, from whatever Redis then says. */
#ifndef VIEWS_LIVE_H
#define VIEWS_LIVE_H

#include "log/view_registry.h"
#include "views/builder.h"
#include "views/view_set.h"

struct live;

enum live_state {
    LIVE_STARTING, /* not connected yet, or PostgreSQL or Redis is away: see live_overview.error */
    LIVE_STANDBY,  /* another process builds the views */
    LIVE_BUILDING, /* far behind the log, catching up */
    LIVE_READY
};

struct live_view_status {
    char name[VIEW_NAME_BYTES];
    enum live_state state;
    uint64_t generation; /* 0: not known yet */
    uint64_t offset, head;
    uint64_t lag_events;
    int64_t lag_us;       /* how long it has been behind the log without a break */
    struct digest digest; /* at offset */
    int64_t watermark_us; /* INT64_MIN: no event yet */
    uint64_t late;        /* late events, since the builder last started */
    int64_t max_late_us;
};

struct live_options {
    const char *postgres_uri;
    struct store_options store;
    const char *redis_prefix;
    uint32_t partition;
    struct view_set *views;         /* which views there are; kept up to date here too */
    struct aggregate_limits limits; /* max_bytes: of all views together */
    size_t max_open_bytes;          /* of all views together */
    uint32_t chunk_events;
    int flush_ms;     /* a view is flushed at most this often, and this soon */
    int max_pause_ms; /* between attempts while a server is away */
    /* After each flush, on the live thread; may be NULL. */
    void (*on_flush)(void *context, const struct live_view_status *view);
    void *context;
};
/* The values serve uses, but for the addresses. */
extern const struct live_options live_defaults;

/* Starts the thread; the servers need not be there. The texts are borrowed until live_stop. */
int live_start(struct live **out, const struct live_options *o, struct err *e) MUST_CHECK;
/* Flushes what it has and ends the thread. */
void live_stop(struct live *l);

/* ---- any thread */

/* The log has grown (log_writer_options.on_append). */
void live_wake(struct live *l, uint64_t head);

struct live_overview {
    enum live_state state; /* the worst of the views' */
    bool owner;            /* of the views of this partition */
    struct view_fence fence;
    uint64_t head;
    char error[256]; /* why it is not running; empty: it is */
};
struct live_overview live_overview(struct live *l);
/* Fills at most max, returns how many there are. */
unsigned live_status(struct live *l, struct live_view_status *out, unsigned max);
const struct live_options *live_options(const struct live *l);
/* The definitions have changed (log/view_versions.h): it looks at once, not within 2 s. */
void live_reload(struct live *l);
unsigned live_count(struct live *l); /* of the views it builds, at least 1: memory is shared out */

/* ---- for the jobs */

/* A view as it was at one offset (store.h: snapshots), while it goes on. */
struct live_snapshot {
    const struct plan *plan; /* by which it was built */
    struct view_ref copies;
    struct view_state state;
};
/* Flushes a view and opens a snapshot of it. There is one at a time (ERR_BUSY). It is lost when the
 * builder has to start anew, when a replay switches the generation, and when Redis gets out of
 * memory. */
int live_open_snapshot(struct live *l, const char *view, int64_t timeout_ms,
                       struct live_snapshot *out, struct err *e) MUST_CHECK;
/* When it returns nothing is copied any more, and the caller deletes what was. False: the snapshot
 * had been lost. */
bool live_close_snapshot(struct live *l, const char *view, const struct live_snapshot *s);

enum adoption_outcome {
    ADOPTION_PENDING,
    ADOPTION_SWITCHED, /* it is the current generation now */
    ADOPTION_LOST,     /* a server went away: load it and hand it over again */
    ADOPTION_REFUSED,  /* it cannot become current: see failure */
    ADOPTION_WITHDRAWN
};
/* A generation a replay has built nearly to the head. The live thread brings it, and the current
 * one, to the same offset, compares the digests there if both have the same definition, and makes
 * it current. The first one of a new view is brought to the head. */
struct live_adoption {
    struct builder *builder; /* taken over, whatever comes of it */
    uint64_t generation;
    bool (*withdrawn)(void *context); /* asked about once a second on the calling thread */
    void *context;

    enum adoption_outcome outcome;
    bool compared;
    uint64_t offset; /* where they were compared */
    struct digest before, after;
    struct err failure;

    bool withdraw; /* live's own */
};
/* Blocks until the outcome is there. */
void live_adopt(struct live *l, const char *view, struct live_adoption *a);

#endif
