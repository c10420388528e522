/* SPDX-License-Identifier: Apache-2.0 */
/* A stored row of a page, as Redis might give it back: any bytes. What is taken must be exactly
 * what would be written again.
 *
 *   byte 0: view (index, low 6 bits; behind the shipped ones two that have every kind of measure
 * and of dimension) and tier (high 2 bits); byte 1: length of the group; the group; the value */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "tests/support/view_plans.h"
#include "views/catalog.h"
#include "views/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check_slot(void *context, const struct stored_slot *slot)
{
    const struct plan *p = context;
    for (unsigned i = 0; i < p->n_measures; i++) {
        struct sketch *sketch;
        struct err e = {0};
        if (p->measures[i].kind != AGGREGATE_COUNT_DISTINCT)
            continue;
        if (sketch_decode(slot->sketches[i], &sketch, &e) == 0 && sketch != NULL &&
            sketch_estimate(sketch) == 0)
            abort();
        sketch_free(sketch);
    }
    return 0;
}

struct stored {
    const struct page *page;
    struct span group, value;
};

static int check_row(void *context, const struct page_row *row)
{
    const struct stored *s = context;
    struct buf again = {0};
    page_row_encode(s->page, row, &again);
    if (!span_equal(buf_span(&again), s->value) || !span_equal(page_row_group(row), s->group))
        abort();
    buf_clear(&again);
    return 0;
}

static void load(const struct plan *p, unsigned tier, struct stored s)
{
    struct page *page = page_new(p, tier, SPAN_LITERAL("example.com"), 0);
    struct err e = {0};
    s.page = page;
    if (page_load(page, s.group, s.value, &e) == 0)
        (void)page_each_row(page, check_row, &s);
    else if (e.kind != ERR_DATA || page_rows(page) != 0)
        abort();
    (void)page_digest(page);
    page_free(page);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned n_plans = 0;
    while (shipped_plans()[n_plans] != NULL)
        n_plans++;
    if (size < 2 || (size_t)data[1] > size - 2)
        return 0;
    unsigned choice = (data[0] & 63) % (n_plans + 2);
    const struct plan *p = choice < n_plans    ? shipped_plans()[choice]
                           : choice == n_plans ? &test_kinds_plan
                                               : &test_signed_plan;
    unsigned tier = (unsigned)(data[0] >> 6) % p->n_tiers;
    struct stored s = {.group = {(const char *)data + 2, data[1]},
                       .value = {(const char *)data + 2 + data[1], size - 2 - data[1]}};
    struct err e = {0};
    if (page_read_value(p, tier, s.value, check_slot, (void *)p, &e) != 0 && e.kind != ERR_DATA)
        abort();
    load(p, tier, s);
    return 0;
}
