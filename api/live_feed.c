/* SPDX-License-Identifier: Apache-2.0 */
/* The live streams of one loop, by site. While there are any, a timer asks Redis for the state of
 * the view, which is little; when that has moved, or a minute is over, the pages of each site are
 * read, once for all its clients:
 *
 *   tick -> state --moved--> dirty sites -> pages -> totals --changed--> clients that are idle
 *
 * So it works in whatever process the view is built. A client that reads slowly is passed over and
 * gets the newest event later. What cannot be read becomes an event, too, after a while. */
#include "api/live_feed.h"

#include <stdlib.h>

#include "api/live_totals.h"

#define VIEW "visitors"
#define FIRST_LINES "retry: 2000\n\n"
#define BEAT ":\n\n"

enum { TICK_MS = 250, MAX_READING = 16 };
#define BEAT_US (15 * US_PER_SECOND)
#define CHECK_US (2 * US_PER_SECOND) /* whether a client may still read */
#define PATIENCE_US US_PER_SECOND    /* before a failure is told */
#define SLOW_US (2 * US_PER_SECOND)  /* no answer is a failure then */

static const struct rows_limits limits = {
    .max_groups = 1, .max_cells = LIVE_MINUTES, .max_sketch_bytes = 8 << 20};

/* Why there are no numbers; the names are those of problems where there is one. */
enum trouble { NO_TROUBLE, NOT_FOUND, NOT_READY, UNSUITABLE, UNAVAILABLE, INTERNAL };
static const struct {
    const char *state, *detail;
} troubles[] = {
    [NOT_FOUND] = {"not-found", "there is no view " VIEW "; it was dropped"},
    [NOT_READY] = {"not-ready", "the view " VIEW " is being built; numbers follow"},
    [UNSUITABLE] = {"unsuitable",
                    "the view " VIEW " does not count pageviews and visitors by the minute"},
    [UNAVAILABLE] = {"unavailable", "Redis cannot be reached; numbers follow when it is back"},
    [INTERNAL] = {"internal", "the view " VIEW " cannot be read; the server's messages say more"},
};

struct client {
    struct client *next, **at; /* in its group */
    struct group *group;
    struct http_stream *stream;
    struct api_reader who;
    uint64_t version; /* of the event it was sent last */
    int64_t beat_us, check_us;
};

struct group {
    struct live_feed *feed;
    unsigned index; /* in the feed's groups */
    char site[SITE_BYTES];
    struct client *clients;
    struct buf event; /* the newest */
    uint64_t version; /* of what it says; 0: nothing yet */
    enum trouble trouble;
    struct live_totals totals; /* while there is no trouble */
    uint64_t generation;
    int64_t failing_us; /* since when its pages cannot be read; 0: they can */
    bool dirty, reading;
};

struct live_feed {
    struct api *api;
    struct http_loop *loop;
    struct view_reader *reader;
    struct http_timer *tick;
    struct group **groups;
    unsigned n_groups, cap_groups, turn; /* turn: whose is the next read */
    unsigned n_reading;
    bool asking, stopped;
    int64_t asked_us;        /* while asking: since when */
    int64_t minute_us;       /* of the last tick */
    int64_t failing_us;      /* since when the state cannot be read; 0: it can */
    uint64_t offset;         /* the state that was seen last, as are these: */
    uint64_t generation;     /* 0: none yet */
    char definition[65];     /* by which the view is stored; "": not known */
    const struct plan *plan; /* NULL: the view cannot be read now */
};

static void start_reads(struct live_feed *f);

/* ------------------------------------------------------------------ clients */

static void send_event(struct client *c)
{
    struct group *g = c->group;
    if (c->version == g->version || !http_stream_idle(c->stream))
        return;
    if (http_stream_write(c->stream, buf_span(&g->event)))
        c->version = g->version;
}

static void send_to_all(struct group *g)
{
    for (struct client *c = g->clients; c != NULL; c = c->next)
        send_event(c);
}

static void remove_group(struct group *g)
{
    struct live_feed *f = g->feed;
    f->groups[g->index] = f->groups[--f->n_groups];
    f->groups[g->index]->index = g->index;
    buf_clear(&g->event);
    free(g);
    if (f->n_groups == 0 && !f->stopped)
        http_timer_stop(f->tick);
}

static void remove_client(struct client *c)
{
    struct group *g = c->group;
    *c->at = c->next;
    if (c->next != NULL)
        c->next->at = c->at;
    if (c->who.is_open)
        atomic_fetch_sub(&g->feed->api->open_streams, 1);
    free(c);
    if (g->clients == NULL && !g->reading)
        remove_group(g);
}

static void on_gone(void *context)
{
    remove_client(context);
}

/* False: the client has been sent away. */
static bool attend(struct client *c, int64_t now_us)
{
    struct live_feed *f = c->group->feed;
    if (now_us >= c->check_us) {
        c->check_us = now_us + CHECK_US;
        if (!api_may_still_read(f->api, &c->who, span_of(c->group->site))) {
            http_stream_end(c->stream);
            remove_client(c);
            return false;
        }
    }
    send_event(c);
    if (now_us >= c->beat_us && http_stream_idle(c->stream) &&
        http_stream_write(c->stream, SPAN_LITERAL(BEAT)))
        c->beat_us = now_us + BEAT_US;
    return true;
}

/* Backwards, since both lists may lose what is looked at. */
static void attend_to_all(struct live_feed *f)
{
    int64_t now_us = clock_monotonic_us();
    for (unsigned i = f->n_groups; i-- > 0;)
        for (struct client *c = f->groups[i]->clients, *next; c != NULL; c = next) {
            next = c->next;
            (void)attend(c, now_us);
        }
}

/* ------------------------------------------------------------------ events */

static void set_trouble(struct group *g, enum trouble trouble)
{
    if (g->trouble == trouble)
        return;
    g->trouble = trouble;
    buf_reset(&g->event);
    buf_put_text(&g->event, "event: state\ndata: {\"state\":");
    buf_put_json(&g->event, span_of(troubles[trouble].state));
    buf_put_text(&g->event, ",\"detail\":");
    buf_put_json(&g->event, span_of(troubles[trouble].detail));
    buf_put_text(&g->event, "}\n\n");
    g->version++;
    send_to_all(g);
}

static void set_trouble_of_all(struct live_feed *f, enum trouble trouble)
{
    f->plan = NULL;
    for (unsigned i = 0; i < f->n_groups; i++) {
        set_trouble(f->groups[i], trouble);
        f->groups[i]->dirty = true;
    }
}

static enum trouble trouble_of(const struct err *e)
{
    switch (e->kind) {
    case ERR_DOWN:
        return UNAVAILABLE;
    case ERR_DATA:
        return INTERNAL;
    case ERR_INPUT:
        return UNSUITABLE;
    default:
        return NOT_READY;
    }
}

/* Since when a read fails, which is repeated with every tick; true: that is to be told. */
static bool has_failed_long(int64_t *since_us)
{
    int64_t now_us = clock_monotonic_us();
    if (*since_us == 0)
        *since_us = now_us;
    return now_us - *since_us >= PATIENCE_US;
}

static void note_failure(struct live_feed *f, enum trouble trouble)
{
    if (has_failed_long(&f->failing_us))
        set_trouble_of_all(f, trouble);
}

static void note_failure_of(struct group *g, enum trouble trouble)
{
    g->dirty = true;
    if (has_failed_long(&g->failing_us))
        set_trouble(g, trouble);
}

/* The view is just being switched: it is asked by the definition that was found. */
static void note_definition(struct live_feed *f, const struct view_answer *answer)
{
    memcpy(f->definition, answer->state.definition, sizeof f->definition);
    f->generation = 0;
    note_failure(f, NOT_READY);
}

static void set_totals(struct group *g, const struct live_totals *t, const struct view_answer *a)
{
    const struct live_as_of at = {.site = span_of(g->site),
                                  .offset = a->state.offset,
                                  .generation = a->generation,
                                  .has_watermark = a->site_known,
                                  .watermark_us = a->site_watermark_us};
    bool changed = g->version == 0 || g->trouble != NO_TROUBLE || g->generation != a->generation ||
                   !live_totals_equal(t, &g->totals);
    buf_reset(&g->event);
    live_totals_put(t, &at, &g->event);
    g->totals = *t;
    g->generation = a->generation;
    g->trouble = NO_TROUBLE;
    g->failing_us = 0;
    g->version += changed;
}

/* ------------------------------------------------------------------ pages */

struct pages_read {
    struct group *group;
    struct live_need need;
    struct arena arena;
};

static void free_read(struct pages_read *d)
{
    arena_clear(&d->arena);
    free(d);
}

struct adding {
    struct rows *rows;
    const struct range_page *page;
    struct refusal e;
};

static int add_row(void *context, struct span group, struct span value)
{
    struct adding *a = context;
    return rows_add(a->rows, a->page, group, value, &a->e);
}

static int take_pages(struct pages_read *d, const struct view_answer *answer, struct err *e)
{
    const struct range *g = &d->need.range;
    struct rows rows;
    struct live_totals totals;
    int result = 0;
    rows_init(&rows, &d->need.query, g, limits);
    for (uint32_t i = 0; i < g->n_pages && result == 0; i++) {
        struct adding a = {.rows = &rows, .page = &g->pages[i]};
        result = view_answer_each(answer, i, add_row, &a);
        if (result != 0)
            *e = a.e.err;
    }
    if (result == 0) {
        live_totals_take(&totals, &d->need, &rows);
        set_totals(d->group, &totals, answer);
    }
    rows_clear(&rows);
    return result;
}

static void on_pages(void *context, const struct view_answer *answer, const struct err *e)
{
    struct pages_read *d = context;
    struct group *g = d->group;
    struct live_feed *f = g->feed;
    struct err failure = {0};
    f->n_reading--;
    g->reading = false;
    if (e == NULL)
        (void)(take_pages(d, answer, &failure) == 0);
    free_read(d);
    if (g->clients == NULL)
        remove_group(g);
    else if (e != NULL && answer != NULL)
        note_definition(f, answer);
    else if (e != NULL || failure.kind != ERR_NONE)
        note_failure_of(g, trouble_of(e != NULL ? e : &failure));
    else
        send_to_all(g);
    if (e == NULL)
        start_reads(f); /* else with the next tick */
}

static int read_pages(struct group *g, struct err *e)
{
    struct live_feed *f = g->feed;
    struct pages_read *d = mem_alloc(sizeof *d);
    d->group = g;
    if (live_need_init(&d->need, f->plan, http_loop_now_us(f->loop), &d->arena, e) != 0) {
        free_read(d);
        return -1;
    }
    const struct range *range = &d->need.range;
    struct view_page_ref *pages = arena_alloc(&d->arena, (range->n_pages + 1) * sizeof *pages);
    for (uint32_t i = 0; i < range->n_pages; i++)
        pages[i] = (struct view_page_ref){range->pages[i].tier, range->pages[i].start_us};
    const struct view_question q = {.plan = f->plan,
                                    .site = span_of(g->site),
                                    .pages = pages,
                                    .n_pages = range->n_pages,
                                    .on_answer = on_pages,
                                    .context = d};
    int result = view_reader_ask(f->reader, &q, e);
    if (result != 0)
        free_read(d);
    return result;
}

/* Some at a time, in turn, so that rows are read meanwhile. */
static void start_reads(struct live_feed *f)
{
    struct err e = {0};
    for (unsigned i = 0; i < f->n_groups && f->n_reading < MAX_READING; i++) {
        struct group *g = f->groups[f->turn++ % f->n_groups];
        if (f->plan == NULL || f->stopped)
            return;
        if (!g->dirty || g->reading)
            continue;
        if (read_pages(g, &e) != 0) {
            note_failure_of(g, trouble_of(&e));
            return;
        }
        g->dirty = false;
        g->reading = true;
        f->n_reading++;
    }
}

/* ------------------------------------------------------------------ the view's state */

static void all_dirty(struct live_feed *f)
{
    for (unsigned i = 0; i < f->n_groups; i++)
        f->groups[i]->dirty = true;
}

static void on_state(void *context, const struct view_answer *answer, const struct err *e)
{
    struct live_feed *f = context;
    f->asking = false;
    if (f->stopped)
        return;
    if (e != NULL && answer != NULL) {
        note_definition(f, answer);
        return;
    }
    if (e != NULL) {
        note_failure(f, trouble_of(e));
        return;
    }
    f->failing_us = 0;
    if (f->offset != answer->state.offset || f->generation != answer->generation)
        all_dirty(f);
    f->offset = answer->state.offset;
    f->generation = answer->generation;
    start_reads(f);
}

/* The plan that the view is stored by, as far as is known. */
static enum trouble choose_plan(struct live_feed *f)
{
    struct view_entry view;
    f->plan = NULL;
    if (!view_set_find(f->api->parts.views, SPAN_LITERAL(VIEW), &view))
        return NOT_FOUND;
    if (view.state != VIEW_READY)
        return view.state == VIEW_BUILDING ? NOT_READY : INTERNAL;
    f->plan = view_entry_defined(&view, f->definition);
    if (f->plan == NULL)
        f->plan = view.plan;
    return NO_TROUBLE;
}

static void look(struct live_feed *f)
{
    struct err e = {0};
    enum trouble trouble = choose_plan(f);
    int64_t minute_us = clock_floor(http_loop_now_us(f->loop), US_PER_MINUTE);
    if (minute_us != f->minute_us)
        all_dirty(f);
    f->minute_us = minute_us;
    if (trouble != NO_TROUBLE) {
        set_trouble_of_all(f, trouble);
        return;
    }
    const struct view_question q = {.plan = f->plan, .on_answer = on_state, .context = f};
    int64_t now_us = clock_monotonic_us();
    if (f->asking && now_us - f->asked_us >= SLOW_US)
        set_trouble_of_all(f, UNAVAILABLE);
    if (f->asking)
        return;
    f->asked_us = now_us;
    f->asking = view_reader_ask(f->reader, &q, &e) == 0;
    if (!f->asking)
        note_failure(f, trouble_of(&e));
}

static void on_tick(void *context)
{
    struct live_feed *f = context;
    http_timer_start(f->tick, TICK_MS);
    look(f);
    attend_to_all(f); /* the last group's end stops the timer */
}

/* ------------------------------------------------------------------ joining */

static struct group *group_of(struct live_feed *f, const char *site)
{
    for (unsigned i = 0; i < f->n_groups; i++)
        if (strcmp(f->groups[i]->site, site) == 0)
            return f->groups[i];
    if (f->n_groups == f->cap_groups) {
        f->cap_groups = f->cap_groups == 0 ? 16 : f->cap_groups * 2;
        f->groups = mem_resize(f->groups, f->cap_groups * sizeof *f->groups);
    }
    struct group *g = mem_alloc(sizeof *g);
    *g = (struct group){.feed = f, .index = f->n_groups, .dirty = true};
    memcpy(g->site, site, strlen(site) + 1);
    f->groups[f->n_groups++] = g;
    return g;
}

static struct client *add_client(struct group *g, const struct api_reader *who)
{
    struct client *c = mem_alloc(sizeof *c);
    int64_t now_us = clock_monotonic_us();
    *c = (struct client){.next = g->clients,
                         .at = &g->clients,
                         .group = g,
                         .who = *who,
                         .version = g->version,
                         .beat_us = now_us + BEAT_US,
                         .check_us = now_us + CHECK_US};
    if (c->next != NULL)
        c->next->at = &c->next;
    g->clients = c;
    return c;
}

static struct http_stream *begin(struct http_request *r, struct client *c)
{
    struct buf first = {0};
    buf_put_text(&first, FIRST_LINES);
    buf_put_span(&first, buf_span(&c->group->event));
    const struct http_answer head = {.status = 200,
                                     .content_type = "text/event-stream",
                                     .body = buf_span(&first),
                                     .headers = {{"cache-control", SPAN_LITERAL("no-store")},
                                                 {"x-accel-buffering", SPAN_LITERAL("no")}}};
    struct http_stream *stream = http_stream_begin(r, &head, on_gone, c);
    buf_clear(&first);
    return stream;
}

/* False: it is answered. */
static bool take_place(struct api *a, struct http_request *r, const struct api_reader *who)
{
    unsigned most = http_stream_most(r) / 2; /* so that those with a token have a place, too */
    if (!who->is_open || atomic_fetch_add(&a->open_streams, 1) < most)
        return true;
    atomic_fetch_sub(&a->open_streams, 1);
    http_send_problem(r, &(struct http_problem){.slug = "busy", .retry_after_s = 5},
                      "%u streams without a token are open; no more are kept", most);
    return false;
}

void live_feed_join(struct live_feed *f, struct http_request *r, const char *site)
{
    struct api_reader who = api_reader_of(r);
    if (!take_place(f->api, r, &who))
        return;
    struct client *c = add_client(group_of(f, site), &who);
    bool is_new = c->group->version == 0;
    c->stream = begin(r, c);
    if (c->stream == NULL)
        remove_client(c);
    else if (is_new)
        on_tick(f);
}

struct live_feed *live_feed_new(struct http_loop *l, struct api *a, struct view_reader *reader)
{
    struct live_feed *f = mem_alloc(sizeof *f);
    f->loop = l;
    f->api = a;
    f->reader = reader;
    f->tick = http_timer_new(l, on_tick, f);
    return f;
}

void live_feed_stop(struct live_feed *f)
{
    f->stopped = true;
    http_timer_free(f->tick);
}

void live_feed_free(struct live_feed *f)
{
    if (f == NULL)
        return;
    free(f->groups);
    free(f);
}
