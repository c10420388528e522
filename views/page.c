/* SPDX-License-Identifier: Apache-2.0 */
/* Pages in memory: rows in order of arrival, found by group; a row's slots are sorted and lie side
 * by side, most often growing at their end. */
#include "views/page.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/pack.h"
#include "base/table.h"

struct page_row {
    uint32_t ordinal, stored;
    bool changed, shrunk; /* shrunk: rows were taken back since page_finish */
    unsigned n, cap;      /* slots */
    size_t slot_bytes;    /* of a struct page_slot with its values */
    uint8_t *slots;
    size_t group_bytes;
    char group[];
};

struct page {
    const struct plan *plan;
    unsigned tier;
    int64_t start_us, end_us;
    char *site;
    size_t site_bytes;
    uint64_t seed;
    struct table by_group;
    struct page_row **rows;
    size_t n, cap;
    size_t row_bytes;      /* of all rows, their slots and sketches */
    struct page_row *last; /* that a delta went to: deltas come sorted by group */
    bool shrunk;
    struct page_row **vanished; /* that are stored */
    size_t n_vanished, cap_vanished;
};

static inline struct page_slot *slot_at(const struct page_row *row, unsigned i)
{
    return (struct page_slot *)(row->slots + i * row->slot_bytes);
}

static inline bool is_sketch(const struct plan *p, unsigned measure)
{
    return measure_is_sketch(&p->measures[measure]);
}

struct page *page_new(const struct plan *p, unsigned tier, struct span site, int64_t start_us)
{
    struct page *page = mem_alloc(sizeof(*page));
    assert(tier_slot_of(p->tiers[tier], start_us).page_start_us == start_us);
    *page = (struct page){.plan = p,
                          .tier = tier,
                          .start_us = start_us,
                          .end_us = tier_page_end(p->tiers[tier], start_us),
                          .site = mem_copy_span(site),
                          .site_bytes = site.n,
                          .seed = hash_seed()};
    return page;
}

static void free_row(const struct plan *p, struct page_row *row)
{
    for (unsigned i = 0; i < row->n; i++)
        for (unsigned m = 0; m < p->n_measures; m++)
            if (is_sketch(p, m))
                sketch_free(slot_at(row, i)->values[p->measures[m].at].sketch);
    free(row->slots);
    free(row);
}

static void free_vanished(struct page *p)
{
    for (size_t i = 0; i < p->n_vanished; i++)
        free_row(p->plan, p->vanished[i]);
    p->n_vanished = 0;
}

void page_free(struct page *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->n; i++)
        free_row(p->plan, p->rows[i]);
    free_vanished(p);
    table_clear(&p->by_group);
    free(p->vanished);
    free(p->rows);
    free(p->site);
    free(p);
}

size_t page_bytes(const struct page *p)
{
    return sizeof(*p) + p->site_bytes + table_bytes(&p->by_group) + p->cap * sizeof(*p->rows) +
           p->row_bytes;
}

size_t page_rows(const struct page *p)
{
    return p->n;
}

struct span page_site(const struct page *p)
{
    return (struct span){p->site, p->site_bytes};
}

unsigned page_tier(const struct page *p)
{
    return p->tier;
}

int64_t page_start(const struct page *p)
{
    return p->start_us;
}

/* ---- rows and slots ---- */

struct span page_row_group(const struct page_row *row)
{
    return (struct span){row->group, row->group_bytes};
}

uint32_t page_row_ordinal(const struct page_row *row)
{
    return row->ordinal;
}

uint32_t page_row_stored(const struct page_row *row)
{
    return row->stored;
}

static bool row_has_group(const void *item, const void *key)
{
    return span_equal(page_row_group(item), *(const struct span *)key);
}

static struct page_row *find_row(const struct page *p, struct span group)
{
    return table_find(&p->by_group, hash_bytes(p->seed, group), &group, row_has_group);
}

/* A row of no page yet. */
static struct page_row *new_row(const struct plan *p, struct span group)
{
    struct page_row *row = mem_alloc(sizeof(*row) + group.n);
    row->slot_bytes = sizeof(struct page_slot) + p->n_words * sizeof(union measure_value);
    row->stored = PAGE_NOT_STORED;
    row->group_bytes = group.n;
    memcpy(row->group, group.p, group.n);
    return row;
}

static size_t row_bytes(const struct page_row *row)
{
    return sizeof(*row) + row->group_bytes + row->cap * row->slot_bytes;
}

static void put_row(struct page *p, struct page_row *row)
{
    if (p->n == p->cap) {
        p->cap = p->cap == 0 ? 1 : 2 * p->cap;
        p->rows = mem_resize(p->rows, p->cap * sizeof(struct page_row *));
    }
    row->ordinal = (uint32_t)p->n;
    p->rows[p->n++] = row;
    p->row_bytes += row_bytes(row);
    table_put(&p->by_group, hash_bytes(p->seed, page_row_group(row)), row);
}

static struct page_row *row_of(struct page *p, struct span group)
{
    if (p->last != NULL && row_has_group(p->last, &group))
        return p->last;
    p->last = find_row(p, group);
    if (p->last == NULL) {
        p->last = new_row(p->plan, group);
        put_row(p, p->last);
    }
    return p->last;
}

static struct page_slot *insert_slot(struct page_row *row, unsigned at, unsigned slot)
{
    if (row->n == row->cap) {
        row->cap = row->cap == 0 ? 1 : 2 * row->cap;
        row->slots = mem_resize(row->slots, row->cap * row->slot_bytes);
    }
    struct page_slot *s = slot_at(row, at);
    memmove((uint8_t *)s + row->slot_bytes, s, (row->n - at) * row->slot_bytes);
    memset(s, 0, row->slot_bytes);
    s->slot = slot;
    row->n++;
    return s;
}

/* The slot, found from the end or new. */
static struct page_slot *slot_of(struct page_row *row, unsigned slot)
{
    unsigned at = row->n;
    while (at > 0 && slot_at(row, at - 1)->slot > slot)
        at--;
    if (at > 0 && slot_at(row, at - 1)->slot == slot)
        return slot_at(row, at - 1);
    return insert_slot(row, at, slot);
}

/* ---- digest ---- */

struct sketch_digest {
    struct digest *digest;
    struct digest_cell cell;
    uint32_t measure;
};

static void on_rise(void *context, unsigned reg, unsigned from, unsigned to)
{
    const struct sketch_digest *d = context;
    digest_add_register(d->digest, d->cell, d->measure, reg, (int64_t)to - (int64_t)from);
}

static struct digest_cell cell_of(const struct page *p, const struct page_row *row, unsigned slot)
{
    struct tier_slot at = {p->start_us, slot};
    return digest_cell_of(page_site(p), page_row_group(row),
                          tier_slot_time(p->plan->tiers[p->tier], at));
}

/* new - old of each word. */
static void digest_change(const struct sketch_digest *s, const struct plan_measure *m,
                          const union measure_value *before, const union measure_value *after)
{
    for (unsigned word = 0; word < aggregate_words(m->kind); word++)
        if (after[word].word != before[word].word)
            digest_add(s->digest, s->cell, digest_word(s->measure, word),
                       (int64_t)(after[word].word - before[word].word));
}

static void digest_slot(const struct page *p, const struct page_row *row,
                        const struct page_slot *slot, struct digest *d)
{
    struct sketch_digest s = {d, cell_of(p, row, slot->slot), 0};
    digest_add(d, s.cell, DIGEST_ROWS, slot->rows);
    static const union measure_value nothing[3];
    for (s.measure = 0; s.measure < p->plan->n_measures; s.measure++) {
        const union measure_value *value = &slot->values[p->plan->measures[s.measure].at];
        if (is_sketch(p->plan, s.measure))
            sketch_each_register(value->sketch, &(struct sketch_observer){on_rise, &s});
        else
            digest_change(&s, &p->plan->measures[s.measure], nothing, value);
    }
}

struct digest page_digest(const struct page *p)
{
    struct digest d = {0};
    for (size_t i = 0; i < p->n; i++)
        for (unsigned k = 0; k < p->rows[i]->n; k++)
            digest_slot(p, p->rows[i], slot_at(p->rows[i], k), &d);
    return d;
}

/* ---- deltas ---- */

static void merge_sketch(struct page *p, union measure_value *v, const struct sketch *from,
                         const struct sketch_observer *o)
{
    if (from == NULL)
        return;
    size_t before = sketch_bytes(v->sketch);
    if (v->sketch == NULL && o == NULL) {
        v->sketch = sketch_copy(from);
    } else {
        if (v->sketch == NULL)
            v->sketch = sketch_new();
        sketch_merge(v->sketch, from, o);
    }
    p->row_bytes += sketch_bytes(v->sketch) - before;
}

/* Adds to a slot; s.digest NULL: without digest. */
static void add_delta(struct page *p, struct page_slot *slot, const struct delta *d,
                      struct sketch_digest s)
{
    struct sketch_observer observer = {on_rise, &s};
    slot->rows += d->rows;
    if (s.digest != NULL)
        digest_add(s.digest, s.cell, DIGEST_ROWS, d->rows);
    for (s.measure = 0; s.measure < p->plan->n_measures; s.measure++) {
        const struct plan_measure *m = &p->plan->measures[s.measure];
        const union measure_value *from = &d->values[m->at];
        union measure_value *value = &slot->values[m->at], before[3];
        if (measure_is_sketch(m)) {
            merge_sketch(p, value, from->sketch, s.digest == NULL ? NULL : &observer);
            continue;
        }
        memcpy(before, value, aggregate_words(m->kind) * sizeof(*before));
        measure_merge(m->kind, value, from);
        if (s.digest != NULL)
            digest_change(&s, m, before, value);
    }
}

/* Whether something may become less by it; other deltas cannot spoil a page. */
static bool takes_back(const struct plan *p, const struct delta *d)
{
    bool back = d->rows <= 0;
    for (unsigned i = 0; i < p->n_measures && !back; i++)
        back = !is_sketch(p, i) &&
               !measure_is_possible(&p->measures[i], d->rows, &d->values[p->measures[i].at]);
    return back;
}

void page_apply(struct page *p, const struct delta *d, struct digest *digest)
{
    int64_t time_us = tier_slot_time(p->plan->tiers[d->tier], d->at);
    assert(d->tier <= p->tier);
    assert(time_us >= p->start_us && time_us < p->end_us);
    unsigned slot = (unsigned)((time_us - p->start_us) / p->plan->tiers[p->tier]->slot_us);
    struct page_row *row = row_of(p, d->group);
    size_t before = row_bytes(row);
    struct sketch_digest s = {.digest = digest};
    if (digest != NULL)
        s.cell = cell_of(p, row, slot);
    add_delta(p, slot_of(row, slot), d, s);
    p->row_bytes += row_bytes(row) - before;
    row->changed = true;
    row->shrunk = row->shrunk || takes_back(p->plan, d);
    p->shrunk = p->shrunk || row->shrunk;
}

/* ---- what has come to nothing ---- */

static int check_slot(const struct page *p, const struct page_slot *slot, struct err *e)
{
    bool good = slot->rows >= 0;
    for (unsigned i = 0; i < p->plan->n_measures && good; i++) {
        const union measure_value *value = &slot->values[p->plan->measures[i].at];
        good = is_sketch(p->plan, i)
                   ? slot->rows > 0 || value->sketch == NULL
                   : measure_is_possible(&p->plan->measures[i], slot->rows, value);
    }
    return good ? 0
                : err_set(e, ERR_DATA, "more was taken back from a slot of view %s than it had",
                          p->plan->name);
}

static int drop_empty_slots(const struct page *p, struct page_row *row, struct err *e)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < row->n; i++) {
        const struct page_slot *slot = slot_at(row, i);
        if (check_slot(p, slot, e) != 0)
            return -1;
        if (slot->rows > 0)
            memmove(slot_at(row, kept++), slot, row->slot_bytes);
    }
    row->n = kept;
    row->shrunk = false;
    return 0;
}

/* The last row takes its place: sub-pages stay full but for the last one. */
static void take_row_out(struct page *p, struct page_row *row)
{
    struct page_row *last = p->rows[--p->n];
    table_remove(&p->by_group, hash_bytes(p->seed, page_row_group(row)), row);
    p->row_bytes -= row_bytes(row);
    p->rows[row->ordinal] = last;
    last->ordinal = row->ordinal;
    last->changed = true;
    if (row->stored == PAGE_NOT_STORED) {
        free_row(p->plan, row);
        return;
    }
    if (p->n_vanished == p->cap_vanished) {
        p->cap_vanished = p->cap_vanished == 0 ? 16 : 2 * p->cap_vanished;
        p->vanished = mem_resize(p->vanished, p->cap_vanished * sizeof(struct page_row *));
    }
    p->vanished[p->n_vanished++] = row;
}

int page_finish(struct page *p, struct err *e)
{
    if (!p->shrunk)
        return 0;
    p->shrunk = false;
    p->last = NULL;
    for (size_t i = 0; i < p->n;) {
        struct page_row *row = p->rows[i];
        if (row->shrunk && drop_empty_slots(p, row, e) != 0)
            return -1;
        if (row->n == 0)
            take_row_out(p, row);
        else
            i++;
    }
    return 0;
}

/* ---- walking ---- */

int page_each_row(const struct page *p, int (*each)(void *context, const struct page_row *row),
                  void *context)
{
    for (size_t i = 0; i < p->n; i++)
        if (each(context, p->rows[i]) != 0)
            return -1;
    return 0;
}

int page_each_changed(const struct page *p, int (*each)(void *context, const struct page_row *row),
                      void *context)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->rows[i]->changed && each(context, p->rows[i]) != 0)
            return -1;
    return 0;
}

int page_each_vanished(const struct page *p, int (*each)(void *context, const struct page_row *row),
                       void *context)
{
    for (size_t i = 0; i < p->n_vanished; i++)
        if (each(context, p->vanished[i]) != 0)
            return -1;
    return 0;
}

void page_clean(struct page *p)
{
    free_vanished(p);
    for (size_t i = 0; i < p->n; i++) {
        p->rows[i]->changed = false;
        p->rows[i]->stored = p->rows[i]->ordinal;
    }
}

int page_row_each_slot(const struct page_row *row,
                       int (*each)(void *context, const struct page_slot *slot), void *context)
{
    for (unsigned i = 0; i < row->n; i++)
        if (each(context, slot_at(row, i)) != 0)
            return -1;
    return 0;
}

/* ---- stored form ---- */

static void encode_number(int128 number, struct buf *out)
{
    uint8_t bytes[16];
    if (number == (int64_t)number) {
        pack_int(out, (int64_t)number);
        return;
    }
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(number >> 8 * (sizeof(bytes) - 1 - i));
    pack_bin(out, (struct span){(const char *)bytes, sizeof(bytes)});
}

void page_row_encode(const struct page *p, const struct page_row *row, struct buf *out)
{
    pack_array(out, 1 + row->n * page_slot_values(p->plan));
    pack_int(out, PAGE_FORMAT);
    for (unsigned i = 0; i < row->n; i++) {
        const struct page_slot *slot = slot_at(row, i);
        pack_int(out, slot->slot);
        pack_int(out, slot->rows);
        for (unsigned m = 0; m < p->plan->n_measures; m++) {
            const union measure_value *value = &slot->values[p->plan->measures[m].at];
            if (!is_sketch(p->plan, m)) {
                pack_int(out, value->count);
                if (measure_is_wide(&p->plan->measures[m]))
                    encode_number(measure_number(value), out);
                continue;
            }
            pack_bin_of(out, (uint32_t)sketch_encoded_bytes(value->sketch));
            sketch_encode(value->sketch, out);
        }
    }
}

struct loading {
    const struct page *page;
    struct page_row *row;
    size_t sketch_bytes;
    struct err *e;
};

static int load_slot(void *context, const struct stored_slot *stored)
{
    struct loading *l = context;
    const struct plan *p = l->page->plan;
    struct page_slot *slot = insert_slot(l->row, l->row->n, stored->slot);
    slot->rows = stored->rows;
    memcpy(slot->values, stored->values, p->n_words * sizeof(*slot->values));
    for (unsigned m = 0; m < p->n_measures; m++) {
        union measure_value *value = &slot->values[p->measures[m].at];
        if (!is_sketch(p, m))
            continue;
        if (sketch_decode(stored->sketches[m], &value->sketch, l->e) != 0)
            return -1;
        l->sketch_bytes += sketch_bytes(value->sketch);
    }
    /* a month of fewer days than max_slots has no such slot */
    if (l->page->start_us + stored->slot * p->tiers[l->page->tier]->slot_us >= l->page->end_us)
        return err_set(l->e, ERR_DATA, "a stored row of view %s has slot %u behind its page's end",
                       p->name, stored->slot);
    return 0;
}

int page_load(struct page *p, struct span group, struct span value, struct err *e)
{
    struct group_value dimensions[PLAN_MAX_DIMENSIONS];
    if (page_read_group(group, p->plan, dimensions, e) != 0)
        return -1;
    if (find_row(p, group) != NULL)
        return err_set(e, ERR_DATA, "a stored page of view %s has the same group twice",
                       p->plan->name);
    struct loading l = {p, new_row(p->plan, group), 0, e};
    if (page_read_value(p->plan, p->tier, value, load_slot, &l, e) != 0) {
        free_row(p->plan, l.row);
        return -1;
    }
    put_row(p, l.row);
    l.row->stored = l.row->ordinal;
    p->row_bytes += l.sketch_bytes;
    return 0;
}
