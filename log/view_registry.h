/* SPDX-License-Identifier: Apache-2.0 */
/* What PostgreSQL knows about the views: who builds them, their definitions, their generations. It
 * owns all of that; Redis only follows. How definitions change: view_versions.h.
 *
 * A generation is `building` (a replay works on it), `current` (it is read) or `dropping` (what is
 * left of it in Redis has to go; then its row goes). Every change is fenced: it is one statement
 * that changes nothing unless the caller's epoch is the owner's (ERR_BUSY: not the owner any more).
 */
#ifndef LOG_VIEW_REGISTRY_H
#define LOG_VIEW_REGISTRY_H

#include "log/sql.h"

enum { VIEW_NAME_BYTES = 64 };

/* ---- who builds the views of a partition */

struct view_fence {
    uint32_t partition;
    uint64_t epoch;
};

struct view_owner; /* a connection that holds the partition's advisory lock */

/* Takes the lock and raises the epoch; ERR_BUSY when another process has it. */
int view_owner_take(struct view_owner **out, const char *postgres_uri, uint32_t partition,
                    struct err *e) MUST_CHECK;
void view_owner_release(struct view_owner *o); /* NULL is fine */
struct view_fence view_owner_fence(const struct view_owner *o);
struct sql *view_owner_sql(struct view_owner *o);
/* Notes a heartbeat; fails when the connection, and with it the lock, or the epoch is lost. */
int view_owner_check(struct view_owner *o, struct err *e) MUST_CHECK;

/* ---- views and generations */

struct generation_record {
    char view[VIEW_NAME_BYTES];
    uint64_t generation;
};

struct view_record {
    const char *name, *sql, *definition_hash, *canonical;
};
/* The generation that is read, 0: none. */
int view_registry_current(struct sql *s, struct view_fence fence, const char *view,
                          uint64_t *generation, struct err *e) MUST_CHECK;

/* Whether the view still has, or is to get, this definition. */
int view_registry_wants(struct sql *s, struct view_fence fence, const struct view_record *view,
                        bool *wanted, struct err *e) MUST_CHECK;
/* The current generation if it has this definition and was begun at or after that time, else 0. */
int view_registry_current_since(struct sql *s, struct view_fence fence,
                                const struct view_record *view, int64_t since_us,
                                uint64_t *generation, struct err *e) MUST_CHECK;

enum generation_purpose {
    GENERATION_CURRENT, /* read from now on; the one before is dropping */
    GENERATION_BUILDING
};
/* A new generation, with a number above all others of the view. */
int view_registry_add(struct sql *s, struct view_fence fence, const struct view_record *view,
                      enum generation_purpose purpose, uint64_t *generation,
                      struct err *e) MUST_CHECK;
/* The newest generation of this definition that is building, 0: none; those of other definitions,
 * and those older than what is read, are dropping from now on: they cannot become current. For the
 * one who builds. */
int view_registry_building(struct sql *s, struct view_fence fence, const struct view_record *view,
                           uint64_t *generation, struct err *e) MUST_CHECK;
/* The building generation becomes current, and so does its definition; the current one is dropping,
 * and when it had another definition, where it ended is kept. ERR_DATA unless the generation is
 * building, newer than the current one, and its definition wanted. */
struct view_end {
    uint64_t offset;
    const char *digest; /* NULL: there was none */
};
int view_registry_switch(struct sql *s, struct view_fence fence,
                         const struct generation_record *next, const struct view_end *old,
                         struct err *e) MUST_CHECK;
/* A building generation is not wanted any more. */
int view_registry_abandon(struct sql *s, struct view_fence fence, const char *view,
                          uint64_t generation, struct err *e) MUST_CHECK;

/* Redis still holds a generation that PostgreSQL may have forgotten: it is dropping, unless it is
 * known as something else. */
int view_registry_leftover(struct sql *s, struct view_fence fence, const char *view,
                           uint64_t generation, struct err *e) MUST_CHECK;
/* Building generations that no unfinished replay works on are dropping. */
int view_registry_abandon_orphans(struct sql *s, struct view_fence fence, struct err *e) MUST_CHECK;

/* One that is current although its view is dropped, or is to be built anew: nobody reads it. */
int view_registry_next_unread(struct sql *s, struct view_fence fence, struct generation_record *out,
                              bool *found, struct err *e) MUST_CHECK;
/* It is dropping, if nobody reads it still. */
int view_registry_drop_unread(struct sql *s, struct view_fence fence,
                              const struct generation_record *g, struct err *e) MUST_CHECK;

/* One generation that is dropping. */
int view_registry_next_dropping(struct sql *s, struct view_fence fence,
                                struct generation_record *out, bool *found,
                                struct err *e) MUST_CHECK;
/* Nothing is left of it in Redis. */
int view_registry_forget(struct sql *s, struct view_fence fence, const struct generation_record *g,
                         struct err *e) MUST_CHECK;

#endif
