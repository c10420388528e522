/* SPDX-License-Identifier: Apache-2.0 */
#include "api/range.h"

#include <stdio.h>
#include <stdlib.h>

/* Events lie between 1990 and a few minutes from now: nothing need be read outside. */
#define FIRST_EVENT_US (INT64_C(631152000) * US_PER_SECOND)
#define LAST_TIME_US (INT64_C(253402300800) * US_PER_SECOND) /* the year 10000 */

/* ------------------------------------------------------------------ parameters */

static bool all_digits(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

/* n <= 18, so that it fits. */
static int64_t number_of(struct span digits)
{
    int64_t v = 0;
    for (size_t i = 0; i < digits.n; i++)
        v = v * 10 + (digits.p[i] - '0');
    return v;
}

static int parse_time(struct span text, int64_t *out_us)
{
    if (all_digits(text) && text.n <= 12) {
        *out_us = number_of(text) * US_PER_SECOND;
        return *out_us < LAST_TIME_US ? 0 : -1;
    }
    char copy[CLOCK_TEXT_BYTES + 1];
    if (text.n >= sizeof copy)
        return -1;
    memcpy(copy, text.p, text.n);
    if (text.n > 6 && copy[text.n - 6] == ' ')
        copy[text.n - 6] = '+'; /* "+01:00" that the sender did not percent-encode */
    return clock_parse(copy, text.n, out_us) == 0 && *out_us >= 0 ? 0 : -1;
}

int range_take_time(struct span text, const char *name, int64_t *out_us, struct refusal *r)
{
    if (span_absent(text) || parse_time(text, out_us) == 0)
        return 0;
    return refuse(r, name,
                  "%s: \"%.*s\" is no time from 1970 on; give RFC 3339 (2026-11-23T04:00:00Z) or "
                  "Unix seconds",
                  name, SPAN_ARGS(refusal_excerpt(text)));
}

static int64_t ceil_to(int64_t t, int64_t unit)
{
    return clock_floor(t + unit - 1, unit);
}

static int take_bounds(struct range *g, const struct range_request *q, struct refusal *r)
{
    int64_t unit = q->plan->tiers[q->finest]->slot_us;
    g->to_us = q->now_us;
    if (range_take_time(q->to, "to", &g->to_us, r) != 0)
        return -1;
    g->from_us = g->to_us - US_PER_DAY;
    if (range_take_time(q->from, "from", &g->from_us, r) != 0)
        return -1;
    if (g->from_us >= g->to_us)
        return refuse(r, "from", "from: the range is empty, from must lie before to");
    g->from_us = clock_floor(g->from_us, unit);
    g->to_us = ceil_to(g->to_us, unit);
    return 0;
}

static const struct range_step named_steps[] = {{STEP_FIXED, US_PER_MINUTE, "minute"},
                                                {STEP_FIXED, US_PER_HOUR, "hour"},
                                                {STEP_DAY, 0, "day"},
                                                {STEP_WEEK, 0, "week"},
                                                {STEP_MONTH, 0, "month"},
                                                {STEP_ALL, 0, "all"}};

static bool find_step(struct span name, struct range_step *out)
{
    for (size_t i = 0; i < sizeof named_steps / sizeof *named_steps; i++)
        if (span_is(name, named_steps[i].name)) {
            *out = named_steps[i];
            return true;
        }
    return false;
}

/* "30s", "15m", "6h", "7d"; 0 when it is none. */
static int64_t parse_units(struct span text, size_t max_digits)
{
    static const struct {
        char unit;
        int64_t us;
    } units[] = {{'s', US_PER_SECOND}, {'m', US_PER_MINUTE}, {'h', US_PER_HOUR}, {'d', US_PER_DAY}};
    if (text.n < 2 || text.n > max_digits + 1 || !all_digits((struct span){text.p, text.n - 1}))
        return 0;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (units[i].unit == text.p[text.n - 1])
            return number_of((struct span){text.p, text.n - 1}) * units[i].us;
    return 0;
}

/* "30s", "15m", "6h": up to a day. */
static bool parse_step(struct span text, struct range_step *out)
{
    if (find_step(text, out))
        return true;
    int64_t us = parse_units(text, 5);
    if (us == 0 || us > US_PER_DAY || text.p[text.n - 1] == 'd')
        return false;
    *out = (struct range_step){us == US_PER_DAY ? STEP_DAY : STEP_FIXED, us, ""};
    snprintf(out->name, sizeof out->name, "%.*s", SPAN_ARGS(text));
    return true;
}

/* Whether a slot of the answer is made up of whole units, where its days are. */
static bool step_fits(const struct range_step *s, int64_t unit_us)
{
    return s->kind != STEP_FIXED || s->us % unit_us == 0;
}

/* Gives some 30 to 200 slots, or fewer of a coarse unit. */
static void default_step(struct range_step *out, int64_t length_us, int64_t unit_us)
{
    static const struct {
        int64_t up_to_us;
        const char *step;
    } ladder[] = {{3 * US_PER_HOUR, "minute"}, {12 * US_PER_HOUR, "15m"},  {4 * US_PER_DAY, "hour"},
                  {100 * US_PER_DAY, "day"},   {750 * US_PER_DAY, "week"}, {INT64_MAX, "month"}};
    unsigned i = 0;
    while (length_us > ladder[i].up_to_us)
        i++;
    do {
        (void)parse_step(span_of(ladder[i++].step), out);
    } while (!step_fits(out, unit_us));
}

int range_take_step(struct span text, struct range_step *out, struct refusal *r)
{
    if (parse_step(text, out))
        return 0;
    return refuse(r, "step",
                  "step: \"%.*s\" is none of minute, 15m, hour, day, week, month, all, or a "
                  "number of seconds, minutes or hours up to a day such as 30s, 5m or 6h",
                  SPAN_ARGS(refusal_excerpt(text)));
}

static int take_step(struct range *g, const struct range_request *q, struct refusal *r)
{
    const struct tier *finest = q->plan->tiers[q->finest];
    g->step_given = !span_absent(q->step);
    if (!g->step_given) {
        default_step(&g->step, g->to_us - g->from_us, finest->slot_us);
        return 0;
    }
    if (range_take_step(q->step, &g->step, r) != 0)
        return -1;
    if (!step_fits(&g->step, finest->slot_us))
        return refuse(r, "step", "step: %s is kept by %s; ask for %s, or a multiple of it",
                      q->plan->name, finest->name, finest->name);
    return 0;
}

/* "90m", "36h", "7d", "hour", "day", "week"; 0 when it is none. */
static int64_t parse_length(struct span text)
{
    if (span_is(text, "minute"))
        return US_PER_MINUTE;
    if (span_is(text, "hour"))
        return US_PER_HOUR;
    if (span_is(text, "day"))
        return US_PER_DAY;
    if (span_is(text, "week"))
        return 7 * US_PER_DAY;
    return parse_units(text, 7);
}

static int take_window(struct range *g, const struct range_request *q, struct refusal *r)
{
    g->window_slots = 1;
    if (span_absent(q->window))
        return 0;
    if (!g->step_given || (g->step.kind != STEP_FIXED && g->step.kind != STEP_DAY))
        return refuse(
            r, "step",
            "step: windows begin at every step; give one of a day or less (day, hour, 5m)");
    int64_t window_us = parse_length(q->window);
    int64_t step_us = g->step.kind == STEP_DAY ? US_PER_DAY : g->step.us;
    if (window_us == 0 || window_us % step_us != 0)
        return refuse(r, "window",
                      "window: \"%.*s\" is no multiple of step (%s); give seconds, minutes, hours "
                      "or days such as 90s, 30m, 6h, 7d",
                      SPAN_ARGS(refusal_excerpt(q->window)), g->step.name);
    if (window_us / step_us > RANGE_MAX_WINDOW_SLOTS)
        return refuse(r, "window", "window: is more than %d steps; take a longer step",
                      RANGE_MAX_WINDOW_SLOTS);
    g->window_slots = (uint32_t)(window_us / step_us);
    snprintf(g->window, sizeof g->window, "%.*s", SPAN_ARGS(q->window));
    return 0;
}

static int take_zone(struct range *g, const struct range_request *q, struct refusal *r)
{
    g->zone = span_absent(q->tz) ? zone_utc() : zones_find(q->zones, q->tz);
    if (g->zone != NULL)
        return 0;
    return refuse(r, "tz", "tz: \"%.*s\" is no IANA time zone; give one such as Europe/Berlin",
                  SPAN_ARGS(refusal_excerpt(q->tz)));
}

/* ------------------------------------------------------------------ the answer's slots */

/* Calendar steps: the first local date of the step that holds the date. */
static int64_t step_date(enum step_kind kind, int64_t date)
{
    struct civil c = civil_of_days(date);
    if (kind == STEP_WEEK)
        return date - (civil_weekday(date) + 6) % 7;
    if (kind == STEP_MONTH)
        return civil_days((struct civil){c.year, c.month, 1});
    return date;
}

static int64_t next_date(enum step_kind kind, int64_t date)
{
    struct civil c = civil_of_days(date);
    if (kind == STEP_WEEK)
        return date + 7;
    if (kind == STEP_MONTH)
        return civil_days((struct civil){c.year + c.month / 12, c.month % 12 + 1, 1});
    return date + 1;
}

struct slots {
    struct range *g;
    struct refusal *r;
};

static int add_slot(struct slots *s, int64_t start_us)
{
    if (s->g->n_slots == RANGE_MAX_SLOTS)
        return refuse(s->r, "step",
                      "step: %s gives more than %d slots from from to to; take a longer step or a "
                      "shorter range",
                      s->g->step.name, RANGE_MAX_SLOTS);
    s->g->slot_us[s->g->n_slots++] = start_us;
    return 0;
}

/* Slots of one local day: from its first instant on, in equal lengths of time; the last one ends
 * with the day. */
static int add_slots_of_day(struct slots *s, int64_t day_us, int64_t next_us)
{
    int64_t step_us = s->g->step.us;
    int64_t t_us = day_us;
    if (s->g->from_us > day_us)
        t_us += clock_floor(s->g->from_us - day_us, step_us);
    for (; t_us < next_us && t_us < s->g->to_us; t_us += step_us)
        if (add_slot(s, t_us) != 0)
            return -1;
    return 0;
}

static int add_slots(struct slots *s)
{
    struct range *g = s->g;
    if (g->step.kind == STEP_ALL)
        return add_slot(s, g->from_us);
    int64_t date = step_date(g->step.kind, zone_date_at(g->zone, g->from_us));
    int64_t day_us = zone_day_start(g->zone, date);
    while (day_us < g->to_us) {
        date = next_date(g->step.kind, date);
        int64_t next_us = zone_day_start(g->zone, date);
        if (g->step.kind == STEP_FIXED && add_slots_of_day(s, day_us, next_us) != 0)
            return -1;
        if (g->step.kind != STEP_FIXED && next_us > g->from_us && next_us > day_us &&
            add_slot(s, day_us) != 0)
            return -1;
        day_us = next_us;
    }
    return 0;
}

/* Where the slot ends that starts there. */
static int64_t slot_end(const struct range *g, int64_t start_us)
{
    int64_t date = zone_date_at(g->zone, start_us), day_us;
    do {
        day_us = zone_day_start(g->zone, ++date);
    } while (day_us <= start_us); /* dates that a zone has skipped */
    return g->step.kind == STEP_FIXED && start_us + g->step.us < day_us ? start_us + g->step.us
                                                                        : day_us;
}

/* Slots up to the end of the last window. */
static int add_window_slots(struct range *g, struct refusal *r)
{
    g->n_read = g->n_slots;
    g->read_to_us = g->to_us;
    if (!range_has_window(g))
        return 0;
    g->n_read = g->n_slots + g->window_slots - 1;
    for (uint32_t i = g->n_slots; i <= g->n_read; i++)
        g->slot_us[i] = slot_end(g, g->slot_us[i - 1]);
    g->from_us = g->slot_us[0];
    g->to_us = g->slot_us[g->n_slots];
    g->read_to_us = g->slot_us[g->n_read];
    return g->to_us < LAST_TIME_US ? 0 : refuse(r, "to", "to: lies too far ahead for windows");
}

/* Days of a zone may begin within a unit of the view: what such a unit holds cannot be divided.
 * Where the range begins and ends is rounded, but with windows a slot may begin there, too. */
static int check_whole_units(const struct range *g, const struct range_request *q,
                             struct refusal *r)
{
    const struct tier *finest = q->plan->tiers[q->finest];
    bool whole = g->read_to_us % finest->slot_us == 0;
    for (uint32_t i = range_has_window(g) ? 0 : 1; i < g->n_read; i++)
        whole = whole && g->slot_us[i] % finest->slot_us == 0;
    if (whole)
        return 0;
    return refuse(r, "tz",
                  "tz: %s is kept by %s of UTC, which days of %s cut; leave tz out, or keep the "
                  "view by a part of a quarter hour",
                  q->plan->name, finest->name, zone_name(g->zone));
}

/* ------------------------------------------------------------------ what to read */

struct part {
    int64_t from_us, to_us;
};

struct cover {
    struct range *g;
    const struct plan *plan;
    struct arena *arena;
    unsigned finest;
    uint32_t room;
    int64_t last[PLAN_MAX_TIERS]; /* index of the tier's newest page, -1: none */
};

static struct range_page *page_of(struct cover *c, unsigned tier, int64_t start_us)
{
    struct range *g = c->g;
    if (c->last[tier] >= 0 && g->pages[c->last[tier]].start_us == start_us)
        return &g->pages[c->last[tier]];
    if (g->n_pages == c->room) {
        uint32_t room = c->room == 0 ? 64 : c->room * 2;
        struct range_page *more = arena_alloc(c->arena, room * sizeof *more);
        if (g->n_pages > 0)
            memcpy(more, g->pages, g->n_pages * sizeof *more);
        g->pages = more;
        c->room = room;
    }
    unsigned max_slots = c->plan->tiers[tier]->max_slots;
    c->last[tier] = g->n_pages;
    struct range_page *p = &g->pages[g->n_pages++];
    *p = (struct range_page){tier, start_us, arena_alloc(c->arena, max_slots * sizeof(int32_t))};
    for (unsigned i = 0; i < max_slots; i++)
        p->slot[i] = -1;
    return p;
}

static void cover_units(struct cover *c, unsigned tier, struct part part, int32_t slot)
{
    const struct tier *t = c->plan->tiers[tier];
    for (int64_t at_us = part.from_us; at_us < part.to_us; at_us += t->slot_us) {
        struct tier_slot at = tier_slot_of(t, at_us);
        page_of(c, tier, at.page_start_us)->slot[at.slot] = slot;
    }
}

/* From the coarsest tier down: its whole units in the middle, the rest at the edges by the next. */
static void cover_part(struct cover *c, unsigned tier, struct part part, int32_t slot)
{
    if (part.from_us >= part.to_us)
        return;
    int64_t unit = c->plan->tiers[tier]->slot_us;
    struct part middle = {ceil_to(part.from_us, unit), clock_floor(part.to_us, unit)};
    if (middle.from_us >= middle.to_us) {
        if (tier > c->finest)
            cover_part(c, tier - 1, part, slot);
        return;
    }
    if (tier > c->finest)
        cover_part(c, tier - 1, (struct part){part.from_us, middle.from_us}, slot);
    cover_units(c, tier, middle, slot);
    if (tier > c->finest)
        cover_part(c, tier - 1, (struct part){middle.to_us, part.to_us}, slot);
}

static void cover_slots(struct range *g, const struct range_request *q, struct arena *a)
{
    struct cover c = {.g = g, .plan = q->plan, .arena = a, .finest = q->finest};
    for (unsigned i = 0; i < PLAN_MAX_TIERS; i++)
        c.last[i] = -1;
    int64_t first_us = g->from_us > FIRST_EVENT_US ? g->from_us : FIRST_EVENT_US;
    int64_t last_us = ceil_to(q->now_us, US_PER_DAY) + US_PER_DAY;
    last_us = g->read_to_us < last_us ? g->read_to_us : last_us;
    for (uint32_t i = 0; i < g->n_read; i++) {
        struct part part = {g->slot_us[i], i + 1 < g->n_read ? g->slot_us[i + 1] : last_us};
        part.from_us = part.from_us > first_us ? part.from_us : first_us;
        part.to_us = part.to_us < last_us ? part.to_us : last_us;
        cover_part(&c, q->plan->n_tiers - 1, part, (int32_t)i);
    }
}

int range_make(struct range *out, const struct range_request *q, struct arena *a, struct refusal *r)
{
    *out = (struct range){0};
    if (take_bounds(out, q, r) != 0 || take_zone(out, q, r) != 0 || take_step(out, q, r) != 0 ||
        take_window(out, q, r) != 0)
        return -1;
    out->slot_us =
        arena_alloc(a, (RANGE_MAX_SLOTS + RANGE_MAX_WINDOW_SLOTS) * sizeof *out->slot_us);
    struct slots s = {out, r};
    if (add_slots(&s) != 0 || add_window_slots(out, r) != 0 || check_whole_units(out, q, r) != 0)
        return -1;
    cover_slots(out, q, a);
    return 0;
}

/* ------------------------------------------------------------------ the slots of a query */

/* The first slot's units need not begin with it: they hold nothing before from. */
static int check_whole_buckets(const struct range *g, const struct range_exact *q,
                               struct refusal *r)
{
    for (uint32_t i = 1; i < g->n_slots; i++)
        if (g->slot_us[i] % q->unit_us != 0)
            return refuse(r, "tz",
                          "tz: the SELECT's time buckets are those of UTC (%s), which days of %s "
                          "cut; take a bucket that is a part of a quarter hour, or leave tz out",
                          q->unit_name, zone_name(g->zone));
    return 0;
}

static int check_buckets(const struct range_exact *q, struct refusal *r)
{
    if (q->step.kind == STEP_ALL)
        return 0;
    if (q->unit_us == 0)
        return refuse(r, "step",
                      "step: the SELECT has no time bucket; group by date_trunc('minute', "
                      "event_time) or date_bin('15 minutes', event_time, 'epoch')");
    if (step_fits(&q->step, q->unit_us))
        return 0;
    return refuse(r, "step",
                  "step: the SELECT's time bucket is %s; ask for %s, or a multiple of it",
                  q->unit_name, q->unit_name);
}

int range_make_exact(struct range *out, const struct range_exact *q, struct arena *a,
                     struct refusal *r)
{
    *out = (struct range){.zone = q->zone,
                          .from_us = q->from_us,
                          .to_us = q->to_us,
                          .step = q->step,
                          .step_given = true,
                          .window_slots = 1,
                          .read_to_us = q->to_us};
    if (check_buckets(q, r) != 0)
        return -1;
    out->slot_us = arena_alloc(a, RANGE_MAX_SLOTS * sizeof(*out->slot_us));
    struct slots s = {out, r};
    if (add_slots(&s) != 0 || check_whole_buckets(out, q, r) != 0)
        return -1;
    out->n_read = out->n_slots;
    return 0;
}

uint32_t range_slot_at(const struct range *g, int64_t t_us)
{
    uint32_t low = 0, high = g->n_slots; /* the last slot that starts by then is in [low, high) */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (g->slot_us[middle] <= t_us)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* ------------------------------------------------------------------ what is kept */

static int refuse_expired(const struct range *g, const struct plan *p, unsigned tier,
                          struct refusal *r)
{
    const char *unit = p->tiers[tier]->name;
    if (tier + 1 == p->n_tiers)
        return refuse(r, "from", "from: %s no longer keeps what is that old; take a later from",
                      p->name);
    const struct tier *coarser = p->tiers[tier + 1];
    if (g->step.kind == STEP_FIXED && g->step.us % coarser->slot_us != 0)
        return refuse(r, "step",
                      "step: %s no longer keeps slots of %s that far back; take a multiple of %s, "
                      "or a later from",
                      p->name, unit, coarser->name);
    return refuse(r, "from",
                  "from: %s no longer keeps slots of %s that far back; take from, to and days (tz) "
                  "that are whole slots of %s, or a later from",
                  p->name, unit, coarser->name);
}

int range_check_kept(const struct range *g, const struct plan *p, int64_t watermark_us,
                     struct refusal *r)
{
    for (uint32_t i = 0; i < g->n_pages; i++)
        if (plan_page_expired(p, g->pages[i].tier, g->pages[i].start_us, watermark_us))
            return refuse_expired(g, p, g->pages[i].tier, r);
    return 0;
}
