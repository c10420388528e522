/* SPDX-License-Identifier: Apache-2.0 */
#include "views/measure.h"

__extension__ typedef unsigned __int128 uint128;

/* ---- states ---- */

/* Stored bytes may say anything, so it wraps; what events give stays far from there. */
static int128 sum(int128 a, int128 b)
{
    return (int128)((uint128)a + (uint128)b);
}

void measure_add(enum aggregate_kind kind, union measure_value *v, int64_t n, int128 number)
{
    int128 before = measure_number(v);
    bool empty = v->count == 0;
    v->count += n;
    if (kind == AGGREGATE_SUM || kind == AGGREGATE_AVG)
        measure_set_number(v, sum(before, number));
    else if (empty || (kind == AGGREGATE_MIN ? number < before : number > before))
        measure_set_number(v, number);
}

void measure_merge(enum aggregate_kind kind, union measure_value *into,
                   const union measure_value *from)
{
    if (kind == AGGREGATE_COUNT)
        into->count += from->count;
    else if (kind == AGGREGATE_SUM || kind == AGGREGATE_AVG || from->count != 0)
        measure_add(kind, into, from->count, measure_number(from));
}

bool measure_is_possible(const struct plan_measure *m, int64_t rows, const union measure_value *v)
{
    if (v->count < 0 || v->count > rows || rows > MEASURE_MAX_ROWS)
        return false;
    if (!measure_is_wide(m))
        return true;
    int128 each = m->value->type == VALUE_INT ? (int128)1 << 63 : EXPR_NUMBER_LIMIT;
    bool is_sum = m->kind == AGGREGATE_SUM || m->kind == AGGREGATE_AVG;
    int128 most = is_sum || v->count == 0 ? v->count * each : each;
    int128 number = measure_number(v);
    return number >= -most && number <= most;
}

/* ---- numbers ---- */

static uint128 power_of_ten(unsigned exponent)
{
    uint128 power = 1;
    for (unsigned i = 0; i < exponent; i++)
        power *= 10;
    return power;
}

static uint128 magnitude(int128 number)
{
    return number < 0 ? 0 - (uint128)number : (uint128)number;
}

static int128 signed_as(uint128 size, int128 like)
{
    return (int128)(like < 0 ? 0 - size : size);
}

/* sum / n at EXPR_MAX_SCALE, rounded half away from zero. */
static int128 average(int128 sum, int64_t n, unsigned scale)
{
    uint128 size = magnitude(sum), count = (uint64_t)n;
    uint128 more = power_of_ten(EXPR_MAX_SCALE - scale);
    uint128 rest = size % count * more;
    uint128 result = size / count * more + rest / count;
    if (rest % count >= count - rest % count)
        result++;
    return signed_as(result, sum);
}

struct measure_result measure_result_of(const struct plan_measure *m, const union measure_value *v)
{
    if (!measure_is_wide(m))
        return (struct measure_result){.number = v->count};
    if (v->count <= 0)
        return (struct measure_result){.null = true};
    if (m->kind == AGGREGATE_AVG)
        return (struct measure_result){.scale = EXPR_MAX_SCALE,
                                       .number = average(measure_number(v), v->count, m->scale)};
    return (struct measure_result){.scale = m->scale, .number = measure_number(v)};
}

int measure_compare(const struct measure_result *a, const struct measure_result *b)
{
    if (a->null || b->null)
        return (int)a->null - (int)b->null;
    return (a->number > b->number) - (a->number < b->number);
}

struct span measure_text(int128 number, unsigned scale, char room[MEASURE_TEXT_BYTES])
{
    char *end = room + MEASURE_TEXT_BYTES, *p = end;
    uint128 rest = magnitude(number);
    for (; scale > 0 && rest % 10 == 0; scale--)
        rest /= 10;
    for (unsigned i = 0; i < scale; i++, rest /= 10)
        *--p = (char)('0' + (int)(rest % 10));
    if (scale > 0)
        *--p = '.';
    do
        *--p = (char)('0' + (int)(rest % 10));
    while ((rest /= 10) != 0);
    if (number < 0)
        *--p = '-';
    return (struct span){p, (size_t)(end - p)};
}

/* One more digit; false: too large. Upwards for both signs: the least 128-bit number is never one
 * of ours. */
static bool push_digit(int128 *number, char c)
{
    return c >= '0' && c <= '9' && !__builtin_mul_overflow(*number, 10, number) &&
           !__builtin_add_overflow(*number, c - '0', number);
}

int measure_parse(struct span text, unsigned scale, int128 *out)
{
    bool negative = text.n > 0 && text.p[0] == '-';
    int128 number = 0;
    size_t at = negative;
    unsigned behind = 0;
    bool point = false, digits = false;
    for (; at < text.n; at++) {
        if (text.p[at] == '.' && !point && digits) {
            point = true;
            digits = false;
            continue;
        }
        digits = true;
        if (point && behind == scale) { /* numeric may give more zeros */
            if (text.p[at] != '0')
                return -1;
            continue;
        }
        if (!push_digit(&number, text.p[at]))
            return -1;
        behind += point;
    }
    for (; behind < scale; behind++)
        if (!push_digit(&number, '0'))
            return -1;
    *out = negative ? -number : number;
    return digits ? 0 : -1;
}

bool measure_rescale(int128 number, unsigned from, unsigned to, int128 *out)
{
    if (to >= from)
        return !__builtin_mul_overflow(number, (int128)power_of_ten(to - from), out);
    uint128 by = power_of_ten(from - to), size = magnitude(number);
    *out = signed_as(size / by + (size % by >= by - size % by), number);
    return true;
}
