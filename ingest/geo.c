/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/geo.h"

#include <maxminddb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"

/* One opened file, kept as long as a finder uses it. */
struct database {
    MMDB_s mmdb;
    unsigned users; /* under the lock */
};

struct geo {
    pthread_mutex_t lock;
    struct database *current; /* NULL: none */
    _Atomic unsigned version; /* moves with every reload */
};

struct known {
    struct address address;
    struct place place;
    uint32_t used; /* when last, in lookups; 0: free */
};

struct geo_finder {
    struct geo *geo;
    struct database *database;
    unsigned version;
    uint32_t lookups;
    struct known sets[GEO_CACHE_SETS][GEO_CACHE_WAYS];
};

/* ---- the database ---- */

static int open_database(struct database **out, const char *path, struct err *e)
{
    *out = NULL;
    if (path == NULL || path[0] == '\0')
        return 0;
    struct database *d = mem_alloc(sizeof(*d));
    int result = MMDB_open(path, MMDB_MODE_MMAP, &d->mmdb);
    if (result != MMDB_SUCCESS) {
        free(d);
        return err_set(e, ERR_INPUT, "ingest.geo_database: %s is no MaxMind DB: %s", path,
                       MMDB_strerror(result));
    }
    d->users = 1;
    *out = d;
    return 0;
}

static void drop(struct geo *g, struct database *d)
{
    pthread_mutex_lock(&g->lock);
    bool last = d != NULL && --d->users == 0;
    pthread_mutex_unlock(&g->lock);
    if (last) {
        MMDB_close(&d->mmdb);
        free(d);
    }
}

int geo_open(struct geo **out, const char *path, struct err *e)
{
    struct database *d;
    if (open_database(&d, path, e) != 0)
        return -1;
    struct geo *g = mem_alloc(sizeof(*g));
    pthread_mutex_init(&g->lock, NULL);
    g->current = d;
    *out = g;
    return 0;
}

int geo_reload(struct geo *g, const char *path, struct err *e)
{
    struct database *d;
    if (open_database(&d, path, e) != 0)
        return -1;
    pthread_mutex_lock(&g->lock);
    struct database *old = g->current;
    g->current = d;
    pthread_mutex_unlock(&g->lock);
    atomic_fetch_add(&g->version, 1);
    drop(g, old);
    return 0;
}

void geo_close(struct geo *g)
{
    if (g == NULL)
        return;
    drop(g, g->current);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

/* ---- looking up ---- */

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static struct span text_at(MMDB_entry_s *entry, const char *const *path)
{
    MMDB_entry_data_s data;
    if (MMDB_aget_value(entry, &data, path) != MMDB_SUCCESS || !data.has_data ||
        data.type != MMDB_DATA_TYPE_UTF8_STRING)
        return SPAN_ABSENT;
    return (struct span){data.utf8_string, data.data_size};
}

static bool take_country(MMDB_entry_s *entry, struct place *place)
{
    static const char *const paths[][3] = {{"country", "iso_code", NULL},
                                           {"country_code", NULL, NULL},
                                           {"country", NULL, NULL},
                                           {"registered_country", "iso_code", NULL}};
    for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct span code = text_at(entry, paths[i]);
        if (code.n != 2 || !is_upper(code.p[0]) || !is_upper(code.p[1]))
            continue;
        memcpy(place->region, code.p, 2);
        place->n = 2;
        return true;
    }
    return false;
}

static void take_subdivision(MMDB_entry_s *entry, struct place *place)
{
    static const char *const path[] = {"subdivisions", "0", "iso_code", NULL};
    struct span code = text_at(entry, path);
    if (code.n < 1 || code.n > 3)
        return;
    for (size_t i = 0; i < code.n; i++)
        if (!is_upper(code.p[i]) && !(code.p[i] >= '0' && code.p[i] <= '9'))
            return;
    place->region[2] = '-';
    memcpy(place->region + 3, code.p, code.n);
    place->n = (uint8_t)(3 + code.n);
}

static MMDB_lookup_result_s look_up(struct database *d, const struct address *a, int *error)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (address_is_v4(a)) {
        memcpy(&v4.sin_addr, a->bytes + 12, 4);
        return MMDB_lookup_sockaddr(&d->mmdb, (struct sockaddr *)(void *)&v4, error);
    }
    memcpy(&v6.sin6_addr, a->bytes, 16);
    return MMDB_lookup_sockaddr(&d->mmdb, (struct sockaddr *)(void *)&v6, error);
}

static struct place place_of(struct database *d, const struct address *a)
{
    struct place place = {.region = "ZZ", .n = 2};
    int error = MMDB_SUCCESS;
    if (d == NULL)
        return place;
    MMDB_lookup_result_s result = look_up(d, a, &error);
    if (error == MMDB_SUCCESS && result.found_entry && take_country(&result.entry, &place))
        take_subdivision(&result.entry, &place);
    return place;
}

/* ---- finders ---- */

static void attach(struct geo_finder *f)
{
    struct database *old = f->database;
    pthread_mutex_lock(&f->geo->lock);
    f->version = atomic_load(&f->geo->version);
    f->database = f->geo->current;
    if (f->database != NULL)
        f->database->users++;
    pthread_mutex_unlock(&f->geo->lock);
    drop(f->geo, old);
    memset(f->sets, 0, sizeof(f->sets));
    f->lookups = 0;
}

struct geo_finder *geo_finder_new(struct geo *g)
{
    struct geo_finder *f = mem_alloc(sizeof(*f));
    f->geo = g;
    attach(f);
    return f;
}

void geo_finder_free(struct geo_finder *f)
{
    if (f == NULL)
        return;
    drop(f->geo, f->database);
    free(f);
}

static uint32_t set_of(const struct address *a)
{
    uint64_t high, low;
    memcpy(&high, a->bytes, 8);
    memcpy(&low, a->bytes + 8, 8);
    unsigned __int128 product = (unsigned __int128)(low ^ UINT64_C(0xe7037ed1a0b428db)) *
                                (high ^ UINT64_C(0x9e3779b97f4a7c15));
    return (uint32_t)((uint64_t)product ^ (uint64_t)(product >> 64)) % GEO_CACHE_SETS;
}

const struct place *geo_find(struct geo_finder *f, const struct address *a)
{
    if (f->version != atomic_load_explicit(&f->geo->version, memory_order_acquire) ||
        f->lookups == UINT32_MAX)
        attach(f);
    struct known *set = f->sets[set_of(a)], *oldest = set;
    f->lookups++;
    for (int i = 0; i < GEO_CACHE_WAYS; i++) {
        if (set[i].used != 0 && memcmp(&set[i].address, a, sizeof(*a)) == 0) {
            set[i].used = f->lookups;
            return &set[i].place;
        }
        if (set[i].used < oldest->used)
            oldest = &set[i];
    }
    *oldest = (struct known){*a, place_of(f->database, a), f->lookups};
    return &oldest->place;
}
