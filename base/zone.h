/* SPDX-License-Identifier: Apache-2.0 */
/* IANA time zones (package tzdata). The whole database is read once at start (some 600 names, about
 * 1 MB): nothing is read from files later, and what is loaded never changes, so any thread may ask.
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include "base/civil.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/span.h"

struct zones;
struct zone;

#define ZONES_FOLDER "/usr/share/zoneinfo"

/* Fails when the folder is missing or holds no zone. Files that are no TZif are passed over. */
int zones_load(struct zones **out, const char *folder, struct err *e) MUST_CHECK;
void zones_free(struct zones *z);
/* By its exact name ("Europe/Berlin", "UTC"); NULL when there is none. */
const struct zone *zones_find(const struct zones *z, struct span name);
size_t zones_count(const struct zones *z);
const struct zone *zones_at(const struct zones *z, size_t i); /* sorted by name */

const struct zone *zone_utc(void); /* needs no database */
const char *zone_name(const struct zone *z);

/* The span of time around t in which the zone's offset stays the same. */
struct zone_segment {
    int64_t from_us, to_us;
    int64_t offset_us; /* east of UTC */
};
struct zone_segment zone_segment_at(const struct zone *z, int64_t t_us);

/* The local date at t, as days since 1970-01-01 (see civil.h). */
int64_t zone_date_at(const struct zone *z, int64_t t_us);

/* The first instant whose local date is that day, or a later one where a zone left the day out.
 * Where the clock goes back over midnight the first time counts, so days never overlap: a day is
 * [zone_day_start(d), zone_day_start(d + 1)), 23 to 25 hours as a rule. */
int64_t zone_day_start(const struct zone *z, int64_t days);

/* RFC 3339 in local time, whole seconds: "2026-11-23T05:00:00+01:00", "…Z" for UTC. Returns the
 * length. */
int zone_format(const struct zone *z, int64_t t_us, char out[CLOCK_TEXT_BYTES]);

#endif
