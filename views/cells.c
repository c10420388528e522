/* SPDX-License-Identifier: Apache-2.0 */
#include "views/cells.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>

#include "base/pack.h"
#include "views/group.h"

enum { TABLE_ENTRY_SHARE = 48 }; /* bytes an item takes in its table, half full at most */

void cells_init(struct cells *c, const struct plan *p)
{
    *c = (struct cells){.plan = p, .seed = hash_seed()};
    c->cell_bytes = sizeof(struct cell) + p->n_words * sizeof(union measure_value);
    c->last_site = &c->first_site;
    for (unsigned i = 0; i < p->n_tiers; i++)
        assert(p->tiers[i]->max_slots <= BLOCK_SLOTS);
}

static void free_sketches(struct cells *c, unsigned word)
{
    for (const struct block *b = c->all_blocks; b != NULL; b = b->next)
        for (unsigned i = 0; i < b->n; i++)
            sketch_free(((struct cell *)(b->cells + i * c->cell_bytes))->values[word].sketch);
}

void cells_reset(struct cells *c)
{
    for (unsigned m = 0; m < c->plan->n_measures; m++)
        if (c->plan->measures[m].kind == AGGREGATE_COUNT_DISTINCT)
            free_sketches(c, c->plan->measures[m].at);
    table_reset(&c->series);
    table_reset(&c->blocks);
    arena_reset(&c->memory);
    c->all_series = NULL;
    c->all_blocks = NULL;
    c->n_cells = c->sketch_bytes = 0;
}

void cells_clear(struct cells *c)
{
    cells_reset(c);
    for (struct site_state *s = c->first_site, *next; s != NULL; s = next) {
        next = s->next;
        free((char *)s->name.p);
        free(s);
    }
    table_clear(&c->sites);
    table_clear(&c->series);
    table_clear(&c->blocks);
    arena_clear(&c->memory);
}

size_t cells_bytes(const struct cells *c)
{
    return c->memory.used_bytes + c->sketch_bytes + (c->series.n + c->blocks.n) * TABLE_ENTRY_SHARE;
}

/* ---- sites ---- */

static bool site_has_name(const void *item, const void *key)
{
    return span_equal(((const struct site_state *)item)->name, *(const struct span *)key);
}

struct site_state *cells_find_site(const struct cells *c, struct span name)
{
    return table_find(&c->sites, hash_bytes(c->seed, name), &name, site_has_name);
}

struct site_state *cells_site(struct cells *c, struct span name)
{
    uint64_t hash = hash_bytes(c->seed, name);
    struct site_state *s = table_find(&c->sites, hash, &name, site_has_name);
    if (s != NULL)
        return s;
    s = mem_alloc(sizeof(*s));
    s->name = (struct span){mem_copy_span(name), name.n};
    s->hash = hash;
    s->alive_from_us = INT64_MIN;
    table_put(&c->sites, hash, s);
    *c->last_site = s;
    c->last_site = &s->next;
    return s;
}

/* ---- series ---- */

struct series_key {
    const struct site_state *site;
    const struct span *elements;
    unsigned n;
};

static inline bool series_has_key(const void *item, const void *key)
{
    const struct series *s = item;
    const struct series_key *k = key;
    const char *at = s->key.p, *end = at + s->key.n;
    if (s->site != k->site)
        return false;
    for (unsigned i = 0; i < k->n; at += k->elements[i++].n)
        if ((size_t)(end - at) < k->elements[i].n ||
            memcmp(at, k->elements[i].p, k->elements[i].n) != 0)
            return false;
    return true; /* elements carry their lengths: equal ones end together */
}

/* The element behind its length word; absent for NULL. */
static struct span element_value(struct span element)
{
    uint32_t word;
    memcpy(&word, element.p, sizeof(word));
    return word == UINT32_MAX ? SPAN_ABSENT : (struct span){element.p + 4, element.n - 4};
}

static struct series *new_series(struct cells *c, const struct series_key *k, uint64_t hash)
{
    struct series *s = arena_alloc(&c->memory, sizeof(*s));
    struct buf key = {0}, group = {0};
    pack_array(&group, k->n);
    for (unsigned i = 0; i < k->n; i++) {
        buf_put_span(&key, k->elements[i]);
        struct group_value value =
            group_of_element(c->plan->dimensions[i].value->type, element_value(k->elements[i]));
        group_pack(&group, &value);
    }
    *s = (struct series){.site = (struct site_state *)k->site,
                         .key = arena_copy(&c->memory, buf_span(&key)),
                         .group = arena_copy(&c->memory, buf_span(&group)),
                         .hash = hash,
                         .next = c->all_series};
    buf_clear(&key);
    buf_clear(&group);
    c->all_series = s;
    table_put(&c->series, hash, s);
    return s;
}

struct series *cells_series(struct cells *c, struct site_state *site, const struct span *elements)
{
    struct series_key k = {site, elements, c->plan->n_dimensions};
    uint64_t hash = site->hash;
    for (unsigned i = 0; i < k.n; i++)
        hash = hash_bytes(hash, elements[i]);
    struct series *s = table_find(&c->series, hash, &k, series_has_key);
    return s != NULL ? s : new_series(c, &k, hash);
}

/* ---- blocks and cells ---- */

struct block_key {
    const struct series *series;
    unsigned tier;
    int64_t page_start_us;
};

static bool block_has_key(const void *item, const void *key)
{
    const struct block *b = item;
    const struct block_key *k = key;
    return b->series == k->series && b->tier == k->tier && b->page_start_us == k->page_start_us;
}

static struct block *block_of(struct cells *c, struct series *s, unsigned tier, int64_t start_us)
{
    struct block_key k = {s, tier, start_us};
    uint64_t hash = hash_step(hash_step(s->hash, (uint64_t)start_us), tier);
    struct block *b = table_find(&c->blocks, hash, &k, block_has_key);
    if (b != NULL)
        return b;
    b = arena_alloc(&c->memory, sizeof(*b));
    *b = (struct block){
        .series = s, .tier = (uint8_t)tier, .page_start_us = start_us, .next = c->all_blocks};
    c->all_blocks = b;
    table_put(&c->blocks, hash, b);
    return b;
}

/* Doubles the room; what is left behind in the arena is less than what is in use. */
static void grow(struct cells *c, struct block *b)
{
    unsigned cap = b->cap == 0 ? 1 : b->cap * 2u;
    uint8_t *cells = arena_alloc(&c->memory, cap * c->cell_bytes);
    if (b->n > 0)
        memcpy(cells, b->cells, b->n * c->cell_bytes);
    b->cells = cells;
    b->cap = (uint8_t)cap;
}

struct cell *cells_new_cell(struct cells *c, struct series *s, unsigned tier, struct tier_slot at)
{
    struct block *b = s->last;
    if (b == NULL || b->page_start_us != at.page_start_us || b->tier != tier)
        s->last = b = block_of(c, s, tier, at.page_start_us);
    if (b->place[at.slot] == 0) {
        if (b->n == b->cap)
            grow(c, b);
        b->place[at.slot] = ++b->n;
        memset(block_cell(c, b, at.slot), 0, c->cell_bytes);
        c->n_cells++;
    }
    return block_cell(c, b, at.slot);
}

/* ---- order ---- */

static int order(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int order_spans(struct span a, struct span b)
{
    int by_bytes = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return by_bytes != 0 ? by_bytes : order((int64_t)a.n, (int64_t)b.n);
}

static int by_site_and_group(const void *x, const void *y)
{
    const struct series *a = *(struct series *const *)x, *b = *(struct series *const *)y;
    return a->site != b->site ? order_spans(a->site->name, b->site->name)
                              : order_spans(a->group, b->group);
}

static int by_page(const void *x, const void *y)
{
    const struct block *a = *(struct block *const *)x, *b = *(struct block *const *)y;
    if (a->series->site != b->series->site)
        return order(a->series->site->rank, b->series->site->rank);
    if (a->tier != b->tier)
        return order(a->tier, b->tier);
    if (a->page_start_us != b->page_start_us)
        return order(a->page_start_us, b->page_start_us);
    return order(a->series->rank, b->series->rank);
}

/* The texts are compared once a series; the blocks are then sorted by numbers. */
static void rank_series(struct cells *c)
{
    struct series **all = mem_resize(NULL, c->series.n * sizeof(struct series *));
    size_t n = 0;
    for (struct series *s = c->all_series; s != NULL; s = s->next)
        all[n++] = s;
    qsort(all, n, sizeof(struct series *), by_site_and_group);
    for (uint32_t i = 0; i < n; i++) {
        all[i]->rank = i;
        if (i == 0 || all[i]->site != all[i - 1]->site)
            all[i]->site->rank = i;
    }
    free(all);
}

struct block **cells_sort(struct cells *c)
{
    struct block **all = mem_resize(NULL, c->blocks.n * sizeof(struct block *));
    size_t n = 0;
    rank_series(c);
    for (struct block *b = c->all_blocks; b != NULL; b = b->next)
        all[n++] = b;
    qsort(all, n, sizeof(struct block *), by_page);
    return all;
}
