/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/views/{name}/rows: parameters -> range -> one read of Redis -> rows -> bytes. All on the
 * request's loop, nothing blocks. The client may leave before Redis answers: then what belongs to
 * the request (every span of the query) is not touched any more. */
#include "api/rows_get.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/accept.h"
#include "api/api_internal.h"
#include "api/rows_write.h"
#include "api/task.h"
#include "base/siphash.h"

enum { MAX_BODY_BYTES = 64 << 20, TAG_BYTES = 24 };

static const struct rows_limits limits = {
    .max_groups = 100000, .max_cells = 500000, .max_sketch_bytes = 64 << 20};

/* A read under way. */
struct rows_read {
    struct api *api;
    struct view_reader *reader;
    struct http_ticket *ticket;
    enum rows_form form;
    struct view_entry view;
    bool looked;             /* for a definition that was not known here */
    struct rows_query query; /* spans of the request */
    struct span site;        /* in the arena, as is all that Redis' answer is waited with */
    struct range range;
    unsigned finest; /* range_request's */
    struct arena arena;
};

static void free_read(struct rows_read *d)
{
    http_ticket_free(d->ticket);
    arena_clear(&d->arena);
    free(d);
}

/* ------------------------------------------------------------------ parameters */

enum { MAX_PARAMS = QUERY_MAX_PARAMS };

static int take_query(struct http_request *r, const struct plan *p, struct rows_query *out,
                      struct refusal *e)
{
    struct query_param *params = http_alloc(r, MAX_PARAMS * sizeof *params);
    unsigned n = 0;
    while (n < MAX_PARAMS && http_param_at(r, n, &params[n].name, &params[n].value, &e->err))
        n++;
    if (e->err.kind != ERR_NONE)
        return -1;
    return rows_query_parse(out, p, params, n, e);
}

static int choose_site(struct rows_read *d, struct span own, struct refusal *e)
{
    char site[SITE_BYTES];
    if (api_find_site(d->api, d->query.site, own, site, e) != 0)
        return -1;
    d->site = arena_copy(&d->arena, span_of(site));
    return 0;
}

static int make_range(struct rows_read *d, int64_t now_us, struct refusal *e)
{
    const struct range_request q = {.from = d->query.from,
                                    .to = d->query.to,
                                    .step = d->query.step,
                                    .window = d->query.window,
                                    .tz = d->query.tz,
                                    .now_us = now_us,
                                    .plan = d->query.plan,
                                    .zones = d->api->zones,
                                    .finest = d->finest};
    return range_make(&d->range, &q, &d->arena, e);
}

/* ------------------------------------------------------------------ the answer */

struct adding {
    struct rows *rows;
    const struct range_page *page;
    struct refusal *e;
};

static int add_row(void *context, struct span group, struct span value)
{
    struct adding *a = context;
    return rows_add(a->rows, a->page, group, value, a->e);
}

static int add_pages(struct rows *rows, const struct view_answer *answer, struct refusal *e)
{
    const struct range *g = rows->range;
    for (uint32_t i = 0; i < g->n_pages; i++) {
        struct adding a = {rows, &g->pages[i], e};
        if (view_answer_each(answer, i, add_row, &a) != 0)
            return -1;
    }
    return rows_finish(rows, e);
}

/* Everything that the bytes of the answer depend on. */
static void make_tag(struct http_request *r, const struct rows_read *d,
                     const struct view_answer *answer, char out[TAG_BYTES])
{
    struct buf text = {0};
    buf_printf(&text, "%d %s %llu %llu %s %lld %lld %s %s ", (int)d->form, answer->state.log_id,
               (unsigned long long)answer->generation, (unsigned long long)answer->state.offset,
               d->query.plan->name, (long long)d->range.from_us, (long long)d->range.to_us,
               d->range.step.name, zone_name(d->range.zone));
    buf_put_span(&text, d->site);
    buf_put_byte(&text, ' ');
    buf_put_span(&text, http_query(r));
    uint64_t hash = siphash((struct siphash_key){0}, text.p, text.n);
    snprintf(out, TAG_BYTES, "\"%016llx\"", (unsigned long long)hash);
    buf_clear(&text);
}

/* With 200 and 304 alike (RFC 9110, 15.4.5). */
#define CACHE_HEADERS(tag)                                                                         \
    {                                                                                              \
        {"etag", tag}, {"cache-control", SPAN_LITERAL("no-cache")},                                \
        {                                                                                          \
            "vary", SPAN_LITERAL("accept, authorization")                                          \
        }                                                                                          \
    }

static void send_rows(struct http_request *r, const struct rows_read *d, const struct rows *rows,
                      const struct view_answer *answer, struct span tag)
{
    struct buf body = {.max = MAX_BODY_BYTES};
    struct rows_about about = {.site = d->site,
                               .offset = answer->state.offset,
                               .generation = answer->generation,
                               .has_watermark = answer->site_known,
                               .watermark_us = answer->site_watermark_us};
    rows_write(rows, &about, d->form, &body);
    if (body.failed)
        http_send_problem(r, &(struct http_problem){.slug = "bad-request", .field = "limit"},
                          "limit: the answer is over %d bytes; take fewer rows",
                          (int)MAX_BODY_BYTES);
    else
        http_send(r, &(struct http_answer){.status = 200,
                                           .content_type = rows_content_types[d->form],
                                           .body = buf_span(&body),
                                           .headers = CACHE_HEADERS(tag)});
    buf_clear(&body);
}

static void answer_rows(struct http_request *r, const struct rows_read *d,
                        const struct view_answer *answer)
{
    char tag[TAG_BYTES];
    struct rows rows;
    struct refusal e = {0};
    make_tag(r, d, answer, tag);
    if (accept_has_tag(http_header(r, "if-none-match"), span_of(tag))) {
        http_send(r, &(struct http_answer){.status = 304, .headers = CACHE_HEADERS(span_of(tag))});
        return;
    }
    rows_init(&rows, &d->query, &d->range, limits);
    if (add_pages(&rows, answer, &e) == 0)
        send_rows(r, d, &rows, answer, span_of(tag));
    else
        api_send_refusal(r, &e);
    rows_clear(&rows);
}

/* ------------------------------------------------------------------ reading */

static void send_unread(struct http_request *r, const struct err *e)
{
    if (e->kind == ERR_BUSY)
        http_send_problem(r, &(struct http_problem){.slug = "not-ready", .retry_after_s = 1}, "%s",
                          e->text);
    else
        http_send_error(r, e);
}

static int ask(struct rows_read *d, struct err *e);

/* True: the finest tier has expired there, and the step was ours to choose: the next one is asked.
 */
static bool ask_coarser(struct rows_read *d, int64_t now_us)
{
    struct refusal e = {0};
    if (d->range.step_given || d->finest + 1 >= d->query.plan->n_tiers)
        return false;
    d->finest++;
    return make_range(d, now_us, &e) == 0 && ask(d, &e.err) == 0;
}

/* ------------------------------------------------------------------ another definition */

static bool prepare(struct http_request *r, struct rows_read *d, const struct plan *p);

/* Redis holds another definition than was asked by: the view is just being switched. The request
 * means what that definition makes of it. */
static void ask_by(struct http_request *r, struct rows_read *d, const struct plan *p)
{
    struct err e = {0};
    d->finest = 0;
    if (prepare(r, d, p)) {
        if (ask(d, &e) == 0)
            return;
        send_unread(r, &e);
    }
    free_read(d);
}

/* This process may not have heard of it yet: PostgreSQL knows. */
struct looking {
    struct rows_read *read;
    char definition[65];
};

static int work_look(struct task *t, struct task_thread *thread)
{
    struct sql *sql;
    return task_sql(thread, &sql, &t->refusal.err) == 0
               ? view_set_refresh(t->api->parts.views, sql, &t->refusal.err)
               : -1;
}

static void on_looked(struct task *t)
{
    struct looking *k = t->data;
    struct rows_read *d = k->read;
    struct http_request *r = http_ticket_request(d->ticket);
    const struct plan *p = NULL;
    char name[VIEW_NAME_BYTES];
    memcpy(name, d->view.name, sizeof name);
    if (view_set_find(d->api->parts.views, span_of(name), &d->view))
        p = view_entry_defined(&d->view, k->definition);
    task_free(t);
    if (r != NULL && p != NULL) {
        ask_by(r, d, p);
        return;
    }
    struct err e = {0};
    err_set(&e, ERR_BUSY, "view %s: it is being rebuilt", name);
    if (r != NULL)
        send_unread(r, &e);
    free_read(d);
}

static int look(struct http_request *r, struct rows_read *d, const char *definition, struct err *e)
{
    struct task *t = task_new(r, d->api, work_look, sizeof(struct looking));
    struct looking *k = t->data;
    k->read = d;
    memcpy(k->definition, definition, sizeof k->definition);
    t->on_done = on_looked;
    if (workers_submit(d->api->workers, &t->job, e) == 0)
        return 0;
    task_free(t);
    return -1;
}

static void on_foreign(struct http_request *r, struct rows_read *d, const struct view_state *found)
{
    const struct plan *p = view_entry_defined(&d->view, found->definition);
    struct err e = {0};
    if (p != NULL) {
        ask_by(r, d, p);
        return;
    }
    if (!d->looked) {
        d->looked = true;
        if (look(r, d, found->definition, &e) == 0)
            return;
    } else {
        err_set(&e, ERR_BUSY, "view %s: it is being rebuilt", d->view.name);
    }
    send_unread(r, &e);
    free_read(d);
}

static void on_answer(void *context, const struct view_answer *answer, const struct err *e)
{
    struct rows_read *d = context;
    struct http_request *r = http_ticket_request(d->ticket);
    struct refusal expired = {0};
    if (r != NULL && answer != NULL && e != NULL) {
        on_foreign(r, d, &answer->state);
        return;
    }
    if (r != NULL && e != NULL) {
        send_unread(r, e);
    } else if (r != NULL && answer->site_known &&
               range_check_kept(&d->range, d->query.plan, answer->site_watermark_us, &expired) !=
                   0) {
        if (ask_coarser(d, http_loop_now_us(http_loop_of(r))))
            return;
        api_send_refusal(r, &expired);
    } else if (r != NULL) {
        answer_rows(r, d, answer);
    }
    free_read(d);
}

static int ask(struct rows_read *d, struct err *e)
{
    const struct range *g = &d->range;
    struct view_page_ref *pages = arena_alloc(&d->arena, (g->n_pages + 1) * sizeof *pages);
    for (uint32_t i = 0; i < g->n_pages; i++)
        pages[i] = (struct view_page_ref){g->pages[i].tier, g->pages[i].start_us};
    struct view_question q = {.plan = d->query.plan,
                              .site = d->site,
                              .pages = pages,
                              .n_pages = g->n_pages,
                              .on_answer = on_answer,
                              .context = d};
    return view_reader_ask(d->reader, &q, e);
}

/* ------------------------------------------------------------------ the handler */

/* Takes everything out of the request; false: it is answered. */
static bool prepare(struct http_request *r, struct rows_read *d, const struct plan *p)
{
    struct refusal e = {0};
    int form = accept_choose(http_header(r, "accept"), rows_media_types);
    if (form < 0) {
        http_send_problem(r, &(struct http_problem){.slug = "not-acceptable", .field = "accept"},
                          "give application/json, application/msgpack or text/csv");
        return false;
    }
    d->form = (enum rows_form)form;
    if (take_query(r, p, &d->query, &e) != 0 ||
        choose_site(d, http_identity_of(r)->site, &e) != 0) {
        api_send_refusal(r, &e);
        return false;
    }
    if (!api_allow_site(r, d->site))
        return false;
    if (make_range(d, http_loop_now_us(http_loop_of(r)), &e) == 0)
        return true;
    api_send_refusal(r, &e);
    return false;
}

/* False: it is answered. */
static bool find_view(struct http_request *r, const struct api *a, struct span name,
                      struct view_entry *out)
{
    const struct http_problem not_ready = {.slug = "not-ready", .retry_after_s = 2};
    bool found = view_set_find(a->parts.views, name, out);
    if (!found)
        api_send_not_found(r, "view", name);
    else if (out->state == VIEW_BUILDING)
        http_send_problem(r, &not_ready,
                          "view %s is being built from the log; repeat when it is done", out->name);
    else if (out->state == VIEW_FAILED)
        http_send_problem(r, &not_ready, "view %s is not kept: %s", out->name, out->failure);
    return found && out->state == VIEW_READY;
}

void rows_get(struct http_request *r, void *context)
{
    struct api *a = context;
    struct span name = http_path_param(r, "name");
    struct view_entry view;
    struct err e = {0};
    if (!find_view(r, a, name, &view))
        return;
    struct rows_read *d = mem_alloc(sizeof *d);
    d->api = a;
    d->view = view;
    d->reader = api_loop_of(a, r)->reader;
    if (!prepare(r, d, view.plan)) {
        arena_clear(&d->arena);
        free(d);
        return;
    }
    if (ask(d, &e) == 0) {
        d->ticket = http_defer(r);
        return;
    }
    send_unread(r, &e);
    arena_clear(&d->arena);
    free(d);
}

/* ------------------------------------------------------------------ the route */

static const struct http_param_doc params[] = {
    {"site", "query", "{\"type\":\"string\"}", "Required unless the token is for one site."},
    {"from", "query", "{\"type\":\"string\"}",
     "RFC 3339 or Unix seconds, inclusive; default 24 hours before `to`."},
    {"to", "query", "{\"type\":\"string\"}", "RFC 3339 or Unix seconds, exclusive; default now."},
    {"step", "query",
     "{\"type\":\"string\",\"pattern\":\"^(minute|hour|day|week|month|all|[0-9]{1,5}[smh])$\"}",
     "Length of a slot: minute, 15m, hour, day, week (from Monday), month, all, or seconds, "
     "minutes "
     "or hours up to a day (30s, 5m, 6h), a multiple of what the view keeps. Default: fits range "
     "and view. At most 10,000 slots."},
    {"window", "query",
     "{\"type\":\"string\",\"pattern\":\"^(minute|hour|day|week|[0-9]{1,7}[smhd])$\"}",
     "Length of hopping windows, a multiple of `step` (day or less): a window begins at every step "
     "and counts what lies in [time, time + window), also beyond `to`. `from` and `to` are rounded "
     "outwards to whole steps. At most 1,000 steps."},
    {"by", "query", "{\"type\":\"string\"}",
     "Dimensions to keep, comma-separated; default all, empty: none."},
    {"filter[dim]", "query", "{\"type\":\"string\"}",
     "Only groups with this value of dim (a whole number, true or false where dim is of that "
     "type); "
     "repeat for any of several."},
    {"filter[dim]!", "query", "{\"type\":\"string\"}", "Only groups without this value of dim."},
    {"null[dim]", "query", "{\"type\":\"string\",\"enum\":[\"true\",\"false\"]}",
     "true: groups in which dim is NULL (too); false: none of them."},
    {"tz", "query", "{\"type\":\"string\",\"default\":\"UTC\"}",
     "IANA time zone of days and of the times in the answer."},
    {"order", "query", "{\"type\":\"string\",\"default\":\"time,-pageviews\"}",
     "Columns of the answer, comma-separated, - for descending; measures that are NULL come last. "
     "Default: the view's own ORDER BY, else time and the first measure, descending."},
    {"limit", "query", "{\"type\":\"integer\",\"minimum\":0,\"maximum\":10000,\"default\":1000}",
     "Rows at most. Default: the view's own LIMIT, else 1000."},
    {"offset", "query", "{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000000,\"default\":0}",
     "Rows to leave out."},
    {"fill", "query", "{\"type\":\"integer\",\"enum\":[0]}", "0: slots without events are shown."},
    {"if-none-match", "header", "{\"type\":\"string\"}", "An ETag: 304 when nothing has changed."},
    {0},
};

static const char rows_schema[] =
    "{\"type\":\"object\",\"required\":[\"view\",\"site\",\"from\",\"to\",\"step\",\"tz\","
    "\"columns\","
    "\"rows\",\"total_rows\",\"totals\",\"as_of\"],\"properties\":{"
    "\"view\":{\"type\":\"string\"},\"site\":{\"type\":\"string\"},"
    "\"from\":{\"type\":\"string\",\"format\":\"date-time\"},"
    "\"to\":{\"type\":\"string\",\"format\":\"date-time\"},"
    "\"step\":{\"type\":\"string\"},\"window\":{\"type\":\"string\"},\"tz\":{\"type\":\"string\"},"
    "\"columns\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
    "\"rows\":{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":{\"type\":[\"string\","
    "\"number\",\"boolean\",\"null\"]}}},"
    "\"total_rows\":{\"type\":\"integer\"},"
    "\"totals\":{\"type\":\"object\",\"additionalProperties\":{\"type\":[\"number\","
    "\"null\"]}},"
    "\"approximate\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"number\"}},"
    "\"as_of\":{\"type\":\"object\",\"required\":[\"offset\",\"watermark\",\"generation\"],"
    "\"properties\":{\"offset\":{\"type\":\"integer\"},"
    "\"watermark\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"},"
    "\"generation\":{\"type\":\"integer\"}}}}}";

static const struct http_answer_doc answers[] = {
    {200, "application/json",
     "The rows. `from` and `to` are rounded outwards to whole slots of the finest tier; `totals` "
     "covers the whole range, whatever HAVING leaves out; `total_rows` counts the rows that it "
     "leaves, "
     "before limit and offset. Numbers have all their decimals; what has no value is null.",
     rows_schema},
    {200, "application/msgpack",
     "The same as MessagePack; a number that is not whole, or has more than 64 bits, as a double.",
     NULL},
    {200, "text/csv", "The rows, with a line of names.", NULL},
    {304, NULL, "The ETag still holds.", NULL},
    {0},
};

const struct http_route rows_routes[] = {
    {.method = "GET",
     .pattern = "/v1/views/{name}/rows",
     .scope = SCOPE_READ,
     .handler = rows_get,
     .operation = "readRows",
     .summary = "Rows of a view for a site and a range of time",
     .params = params,
     .answers = answers},
    {0},
};
