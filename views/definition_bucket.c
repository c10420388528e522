/* SPDX-License-Identifier: Apache-2.0 */
/* The time bucket, the tiers that follow from it, and how long each is kept (WITH). */
#include <stdio.h>
#include <strings.h>

#include "base/clock.h"
#include "views/definition_internal.h"

/* ---- intervals ---- */

static const struct {
    const char *name;
    int64_t us;
} units[] = {
    {"second", US_PER_SECOND}, {"sec", US_PER_SECOND}, {"s", US_PER_SECOND},
    {"minute", US_PER_MINUTE}, {"min", US_PER_MINUTE}, {"m", US_PER_MINUTE},
    {"hour", US_PER_HOUR},     {"hr", US_PER_HOUR},    {"h", US_PER_HOUR},
    {"day", US_PER_DAY},       {"d", US_PER_DAY},      {"week", 7 * US_PER_DAY},
    {"w", 7 * US_PER_DAY},
};

enum { MOST_NUMBER = 1000000 };

static bool take_number(struct span *s, int64_t *n)
{
    size_t i = 0;
    for (*n = 0; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++)
        if ((*n = *n * 10 + (s->p[i] - '0')) > MOST_NUMBER)
            return false;
    *s = (struct span){s->p + i, s->n - i};
    return i > 0;
}

static bool take_unit(struct span *s, int64_t *us)
{
    size_t n = 0;
    while (n < s->n && ((s->p[n] | 0x20) >= 'a' && (s->p[n] | 0x20) <= 'z'))
        n++;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t length = strlen(units[i].name);
        bool plural = n == length + 1 && (s->p[n - 1] | 0x20) == 's' && length > 1;
        if ((n == length || plural) && strncasecmp(s->p, units[i].name, length) == 0) {
            *us = units[i].us;
            *s = (struct span){s->p + n, s->n - n};
            return true;
        }
    }
    return false;
}

/* The rest of HH:MM:SS. */
static bool take_clock(struct span *s, int64_t hours, int64_t *us)
{
    int64_t part = 0, total = hours * US_PER_HOUR;
    for (int64_t unit = US_PER_MINUTE; s->n > 0 && s->p[0] == ':' && unit >= US_PER_SECOND;
         unit /= 60) {
        *s = (struct span){s->p + 1, s->n - 1};
        if (!take_number(s, &part) || part > 59)
            return false;
        total += part * unit;
    }
    *us = total;
    return true;
}

static bool take_part(struct span *s, int64_t *us)
{
    int64_t n, unit;
    if (!take_number(s, &n))
        return false;
    if (s->n > 0 && s->p[0] == ':')
        return take_clock(s, n, us);
    *s = span_trim(*s);
    if (!take_unit(s, &unit))
        return false;
    *us = n * unit;
    return true;
}

/* "2 days", "1 day 01:30:00": parts in a row; without months, whose length differs. */
static bool parse_interval(struct span text, int64_t *us)
{
    struct span rest = span_trim(text);
    *us = 0;
    if (rest.n == 0)
        return false;
    while (rest.n > 0) {
        int64_t part;
        if (!take_part(&rest, &part))
            return false;
        *us += part;
        rest = span_trim(rest);
    }
    return true;
}

/* ---- the bucket ---- */

static bool is_time(const struct definition *d, const struct tree *t)
{
    const struct relation *r = d->plan->relation;
    return tree_is(t, "ColumnRef") &&
           span_is(tree_last_name(t, "fields"), r->columns[r->time].name);
}

static const char *const stride_hint =
    "use 1 second to 1 day; weeks, months and other steps are made when reading: step=week";

static int stride_of_bin(struct definition *d, const struct tree *t, int64_t *us)
{
    struct span stride = definition_constant_text(tree_at(t, "args", 0));
    struct span origin = definition_constant_text(tree_at(t, "args", 2));
    int64_t origin_us;
    if (span_absent(stride) || !parse_interval(stride, us))
        return definition_refuse(d, t, stride_hint,
                                 "the stride is no constant interval of days, "
                                 "hours, minutes or seconds");
    if (*us < US_PER_SECOND || *us > US_PER_DAY || US_PER_DAY % *us != 0)
        return definition_refuse(d, t, stride_hint, "the stride does not divide a day");
    if (*us % US_PER_SECOND != 0)
        return definition_refuse(d, t, stride_hint, "the stride is no whole number of seconds");
    if (span_absent(origin) || !definition_time(origin, &origin_us))
        return definition_refuse(d, t, "write 'epoch'", "the origin is no constant time");
    const int64_t first_event_us = 7305 * US_PER_DAY; /* 1990: ingest takes none before */
    if (origin_us % *us != 0 || origin_us > first_event_us)
        return definition_refuse(d, t, "write 'epoch', a full hour or day before 1990",
                                 "the buckets of this origin are not those of the epoch");
    return 0;
}

static int stride_of_trunc(struct definition *d, const struct tree *t, int64_t *us)
{
    static const struct {
        const char *name;
        int64_t us;
    } fields[] = {{"second", US_PER_SECOND},
                  {"minute", US_PER_MINUTE},
                  {"hour", US_PER_HOUR},
                  {"day", US_PER_DAY}};
    struct span field = definition_constant_text(tree_at(t, "args", 0));
    if (tree_count(t, "args") > 2)
        return definition_refuse(d, t, "leave the zone out, ask for it when reading: tz=…",
                                 "buckets are those of UTC");
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (field.n == strlen(fields[i].name) &&
            strncasecmp(field.p, fields[i].name, field.n) == 0) {
            *us = fields[i].us;
            return 0;
        }
    return definition_refuse(d, t, stride_hint,
                             "date_trunc is known for second, minute, hour, day");
}

int definition_bucket_stride(struct definition *d, const struct tree *t, int64_t *us)
{
    struct span name = tree_is(t, "FuncCall") ? tree_last_name(t, "funcname") : SPAN_ABSENT;
    *us = 0;
    if (!span_is(name, "date_bin") && !span_is(name, "date_trunc"))
        return 0;
    const struct relation *r = d->plan->relation;
    if (!is_time(d, tree_at(t, "args", 1)))
        return definition_refuse(d, t, "bucket that column", "the time bucket is one of %s",
                                 r->columns[r->time].name);
    return span_is(name, "date_bin") ? stride_of_bin(d, t, us) : stride_of_trunc(d, t, us);
}

/* ---- tiers ---- */

enum { MOST_SLOTS = 60 };

/* As many slots on a page as divide a day, up to 60. */
static const struct tier *make_tier(struct definition *d, int64_t slot_us)
{
    struct tier *t = arena_alloc(d->memory, sizeof(*t));
    char name[24];
    unsigned slots = MOST_SLOTS;
    while (US_PER_DAY % (slot_us * slots) != 0)
        slots--;
    int64_t unit = slot_us % US_PER_HOUR == 0     ? US_PER_HOUR
                   : slot_us % US_PER_MINUTE == 0 ? US_PER_MINUTE
                                                  : US_PER_SECOND;
    snprintf(name, sizeof(name), "%d%c", (int)(slot_us / unit),
             unit == US_PER_HOUR     ? 'h'
             : unit == US_PER_MINUTE ? 'm'
                                     : 's');
    *t = (struct tier){definition_keep(d, span_of(name)), slot_us, TIER_FIXED, slot_us * slots,
                       slots};
    return t;
}

static void add_tiers(struct definition *d)
{
    static const struct tier *const known[] = {&TIER_MINUTES, &TIER_QUARTERS, &TIER_DAYS};
    struct plan *p = d->plan;
    int64_t us = p->bucket_us;
    bool finest_is_known = false;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        finest_is_known = finest_is_known || known[i]->slot_us == us;
    if (!finest_is_known)
        p->tiers[p->n_tiers++] = make_tier(d, us);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i]->slot_us >= us && known[i]->slot_us % us == 0)
            p->tiers[p->n_tiers++] = known[i];
}

/* ---- retention ---- */

static const struct {
    const char *name;
    int64_t from_us, to_us; /* tiers whose slots are within */
} options[] = {
    {"minute_retention", 0, 15 * US_PER_MINUTE},
    {"quarter_retention", 15 * US_PER_MINUTE, US_PER_DAY},
    {"day_retention", US_PER_DAY, INT64_MAX},
};

static int option_value(struct definition *d, const struct tree *option, int64_t *us)
{
    struct span text = tree_text(tree_get(option, "arg"), "sval");
    if (span_is(text, "forever")) {
        *us = 0;
        return 0;
    }
    if (!span_absent(text) && parse_interval(text, us) && *us > 0)
        return 0;
    return definition_refuse(d, option, "write '2 days', '12 hours', or 'forever'",
                             "%.*s is given no length of time",
                             SPAN_ARGS(tree_text(option, "defname")));
}

static int take_option(struct definition *d, const struct tree *option)
{
    struct plan *p = d->plan;
    struct span name = tree_text(option, "defname");
    int64_t us;
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (!span_is(name, options[i].name))
            continue;
        if (option_value(d, option, &us) != 0)
            return -1;
        bool any = false;
        for (unsigned t = 0; t < p->n_tiers; t++)
            if (p->tiers[t]->slot_us >= options[i].from_us &&
                p->tiers[t]->slot_us < options[i].to_us) {
                p->retention_us[t] = us;
                any = true;
            }
        return any ? 0
                   : definition_refuse(d, option, "leave it out",
                                       "%s is for slots that this view does not have",
                                       options[i].name);
    }
    return definition_refuse(d, option, "use minute_retention, quarter_retention, day_retention",
                             "views know no option %.*s", SPAN_ARGS(name));
}

/* Sketches are large: of minutes two days are kept. */
static void set_defaults(struct plan *p)
{
    bool distinct = false;
    for (unsigned i = 0; i < p->n_measures; i++)
        distinct = distinct || p->measures[i].kind == AGGREGATE_COUNT_DISTINCT;
    for (unsigned t = 0; distinct && t < p->n_tiers; t++)
        if (p->tiers[t]->slot_us < 15 * US_PER_MINUTE)
            p->retention_us[t] = 2 * US_PER_DAY;
}

int definition_make_tiers(struct definition *d)
{
    const struct tree *into = tree_get(d->given.statement, "into");
    add_tiers(d);
    set_defaults(d->plan);
    for (uint32_t i = 0; i < tree_count(into, "options"); i++)
        if (take_option(d, tree_at(into, "options", i)) != 0)
            return -1;
    return 0;
}
