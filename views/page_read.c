/* SPDX-License-Identifier: Apache-2.0 */
/* Stored rows, read in place. Redis's bytes are not trusted: whatever is not exactly what page.c
 * writes is refused, and nothing is believed about sizes before it is seen to be there. */
#include "base/pack.h"
#include "views/page.h"

static int refuse(const struct plan *p, const char *what, struct err *e)
{
    return err_set(e, ERR_DATA, "a stored row of view %s makes no sense: %s", p->name, what);
}

static bool fits_64_bits(int128 number)
{
    return number == (int64_t)number;
}

/* An int, or 16 bytes when it fits none. */
static bool read_number(struct span *in, union measure_value *v)
{
    __extension__ typedef unsigned __int128 uint128;
    int64_t small;
    struct span bytes;
    uint128 number = 0;
    if (pack_read_int(in, &small)) {
        measure_set_number(v, small);
        return true;
    }
    if (!pack_read_bin(in, &bytes) || bytes.n != sizeof(number))
        return false;
    for (size_t i = 0; i < sizeof(number); i++)
        number = number << 8 | (uint8_t)bytes.p[i];
    measure_set_number(v, (int128)number);
    return !fits_64_bits((int128)number);
}

static bool read_measure(const struct plan_measure *m, struct span *in, struct stored_slot *s,
                         unsigned i)
{
    union measure_value *v = &s->values[m->at];
    s->sketches[i] = SPAN_ABSENT;
    if (measure_is_sketch(m)) {
        v->sketch = NULL;
        return pack_read_bin(in, &s->sketches[i]) && s->sketches[i].n <= SKETCH_MAX_ENCODED;
    }
    if (!pack_read_int(in, &v->count) || (measure_is_wide(m) && !read_number(in, v)))
        return false;
    return measure_is_possible(m, s->rows, v);
}

/* Slots ascend from `least` on and stay below `end`. */
static bool read_slot(const struct plan *p, struct span *in, int64_t least, int64_t end,
                      struct stored_slot *s)
{
    int64_t slot;
    if (!pack_read_int(in, &slot) || slot < least || slot >= end)
        return false;
    s->slot = (unsigned)slot;
    if (!pack_read_int(in, &s->rows) || s->rows < 1 || s->rows > MEASURE_MAX_ROWS)
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
    uint32_t n, per_slot = page_slot_values(p);
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

int page_read_group(struct span group, const struct plan *p, struct group_value *dimensions,
                    struct err *e)
{
    uint32_t count;
    bool good = pack_read_array(&group, &count) && count == p->n_dimensions;
    for (unsigned i = 0; good && i < p->n_dimensions; i++)
        good = group_read(&group, p->dimensions[i].value->type, &dimensions[i]);
    if (!good || group.n != 0)
        return err_set(e, ERR_DATA, "a stored group of view %s is none of %u dimensions", p->name,
                       p->n_dimensions);
    return 0;
}
