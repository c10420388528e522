/* SPDX-License-Identifier: Apache-2.0 */
/* Stored rows, read in place. Redis's bytes are not trusted: whatever is not exactly what page.c
 * writes is refused, and nothing is believed about sizes before it is seen to be there. */
#include "base/pack.h"
#include "views/page.h"

/* More than any slot will ever have: sums of many stay far from overflow. */
#define MAX_ROWS (INT64_C(1) << 40)

static int refuse(const struct plan *p, const char *what, struct err *e)
{
    return err_set(e, ERR_DATA, "a stored row of view %s makes no sense: %s", p->name, what);
}

static bool read_measure(const struct plan_measure *m, struct span *in, struct stored_slot *s,
                         unsigned i)
{
    if (m->kind == AGGREGATE_COUNT_DISTINCT) {
        s->values[i].count = 0;
        return pack_read_bin(in, &s->values[i].sketch) &&
               s->values[i].sketch.n <= SKETCH_MAX_ENCODED;
    }
    s->values[i].sketch = SPAN_ABSENT;
    return pack_read_int(in, &s->values[i].count) && s->values[i].count >= 0 &&
           s->values[i].count <= s->rows;
}

/* Slots ascend from `least` on and stay below `end`. */
static bool read_slot(const struct plan *p, struct span *in, int64_t least, int64_t end,
                      struct stored_slot *s)
{
    int64_t slot;
    if (!pack_read_int(in, &slot) || slot < least || slot >= end)
        return false;
    s->slot = (unsigned)slot;
    if (!pack_read_int(in, &s->rows) || s->rows < 1 || s->rows > MAX_ROWS)
        return false;
    for (unsigned i = 0; i < p->n_measures; i++)
        if (!read_measure(&p->measures[i], in, s, i))
            return false;
    return true;
}

int page_read_value(const struct plan *p, unsigned tier, struct span value,
                    int (*each)(void *context, const struct stored_slot *slot), void *context,
                    struct err *e)
{
    uint32_t n, per_slot = 2 + p->n_measures;
    int64_t format, least = 0;
    struct stored_slot s;
    if (!pack_read_array(&value, &n) || n <= 1 || (n - 1) % per_slot != 0)
        return refuse(p, "not an array of slots", e);
    if (!pack_read_int(&value, &format) || format != PAGE_FORMAT)
        return refuse(p, "unknown page format", e);
    for (uint32_t i = 1; i < n; i += per_slot) {
        if (!read_slot(p, &value, least, p->tiers[tier]->max_slots, &s))
            return refuse(p, "not a slot", e);
        if (each(context, &s) != 0)
            return -1;
        least = s.slot + 1;
    }
    return value.n == 0 ? 0 : refuse(p, "bytes behind its last slot", e);
}

int page_read_group(struct span group, unsigned n, struct span *dimensions, struct err *e)
{
    uint32_t count;
    bool good = pack_read_array(&group, &count) && count == n;
    for (unsigned i = 0; good && i < n; i++)
        good = pack_read_text(&group, &dimensions[i]);
    if (!good || group.n != 0)
        return err_set(e, ERR_DATA, "a stored group is not an array of %u texts", n);
    return 0;
}
