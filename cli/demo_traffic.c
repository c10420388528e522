/* SPDX-License-Identifier: Apache-2.0 */
/* Events that will arrive wait in a heap by time of arrival: the next page of each running visit,
 * late ones, repeats. Every ten seconds of its time new visits are let in. */
#include "cli/demo_traffic.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/civil.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "cli/demo_world.h"

#define STEP_US (10 * US_PER_SECOND)

enum {
    MAX_WAITING = 1 << 18,
    BOTS_PER_CENT = 6,
    LATE_PER_THOUSAND = 20,
    WITH_ID_PER_CENT = 25,
    REPEATED_PER_CENT = 5,     /* of those with an id */
    VIEWS_PER_100_VISITS = 339 /* what visit_length gives on average */
};

struct visit {
    uint64_t visitor;
    uint32_t pages_left;
    uint8_t site, page, campaign; /* campaign: number + 1 of the one that brought it; 0: none */
    uint8_t referrer;             /* number + 1; 0: none */
    bool bot, entry;
};

enum arrival { NEXT_PAGE, ONLY_THIS, PURCHASE };

struct waiting {
    int64_t due_us, time_us; /* arrives, happened */
    uint64_t order;          /* of equals */
    uint64_t id[2];          /* eventId; zeros: none */
    enum arrival kind;
    struct visit visit;
};

struct demo_traffic {
    uint64_t random, per_day, order;
    int64_t next_step_us;
    uint64_t owed[DEMO_SITES]; /* visits not let in yet, in units of one_visit */
    struct waiting *heap;
    size_t n, room;
};

/* ------------------------------------------------------------------ the heap */

static bool before(const struct waiting *a, const struct waiting *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void push(struct demo_traffic *t, const struct waiting *w)
{
    if (t->n == MAX_WAITING)
        return; /* more visits than this at once are turned away */
    if (t->n == t->room) {
        t->room = t->room == 0 ? 256 : 2 * t->room;
        t->heap = mem_resize(t->heap, t->room * sizeof(*t->heap));
    }
    size_t i = t->n++;
    struct waiting item = *w;
    item.order = t->order++;
    for (; i > 0 && before(&item, &t->heap[(i - 1) / 2]); i = (i - 1) / 2)
        t->heap[i] = t->heap[(i - 1) / 2];
    t->heap[i] = item;
}

static struct waiting pop(struct demo_traffic *t)
{
    struct waiting first = t->heap[0], last = t->heap[--t->n];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < t->n && before(&t->heap[child + 1], &t->heap[child]))
            child++;
        if (child >= t->n || !before(&t->heap[child], &last))
            break;
        t->heap[i] = t->heap[child];
        i = child;
    }
    t->heap[i] = last;
    return first;
}

/* ------------------------------------------------------------------ visits */

static bool chance(struct demo_traffic *t, unsigned of_thousand)
{
    return random_below(&t->random, 1000) < of_thousand;
}

/* Nearly half leave after the first page; bots read on. */
static uint32_t visit_length(struct demo_traffic *t, bool bot)
{
    if (bot)
        return 5 + random_below(&t->random, 21);
    if (chance(t, 450))
        return 1;
    uint32_t pages = 2;
    while (pages < 30 && chance(t, 667))
        pages++;
    return pages;
}

/* Small numbers are the likeliest. */
static uint8_t skewed_below(struct demo_traffic *t, uint32_t n)
{
    uint32_t a = random_below(&t->random, n), b = random_below(&t->random, n);
    return (uint8_t)(a < b ? a : b);
}

static bool runs_on(const struct demo_campaign *c, int64_t day)
{
    return (day % c->every_days + c->every_days - c->first_day) % c->every_days < c->n_days;
}

static void choose_origin(struct demo_traffic *t, struct visit *v, int64_t day)
{
    size_t i = random_below(&t->random, (uint32_t)demo_n_campaigns);
    if (chance(t, 150) && runs_on(&demo_campaigns[i], day))
        v->campaign = (uint8_t)(i + 1);
    else if (chance(t, 550))
        v->referrer = (uint8_t)(1 + skewed_below(t, (uint32_t)demo_n_referrers));
}

static void let_in(struct demo_traffic *t, uint8_t site)
{
    uint32_t n_visitors = (uint32_t)(t->per_day / 4 > 100000000 ? 100000000 : 100 + t->per_day / 4);
    struct waiting w = {.kind = NEXT_PAGE};
    w.due_us = w.time_us =
        t->next_step_us + random_below(&t->random, STEP_US / 1000) * INT64_C(1000);
    w.visit = (struct visit){
        .visitor = 1 + random_below(&t->random, n_visitors), .site = site, .entry = true};
    w.visit.bot = chance(t, BOTS_PER_CENT * 10);
    w.visit.pages_left = visit_length(t, w.visit.bot);
    w.visit.page = skewed_below(t, DEMO_PAGES);
    if (!w.visit.bot)
        choose_origin(t, &w.visit, clock_floor(w.due_us, US_PER_DAY) / US_PER_DAY);
    push(t, &w);
}

static void step(struct demo_traffic *t)
{
    const uint64_t steps_a_day = US_PER_DAY / STEP_US;
    const uint64_t one_visit = UINT64_C(100) * 1000 * steps_a_day * VIEWS_PER_100_VISITS;
    for (uint8_t i = 0; i < DEMO_SITES; i++) {
        int64_t local = t->next_step_us + demo_sites[i].hours_east * US_PER_HOUR;
        int64_t day = clock_floor(local, US_PER_DAY) / US_PER_DAY;
        int hour = (int)((local - day * US_PER_DAY) / US_PER_HOUR);
        unsigned weight = demo_hour_weight(hour, civil_weekday(day));
        for (size_t c = 0; c < demo_n_campaigns; c++)
            weight += runs_on(&demo_campaigns[c], day) ? weight / 20 : 0;
        t->owed[i] += t->per_day * demo_sites[i].share * weight * 100;
        for (; t->owed[i] >= one_visit; t->owed[i] -= one_visit)
            let_in(t, i);
    }
    t->next_step_us += STEP_US;
}

/* ------------------------------------------------------------------ events */

/* What belongs to a visitor, whenever they come. */
static uint64_t trait(const struct visit *v, uint64_t salt, uint32_t n)
{
    uint64_t state = v->visitor * 2 + v->bot + (salt << 40);
    return random_below(&state, n);
}

static const char *place_of(const struct visit *v)
{
    uint64_t at = trait(v, 1, 1000);
    for (size_t i = 0; i + 1 < demo_n_places; i++) {
        if (at < demo_places[i].share)
            return demo_places[i].region;
        at -= demo_places[i].share;
    }
    return demo_places[demo_n_places - 1].region;
}

static const char *agent_of(const struct visit *v)
{
    return v->bot ? demo_bots[trait(v, 2, (uint32_t)demo_n_bots)]
                  : demo_browsers[trait(v, 2, (uint32_t)demo_n_browsers)];
}

static void put_page(struct buf *out, const struct visit *v)
{
    const struct demo_site *site = &demo_sites[v->site];
    buf_printf(out, ",\"site\":\"%s\",\"pageUrl\":\"https://%s%s", site->name, site->name,
               site->pages[v->page]);
    if (v->entry && v->campaign > 0)
        buf_printf(out, "?%s", demo_campaigns[v->campaign - 1].query);
    buf_put_byte(out, '"');
    if (!v->entry && !v->bot)
        buf_printf(out, ",\"referrer\":\"https://%s/\"", site->name);
    else if (v->referrer > 0)
        buf_printf(out, ",\"referrer\":\"%s\"", demo_referrers[v->referrer - 1]);
}

static void put_event(struct demo_traffic *t, struct buf *out, const struct waiting *w)
{
    const struct visit *v = &w->visit;
    uint64_t address = trait(v, 3, 1 << 17);
    buf_printf(out, "{\"timestamp\":%" PRId64 ".%03d", w->time_us / US_PER_SECOND,
               (int)(w->time_us % US_PER_SECOND / 1000));
    put_page(out, v);
    buf_printf(out, ",\"ipAddress\":\"198.%d.%d.%d\",\"region\":\"%s\",\"userAgent\":\"%s\"",
               18 + (int)(address >> 16), (int)(address >> 8 & 255), (int)(address & 255),
               place_of(v), agent_of(v));
    if (!v->bot && trait(v, 4, 10) == 0)
        buf_printf(out, ",\"userId\":\"user-%" PRIu64 "\"", v->visitor);
    if (w->id[0] != 0)
        buf_printf(out, ",\"eventId\":\"%08x-%04x-4%03x-8%03x-%012" PRIx64 "\"",
                   (unsigned)(w->id[0] >> 32), (unsigned)(w->id[0] >> 16 & 0xffff),
                   (unsigned)(w->id[0] & 0xfff), (unsigned)(w->id[1] >> 52),
                   w->id[1] >> 4 & 0xffffffffffff);
    if (w->kind == PURCHASE)
        buf_printf(out, ",\"eventType\":\"Purchase\",\"props\":{\"price\":%u.%02u,\"items\":%u}",
                   9 + random_below(&t->random, 200), random_below(&t->random, 100),
                   1 + random_below(&t->random, 4));
    buf_put_text(out, "}\n");
}

/* The visit's next page, and what else this one sets off. */
static void go_on(struct demo_traffic *t, const struct waiting *w)
{
    struct waiting next = *w;
    next.id[0] = next.id[1] = 0;
    const char *page = demo_sites[w->visit.site].pages[w->visit.page];
    if (!w->visit.bot && strcmp(page, "/checkout") == 0 && chance(t, 400)) {
        next.kind = PURCHASE;
        next.due_us = next.time_us = w->due_us + 20 * US_PER_SECOND;
        push(t, &next);
    }
    if (w->visit.pages_left <= 1)
        return;
    next.kind = NEXT_PAGE;
    next.visit.pages_left--;
    next.visit.entry = false;
    next.visit.page = skewed_below(t, DEMO_PAGES);
    uint32_t pause_ms = w->visit.bot ? 1000 : 3000 + random_below(&t->random, 120000);
    next.due_us = next.time_us = w->due_us + pause_ms * INT64_C(1000);
    push(t, &next);
}

/* False: the event comes late, not now. */
static bool disturb(struct demo_traffic *t, struct waiting *w)
{
    struct waiting copy;
    if (chance(t, WITH_ID_PER_CENT * 10)) {
        w->id[0] = random_next(&t->random) | 1;
        w->id[1] = random_next(&t->random);
    }
    copy = *w;
    copy.kind = ONLY_THIS;
    if (w->id[0] != 0 && chance(t, REPEATED_PER_CENT * 10)) {
        copy.due_us = w->due_us + (1 + random_below(&t->random, 60)) * US_PER_SECOND;
        push(t, &copy);
    }
    if (!chance(t, LATE_PER_THOUSAND))
        return true;
    copy.due_us = w->due_us + (1 + random_below(&t->random, 6 * 3600)) * US_PER_SECOND;
    push(t, &copy);
    return false;
}

/* ------------------------------------------------------------------ the stream */

const char *demo_site(unsigned n)
{
    return n < DEMO_SITES ? demo_sites[n].name : NULL;
}

struct demo_traffic *demo_traffic_new(uint64_t seed, int64_t from_us, uint64_t per_day)
{
    struct demo_traffic *t = mem_alloc(sizeof(*t));
    t->random = seed;
    t->per_day = per_day;
    t->next_step_us = clock_floor(from_us, STEP_US);
    return t;
}

void demo_traffic_free(struct demo_traffic *t)
{
    if (t == NULL)
        return;
    free(t->heap);
    free(t);
}

bool demo_traffic_next(struct demo_traffic *t, int64_t until_us, struct buf *out)
{
    for (;;) {
        int64_t due = t->n == 0 ? INT64_MAX : t->heap[0].due_us;
        if (due >= t->next_step_us) {
            if (t->next_step_us >= until_us)
                return false;
            step(t);
            continue;
        }
        if (due >= until_us)
            return false;
        struct waiting w = pop(t);
        bool now = true;
        if (w.kind == NEXT_PAGE) {
            now = disturb(t, &w);
            go_on(t, &w);
        }
        if (!now)
            continue;
        put_event(t, out, &w);
        return true;
    }
}
