/* SPDX-License-Identifier: Apache-2.0 */
/* Region and country of an address, from a MaxMind DB file of either usual schema: flat
 * {country_code} (or {country: "DE"}), or GeoIP2 {country {iso_code}, subdivisions [{iso_code}]}.
 *
 * The database is shared and may be replaced while in use (SIGHUP); a finder belongs to one thread,
 * holds on to the database it saw last and remembers recent addresses. */
#ifndef INGEST_GEO_H
#define INGEST_GEO_H

#include "base/address.h"
#include "base/err.h"
#include "base/span.h"

struct geo;

/* path NULL: no database, every region is ZZ. ERR_INPUT names a file that is none. */
int geo_open(struct geo **out, const char *path, struct err *e) MUST_CHECK;
/* Any thread. On failure the old database stays in use. */
int geo_reload(struct geo *g, const char *path, struct err *e) MUST_CHECK;
void geo_close(struct geo *g); /* after its finders */

enum { REGION_BYTES = 7 };

/* "US-CA", "DE", "ZZ": ISO 3166-2 where the database knows it, else ISO 3166-1, else ZZ. */
struct place {
    char region[REGION_BYTES];
    uint8_t n;
};

static inline struct span place_region(const struct place *p)
{
    return (struct span){p->region, p->n};
}

/* The first two letters of a region; absent for ZZ, which stands for nowhere known. */
static inline struct span region_country(struct span region)
{
    bool nowhere = memcmp(region.p, "ZZ", 2) == 0;
    return nowhere ? SPAN_ABSENT : (struct span){region.p, 2};
}

struct geo_finder;

enum { GEO_CACHE_SETS = 1024, GEO_CACHE_WAYS = 4 };

struct geo_finder *geo_finder_new(struct geo *g);
void geo_finder_free(struct geo_finder *f);
/* Valid until the next call. */
const struct place *geo_find(struct geo_finder *f, const struct address *a);

#endif
