/* SPDX-License-Identifier: Apache-2.0 */
/* A TZif file is a header with counts, a data block with 32-bit times (skipped), the same header
 * and block again with 64-bit times, and a footer "\nTZ\n".
 *
 *   header  "TZif" version(1) reserved(15) isutcnt isstdcnt leapcnt timecnt typecnt charcnt (int32
 * each) block   timecnt times, timecnt type indexes (1), typecnt types (offset int32, isdst 1, name
 * 1), charcnt, leapcnt * (time + 4), isstdcnt, isutcnt */
#include "base/tzif.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/mem.h"

enum { HEADER_BYTES = 44, MAX_TRANSITIONS = 10000, SECONDS_PER_DAY = 86400 };
enum { MAX_OFFSET_S = 26 * 3600 };

struct counts {
    uint32_t isut, isstd, leap, time, type, chars;
};

static int32_t read_int32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return (int32_t)be32toh(v);
}

static int64_t read_int64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return (int64_t)be64toh(v);
}

static int read_header(struct span *rest, struct counts *c, struct err *e)
{
    if (rest->n < HEADER_BYTES || memcmp(rest->p, "TZif", 4) != 0 || rest->p[4] < '2')
        return err_set(e, ERR_DATA, "not a TZif file of version 2 or later");
    uint32_t *fields[] = {&c->isut, &c->isstd, &c->leap, &c->time, &c->type, &c->chars};
    for (unsigned i = 0; i < 6; i++) {
        *fields[i] = (uint32_t)read_int32(rest->p + 20 + 4 * i);
        if (*fields[i] > MAX_TRANSITIONS)
            return err_set(e, ERR_DATA, "a count of %u in the header is too large", *fields[i]);
    }
    *rest = (struct span){rest->p + HEADER_BYTES, rest->n - HEADER_BYTES};
    return 0;
}

static size_t block_bytes(const struct counts *c, size_t time_bytes)
{
    return c->time * (time_bytes + 1) + c->type * (size_t)6 + c->chars +
           c->leap * (time_bytes + 4) + c->isstd + c->isut;
}

static int read_types(struct tzif *z, const struct counts *c, const char *block, struct err *e)
{
    const char *indexes = block + c->time * (size_t)8, *types = indexes + c->time;
    z->offset_s[0] = read_int32(types); /* RFC 8536: type 0 holds before the first transition */
    for (uint32_t i = 0; i < c->time; i++) {
        uint8_t type = (uint8_t)indexes[i];
        z->at_s[i] = read_int64(block + i * (size_t)8);
        if (type >= c->type || (i > 0 && z->at_s[i] <= z->at_s[i - 1]))
            return err_set(e, ERR_DATA, "transition %u makes no sense", i);
        z->offset_s[i + 1] = read_int32(types + type * (size_t)6);
    }
    for (uint32_t i = 0; i <= c->time; i++)
        if (z->offset_s[i] < -MAX_OFFSET_S || z->offset_s[i] > MAX_OFFSET_S)
            return err_set(e, ERR_DATA, "an offset of %d seconds makes no sense", z->offset_s[i]);
    return 0;
}

static int read_footer(struct tzif *z, struct span rest, struct err *e)
{
    if (rest.n < 2 || rest.p[0] != '\n' || rest.p[rest.n - 1] != '\n')
        return err_set(e, ERR_DATA, "the footer is missing");
    struct span text = {rest.p + 1, rest.n - 2};
    return text.n == 0 ? 0 : tzif_parse_rule(&z->rule, text, e);
}

int tzif_parse(struct tzif *out, struct span file, struct err *e)
{
    *out = (struct tzif){0};
    struct counts c;
    if (read_header(&file, &c, e) != 0)
        return -1;
    size_t skip = block_bytes(&c, 4);
    if (file.n < skip)
        return err_set(e, ERR_DATA, "the file is cut off");
    file = (struct span){file.p + skip, file.n - skip};
    if (read_header(&file, &c, e) != 0)
        return -1;
    size_t block = block_bytes(&c, 8);
    if (file.n < block || c.type == 0)
        return err_set(e, ERR_DATA, "the file is cut off");
    out->n = c.time;
    out->at_s = mem_alloc((c.time + 1) * sizeof *out->at_s);
    out->offset_s = mem_alloc((c.time + 1) * sizeof *out->offset_s);
    if (read_types(out, &c, file.p, e) == 0 &&
        read_footer(out, (struct span){file.p + block, file.n - block}, e) == 0)
        return 0;
    tzif_clear(out);
    return -1;
}

void tzif_clear(struct tzif *z)
{
    free(z->at_s);
    free(z->offset_s);
    *z = (struct tzif){0};
}

/* ---- the footer's grammar: std offset [dst [offset] , start[/time] , end[/time]] ---- */

struct cursor {
    const char *p, *end;
};

static bool take(struct cursor *c, char wanted)
{
    if (c->p >= c->end || *c->p != wanted)
        return false;
    c->p++;
    return true;
}

static bool take_number(struct cursor *c, int max, int *out)
{
    const char *start = c->p;
    *out = 0;
    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9' && *out <= max; c->p++)
        *out = *out * 10 + (*c->p - '0');
    return c->p > start && *out <= max;
}

static bool take_name(struct cursor *c)
{
    bool quoted = take(c, '<');
    const char *start = c->p;
    for (; c->p < c->end; c->p++) {
        char k = *c->p;
        bool letter = (k >= 'a' && k <= 'z') || (k >= 'A' && k <= 'Z');
        bool more = quoted && ((k >= '0' && k <= '9') || k == '+' || k == '-');
        if (!letter && !more)
            break;
    }
    return c->p - start >= 3 && (!quoted || take(c, '>'));
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool take_time(struct cursor *c, int max_hours, int32_t *out_s)
{
    bool minus = take(c, '-');
    if (!minus)
        (void)take(c, '+');
    int hours, minutes = 0, seconds = 0;
    if (!take_number(c, max_hours, &hours) || (take(c, ':') && !take_number(c, 59, &minutes)) ||
        (take(c, ':') && !take_number(c, 59, &seconds)))
        return false;
    int32_t s = hours * 3600 + minutes * 60 + seconds;
    *out_s = minus ? -s : s;
    return true;
}

static bool take_change(struct cursor *c, struct tzif_change *out)
{
    *out = (struct tzif_change){.at_s = 2 * 3600};
    bool good;
    if (take(c, 'M')) {
        out->kind = CHANGE_MONTH_WEEK;
        good = take_number(c, 12, &out->month) && take(c, '.') && take_number(c, 5, &out->week) &&
               take(c, '.') && take_number(c, 6, &out->weekday) && out->month >= 1 &&
               out->week >= 1;
    } else if (take(c, 'J')) {
        out->kind = CHANGE_DAY_NO_LEAP;
        good = take_number(c, 365, &out->day) && out->day >= 1;
    } else {
        out->kind = CHANGE_DAY;
        good = take_number(c, 365, &out->day);
    }
    return good && (!take(c, '/') || take_time(c, 167, &out->at_s));
}

static bool take_dst(struct cursor *c, struct tzif_rule *r)
{
    r->has_dst = true;
    r->dst_offset_s = r->std_offset_s + 3600;
    if (!take_name(c))
        return false;
    if (c->p < c->end && *c->p != ',') {
        if (!take_time(c, 24, &r->dst_offset_s))
            return false;
        r->dst_offset_s = -r->dst_offset_s; /* POSIX counts west of Greenwich */
    }
    return take(c, ',') && take_change(c, &r->start) && take(c, ',') && take_change(c, &r->end);
}

int tzif_parse_rule(struct tzif_rule *out, struct span text, struct err *e)
{
    *out = (struct tzif_rule){.present = true};
    struct cursor c = {text.p, text.p + text.n};
    bool good = take_name(&c) && take_time(&c, 24, &out->std_offset_s);
    out->std_offset_s = -out->std_offset_s;
    if (good && c.p < c.end)
        good = take_dst(&c, out);
    if (good && c.p == c.end)
        return 0;
    return err_set(e, ERR_DATA, "the rule \"%.*s\" is no POSIX TZ string", SPAN_ARGS(text));
}

/* ---- which offset when ---- */

static int64_t change_day(const struct tzif_change *c, int year)
{
    int64_t january = civil_days((struct civil){year, 1, 1});
    if (c->kind == CHANGE_DAY)
        return january + c->day;
    if (c->kind == CHANGE_DAY_NO_LEAP) {
        bool leap = civil_days((struct civil){year + 1, 1, 1}) - january == 366;
        return january + c->day - 1 + (leap && c->day >= 60);
    }
    int64_t first = civil_days((struct civil){year, c->month, 1});
    int64_t day = first + (c->weekday - civil_weekday(first) + 7) % 7 + 7 * (c->week - 1);
    int64_t next = c->month == 12 ? civil_days((struct civil){year + 1, 1, 1})
                                  : civil_days((struct civil){year, c->month + 1, 1});
    return day < next ? day : day - 7; /* week 5: the last */
}

/* Offset changes of three years around t, ascending; each change's offset holds from it on. */
struct change_at {
    int64_t at_s;
    int32_t offset_s;
};

enum { N_CHANGES = 6 };

static void list_changes(const struct tzif_rule *r, int64_t t_s, struct change_at out[N_CHANGES])
{
    int64_t days = t_s / SECONDS_PER_DAY - (t_s % SECONDS_PER_DAY < 0);
    int year = civil_of_days(days).year;
    unsigned n = 0;
    for (int y = year - 1; y <= year + 1; y++) {
        struct change_at both[2] = {
            {change_day(&r->start, y) * SECONDS_PER_DAY + r->start.at_s - r->std_offset_s,
             r->dst_offset_s},
            {change_day(&r->end, y) * SECONDS_PER_DAY + r->end.at_s - r->dst_offset_s,
             r->std_offset_s}};
        bool south = both[1].at_s < both[0].at_s;
        out[n++] = both[south];
        out[n++] = both[!south];
    }
}

static struct tzif_segment rule_segment(const struct tzif_rule *r, int64_t t_s)
{
    struct tzif_segment s = {INT64_MIN, INT64_MAX, r->std_offset_s};
    if (!r->has_dst)
        return s;
    struct change_at changes[N_CHANGES];
    list_changes(r, t_s, changes);
    for (unsigned i = 0; i < N_CHANGES; i++) {
        if (changes[i].at_s > t_s) {
            s.to_s = changes[i].at_s;
            break;
        }
        s.from_s = changes[i].at_s;
        s.offset_s = changes[i].offset_s;
    }
    return s;
}

/* Transitions at or before t: a binary search. */
static uint32_t count_until(const struct tzif *z, int64_t t_s)
{
    uint32_t low = 0, high = z->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (z->at_s[middle] <= t_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct tzif_segment tzif_segment_at(const struct tzif *z, int64_t t_s)
{
    uint32_t k = count_until(z, t_s);
    if (k == z->n && z->rule.present) {
        struct tzif_segment s = rule_segment(&z->rule, t_s);
        if (k > 0 && s.from_s < z->at_s[k - 1])
            s.from_s = z->at_s[k - 1];
        return s;
    }
    return (struct tzif_segment){k == 0 ? INT64_MIN : z->at_s[k - 1],
                                 k == z->n ? INT64_MAX : z->at_s[k], z->offset_s[k]};
}
