/* SPDX-License-Identifier: Apache-2.0 */
#include "views/query_part.h"

#include <stdlib.h>

#include "base/mem.h"
#include "views/session_rows.h"

/* One slot that holds every time there is; times lie after 1970. */
#define ALL_TIMES_US (INT64_C(1) << 62)
#define LAST_TIME_US (INT64_C(253402300799) * US_PER_SECOND) /* the end of the year 9999 */
enum { SLOTS_OF_PAGE = 60 };

/* ------------------------------------------------------------------ the scope */

static struct tier slots_of(const struct plan *p)
{
    if (p->bucket_us == 0)
        return (struct tier){"all", ALL_TIMES_US, TIER_FIXED, ALL_TIMES_US, 1};
    return (struct tier){"bucket", p->bucket_us, TIER_FIXED, SLOTS_OF_PAGE * p->bucket_us,
                         SLOTS_OF_PAGE};
}

static void widen_for_sessions(struct query_scope *s)
{
    s->in_order = true;
    s->read_us[0] = s->from_us - SESSION_GAP_US;
    s->read_us[1] = LAST_TIME_US;
}

int query_scope_init(struct query_scope *s, const struct plan *p, struct span site,
                     const int64_t range_us[2], struct err *e)
{
    *s = (struct query_scope){.plan = *p,
                              .slots = slots_of(p),
                              .site = site,
                              .from_us = range_us[0],
                              .to_us = range_us[1],
                              .read_us = {range_us[0], range_us[1]}};
    if (p->relation == &RELATION_SESSIONS)
        widen_for_sessions(s);
    s->plan.n_tiers = 1;
    s->plan.tiers[0] = &s->slots;
    memset(s->plan.retention_us, 0, sizeof(s->plan.retention_us));
    if ((s->to_us - s->from_us) / s->slots.slot_us < QUERY_MAX_SLOTS)
        return 0;
    return err_set(e, ERR_INPUT,
                   "the time bucket gives more than %d slots from from to to; take a longer bucket "
                   "or a shorter range",
                   QUERY_MAX_SLOTS);
}

int64_t query_scope_first_page(const struct query_scope *s)
{
    return tier_slot_of(&s->slots, s->from_us).page_start_us;
}

static uint32_t page_index(const struct query_scope *s, int64_t page_start_us)
{
    return (uint32_t)((page_start_us - query_scope_first_page(s)) / s->slots.page_us);
}

uint32_t query_scope_pages(const struct query_scope *s)
{
    return page_index(s, tier_slot_of(&s->slots, s->to_us - 1).page_start_us) + 1;
}

/* ------------------------------------------------------------------ a part */

struct query_part {
    const struct query_scope *scope;
    struct aggregate *aggregate;
    struct sessions *sessions; /* NULL: the question is about events */
    struct query_counts counts;
    bool wanted[BATCH_MAX_EVENTS];       /* of the slice at hand */
    struct buf columns[N_EVENT_COLUMNS]; /* what is kept of it, when not all of it is */
};

struct query_part *query_part_new(const struct query_scope *s, struct aggregate_limits limits)
{
    struct query_part *p = mem_alloc(sizeof(*p));
    p->scope = s;
    p->aggregate = aggregate_new(&s->plan, limits);
    p->counts.latest_us = INT64_MIN;
    if (s->in_order)
        p->sessions =
            sessions_new(&(struct sessions_options){.texts = session_texts_of(plan_reads(&s->plan)),
                                                    .max_sessions = limits.max_cells,
                                                    .max_bytes = limits.max_bytes,
                                                    .site = s->site});
    return p;
}

void query_part_free(struct query_part *p)
{
    if (p == NULL)
        return;
    aggregate_free(p->aggregate);
    if (p->sessions != NULL)
        sessions_free(p->sessions);
    for (int c = 0; c < N_EVENT_COLUMNS; c++)
        buf_clear(&p->columns[c]);
    free(p);
}

struct query_counts query_part_counts(const struct query_part *p)
{
    return p->counts;
}

/* ---- which events of a slice are wanted */

static bool is_site(const struct query_part *p, struct span value)
{
    return span_equal(value, p->scope->site);
}

static bool is_of_other_site(const struct query_part *p, const struct log_slice *slice)
{
    const struct column_slice *sites = &slice->columns[EVENT_SITE];
    struct column_cursor first = column_cursor_of(sites);
    return sites->form != FORM_PLAIN && !is_site(p, column_next(&first));
}

/* Whether no event of the slice can be wanted, by what is known of all. */
static bool is_foreign(const struct query_part *p, const struct log_slice *slice)
{
    return slice->max_time_us < p->scope->from_us || slice->min_time_us >= p->scope->to_us ||
           is_of_other_site(p, slice);
}

/* Marks the wanted events and returns how many there are. */
static uint32_t choose(struct query_part *p, const struct log_slice *slice)
{
    struct column_cursor sites = column_cursor_of(&slice->columns[EVENT_SITE]);
    struct column_cursor times = column_cursor_of(&slice->columns[EVENT_TIME]);
    uint32_t n = 0;
    for (uint32_t i = 0; i < slice->count; i++) {
        struct span site = column_next(&sites);
        int64_t time_us = element_time_us(column_next(&times));
        p->wanted[i] =
            time_us >= p->scope->from_us && time_us < p->scope->to_us && is_site(p, site);
        if (!p->wanted[i])
            continue;
        n++;
        p->counts.latest_us = time_us > p->counts.latest_us ? time_us : p->counts.latest_us;
    }
    p->counts.events += n;
    return n;
}

/* ---- what is left of a slice */

/* Copies the wanted elements of a column, run by run. */
static void keep_elements(struct query_part *p, struct column_slice *column, uint32_t count,
                          struct buf *kept)
{
    struct column_cursor at = column_cursor_of(column);
    const uint8_t *run = NULL;
    buf_reset(kept);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *start = at.at;
        column_next(&at);
        if (p->wanted[i] && run == NULL)
            run = start;
        if (!p->wanted[i] && run != NULL) {
            buf_put(kept, run, (size_t)(start - run));
            run = NULL;
        }
    }
    if (run != NULL)
        buf_put(kept, run, (size_t)(at.at - run));
    column->elements = kept->p;
    column->end = kept->p + kept->n;
}

/* The wanted events as a slice of their own: expressions are then evaluated for no others. Those
 * of one site have one element for it. */
static struct log_slice keep_wanted(struct query_part *p, const struct log_slice *slice, uint32_t n)
{
    struct log_slice kept = *slice;
    kept.count = n;
    for (int c = 0; c < N_EVENT_COLUMNS; c++)
        if (kept.columns[c].form == FORM_PLAIN)
            keep_elements(p, &kept.columns[c], slice->count, &p->columns[c]);
    kept.columns[EVENT_SITE].form = FORM_CONSTANT;
    return kept;
}

bool query_part_add(struct query_part *p, const struct log_slice *slice)
{
    if (p->sessions != NULL)
        return is_of_other_site(p, slice) || sessions_add(p->sessions, slice, 0) == slice->count;
    if (slice->count == 0 || is_foreign(p, slice))
        return true;
    uint32_t n = choose(p, slice);
    if (n == 0)
        return true;
    struct log_slice kept = n == slice->count ? *slice : keep_wanted(p, slice, n);
    return aggregate_add(p->aggregate, &kept, 0) == n;
}

bool query_part_finish(struct query_part *p)
{
    const struct query_scope *s = p->scope;
    const int64_t range_us[2] = {s->from_us, s->to_us};
    if (p->sessions == NULL)
        return true;
    p->counts.events = sessions_counts(p->sessions).matched;
    (void)sessions_watermark(p->sessions, s->site, &p->counts.latest_us);
    session_rows_give(p->sessions, &s->plan, range_us, p->aggregate);
    return !aggregate_full(p->aggregate);
}

/* ------------------------------------------------------------------ the whole */

void query_pages_init(struct query_pages *p, const struct query_scope *s)
{
    p->scope = s;
    p->pages = mem_alloc(query_scope_pages(s) * sizeof(struct page *));
}

void query_pages_clear(struct query_pages *p)
{
    for (uint32_t i = 0; p->pages != NULL && i < query_scope_pages(p->scope); i++)
        if (p->pages[i] != NULL)
            page_free(p->pages[i]);
    free(p->pages);
    p->pages = NULL;
}

static int merge_delta(void *context, const struct delta *d)
{
    struct query_pages *p = context;
    struct page **page = &p->pages[page_index(p->scope, d->at.page_start_us)];
    if (*page == NULL)
        *page = page_new(&p->scope->plan, 0, p->scope->site, d->at.page_start_us);
    page_apply(*page, d, NULL);
    return 0;
}

void query_pages_merge(struct query_pages *p, struct query_part *from)
{
    (void)(aggregate_each(from->aggregate, merge_delta, p) == 0); /* merge_delta never fails */
}

struct giving {
    int (*each)(void *context, int64_t page_start_us, struct span group, struct span value);
    void *context;
    const struct page *page;
    struct buf value;
};

static int give_row(void *context, const struct page_row *row)
{
    struct giving *g = context;
    buf_reset(&g->value);
    page_row_encode(g->page, row, &g->value);
    return g->each(g->context, page_start(g->page), page_row_group(row), buf_span(&g->value));
}

int query_pages_each(const struct query_pages *p,
                     int (*each)(void *context, int64_t page_start_us, struct span group,
                                 struct span value),
                     void *context)
{
    struct giving g = {.each = each, .context = context};
    int result = 0;
    for (uint32_t i = 0; i < query_scope_pages(p->scope) && result == 0; i++) {
        g.page = p->pages[i];
        if (g.page != NULL)
            result = page_each_row(g.page, give_row, &g);
    }
    buf_clear(&g.value);
    return result;
}
