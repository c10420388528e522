/* SPDX-License-Identifier: Apache-2.0 */
/* A query on its thread: from the SELECT to the bytes of the answer. */
#include "api/query.h"

#include <stdio.h>
#include <openssl/evp.h>

#include "base/diag.h"
#include "base/thread.h"

enum {
    MAX_CELLS = 500000,
    MAX_MEMORY = 256 << 20, /* of the groups, over all threads of a query */
    MAX_ANSWER = 64 << 20,
    NICE = 5, /* events and live views go first */
    CACHE_TIMEOUT_MS = 500,
    MUCH_READ = 500000, /* events, after which memory is given back to the system */
};
#define CACHE_PAUSE_US (5 * US_PER_SECOND)

static const struct rows_limits limits = {
    .max_groups = 100000, .max_cells = MAX_CELLS, .max_sketch_bytes = 64 << 20};

/* ------------------------------------------------------------------ a thread */

void *query_thread_open(void *context)
{
    struct query_thread *q = mem_alloc(sizeof *q);
    q->api = context;
    q->task.postgres_uri = q->api->parts.postgres_uri;
    thread_be_nice(NICE);
    return q;
}

void query_thread_close(void *thread)
{
    struct query_thread *q = thread;
    query_runner_close(q->runner);
    store_close(q->cache);
    task_thread_close(&q->task);
}

static int runner_of(struct query_thread *q, struct query_runner **out, struct err *e)
{
    const struct query_runner_options o = {.postgres_uri = q->api->parts.postgres_uri,
                                           .n_threads = q->api->query_threads,
                                           .max_cells = MAX_CELLS,
                                           .max_bytes = MAX_MEMORY};
    if (q->runner == NULL && query_runner_open(&q->runner, &o, e) != 0)
        return -1;
    *out = q->runner;
    return 0;
}

/* ------------------------------------------------------------------ answers that are kept */

/* Without Redis a query is answered all the same. */
static void give_cache_up(struct query_thread *q, const struct err *e)
{
    diag(DIAG_WARNING, "query", "answers are not kept for now: %s", e->text);
    store_close(q->cache);
    q->cache = NULL;
    q->cache_again_us = clock_monotonic_us() + CACHE_PAUSE_US;
}

static struct store *cache_of(struct query_thread *q)
{
    const struct store_options o = {q->api->parts.redis_uri, CACHE_TIMEOUT_MS};
    struct err e = {0};
    if (q->cache != NULL || clock_monotonic_us() < q->cache_again_us)
        return q->cache;
    if (store_open(&q->cache, &o, &e) != 0)
        give_cache_up(q, &e);
    return q->cache;
}

/* The SELECT as it was given, not its canonical form: so that PostgreSQL need not be asked for
 * that. Texts end with NUL. */
static struct store_cache_key key_of(const struct query_thread *q, const struct task *t,
                                     const struct query_head *head)
{
    const struct query_task *d = t->data;
    struct store_cache_key key = {.prefix = q->api->parts.redis_prefix, .offset = head->offset};
    const char *const texts[] = {FOOTFALL_VERSION,       head->log.log_id, d->site,
                                 zone_name(d->ask.zone), d->ask.order,     d->ask.limit,
                                 d->ask.offset,          d->ask.step.name};
    struct buf all = {0};
    buf_printf(&all, "%d %lld %lld ", (int)d->form, (long long)d->ask.range_us[0],
               (long long)d->ask.range_us[1]);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        buf_put(&all, texts[i], strlen(texts[i]) + 1);
    buf_put_span(&all, buf_span(&t->input));
    EVP_Digest(all.p, all.n, key.hash, NULL, EVP_sha256(), NULL);
    buf_clear(&all);
    return key;
}

static bool find_kept(struct query_thread *q, const struct store_cache_key *key, struct buf *body)
{
    struct store *s = cache_of(q);
    struct err e = {0};
    bool found = false;
    if (s != NULL && store_cache_get(s, key, body, &found, &e) != 0)
        give_cache_up(q, &e);
    return found;
}

static void keep(struct query_thread *q, const struct store_cache_key *key, const struct buf *body)
{
    struct store *s = cache_of(q);
    struct err e = {0};
    if (s != NULL && store_cache_put(s, key, buf_span(body), &e) != 0)
        give_cache_up(q, &e);
}

/* ------------------------------------------------------------------ from pages to rows */

static struct range_step step_of(const struct plan *p)
{
    static const struct {
        int64_t us;
        const char *name;
    } names[] = {{US_PER_MINUTE, "minute"}, {US_PER_HOUR, "hour"}, {US_PER_DAY, "day"}};
    struct range_step step = {STEP_FIXED, p->bucket_us, ""};
    long long s = p->bucket_us / US_PER_SECOND;
    if (p->bucket_us == 0)
        return (struct range_step){STEP_ALL, 0, "all"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].us == p->bucket_us) {
            snprintf(step.name, sizeof step.name, "%s", names[i].name);
            return step;
        }
    if (s % 60 != 0)
        snprintf(step.name, sizeof step.name, "%llds", s);
    else
        snprintf(step.name, sizeof step.name, "%lld%c", s % 3600 == 0 ? s / 3600 : s / 60,
                 s % 3600 == 0 ? 'h' : 'm');
    return step;
}

/* The scope's slots as those of an answer. */
static void make_slots(struct range *g, const struct query_task *d, const struct query_scope *s,
                       struct arena *a)
{
    const struct tier *t = &s->slots;
    int64_t start_us = tier_slot_time(t, tier_slot_of(t, s->from_us));
    *g = (struct range){.zone = d->ask.zone,
                        .from_us = s->from_us,
                        .to_us = s->to_us,
                        .step = step_of(&s->plan),
                        .n_slots = (uint32_t)((s->to_us - 1 - start_us) / t->slot_us) + 1,
                        .window_slots = 1};
    g->n_read = g->n_slots;
    g->slot_us = arena_alloc(a, g->n_slots * sizeof *g->slot_us);
    for (uint32_t i = 0; i < g->n_slots; i++)
        g->slot_us[i] = start_us + i * t->slot_us;
}

static int make_range(struct range *g, const struct query_task *d, const struct query_scope *s,
                      struct arena *a, struct refusal *e)
{
    const struct range_step unit = step_of(&s->plan);
    const struct range_exact exact = {.from_us = s->from_us,
                                      .to_us = s->to_us,
                                      .zone = d->ask.zone,
                                      .step = d->ask.step,
                                      .unit_us = s->plan.bucket_us,
                                      .unit_name = unit.name};
    if (d->ask.has_step)
        return range_make_exact(g, &exact, a, e);
    make_slots(g, d, s, a);
    return 0;
}

struct adding {
    struct rows *rows;
    const struct tier *tier;
    struct range_page page;
    struct refusal *e;
};

/* Where the slots of a page are in the answer. */
static void turn_to_page(struct adding *a, int64_t page_start_us)
{
    const struct range *g = a->rows->range;
    a->page.start_us = page_start_us;
    for (unsigned i = 0; i < a->tier->max_slots; i++)
        a->page.slot[i] = (int32_t)range_slot_at(g, page_start_us + i * a->tier->slot_us);
}

static int add_row(void *context, int64_t page_start_us, struct span group, struct span value)
{
    struct adding *a = context;
    if (a->page.start_us != page_start_us)
        turn_to_page(a, page_start_us);
    return rows_add(a->rows, &a->page, group, value, a->e);
}

static int refuse_much(struct refusal *e)
{
    *e = (struct refusal){0};
    return refuse(e, "sql",
                  "sql: more than %u groups, %u groups and time buckets, or %d MiB of them; group "
                  "by less, take a longer bucket, a shorter range, or leave some out by WHERE",
                  limits.max_groups, limits.max_cells, MAX_MEMORY >> 20);
}

static int add_pages(struct rows *rows, const struct query_scope *s, const struct query_pages *p,
                     struct refusal *e)
{
    int32_t slots[UINT8_MAX];
    struct adding a = {rows, &s->slots, {0, INT64_MIN, slots}, e};
    if (query_pages_each(p, add_row, &a) == 0 && rows_finish(rows, e) == 0)
        return 0;
    return e->err.kind == ERR_INPUT ? refuse_much(e) : -1;
}

/* ------------------------------------------------------------------ the work */

struct working {
    struct task *task;
    struct query_task *d;
    struct query_thread *thread;
    struct query_runner *runner;
    struct query_patience patience;
    struct query_head head;
    struct query_scope scope;
    struct range range; /* the slots of the answer */
    struct rows_query query;
    struct query_result result;
    struct arena arena;
};

static bool is_cancelled(void *context)
{
    const struct query_task *d = context;
    return atomic_load(&d->gone) || atomic_load(d->stopping);
}

/* Without GROUP BY there is one row, also of no events. */
static bool is_one_row(const struct plan *p)
{
    return p->bucket_us == 0 && p->n_dimensions == 0 &&
           strstr(p->canonical, "\n  GROUP BY ") == NULL; /* as pg_get_viewdef writes it */
}

/* order, limit and offset are parameters of rows. */
static int take_query(struct working *w)
{
    const struct query_ask *ask = &w->d->ask;
    const char *const given[][2] = {
        {"order", ask->order}, {"limit", ask->limit}, {"offset", ask->offset}};
    struct query_param params[3];
    size_t n = 0;
    for (size_t i = 0; i < 3; i++)
        if (given[i][1][0] != '\0')
            params[n++] = (struct query_param){span_of(given[i][0]), span_of(given[i][1])};
    if (rows_query_parse(&w->query, &w->scope.plan, params, n, &w->task->refusal) != 0)
        return -1;
    w->query.fill = is_one_row(&w->scope.plan);
    return 0;
}

static int run(struct working *w)
{
    struct refusal *e = &w->task->refusal;
    const struct query_call call = {&w->scope, w->head.offset, w->patience};
    int result = query_run(w->runner, &call, &w->result, &e->err);
    w->d->read = w->result.read;
    return w->result.end == QUERY_FULL ? refuse_much(e) : result;
}

static int write(struct working *w)
{
    struct rows rows;
    struct refusal *e = &w->task->refusal;
    const struct query_counts *counts = &w->result.counts;
    const struct rows_about about = {.site = span_of(w->d->site),
                                     .sql = w->scope.plan.canonical,
                                     .offset = w->head.offset,
                                     .has_watermark = counts->latest_us != INT64_MIN,
                                     .watermark_us = counts->latest_us};
    rows_init(&rows, &w->query, &w->range, limits);
    int result = add_pages(&rows, &w->scope, &w->result.pages, e);
    w->task->body.max = MAX_ANSWER;
    if (result == 0)
        rows_write(&rows, &about, w->d->form, &w->task->body);
    if (w->task->body.failed)
        result = refuse(e, "limit", "limit: the answer is over %d bytes; take fewer rows",
                        (int)MAX_ANSWER);
    rows_clear(&rows);
    return result;
}

static int answer_plan(struct working *w, const struct plan *p)
{
    struct refusal *e = &w->task->refusal;
    int result = -1;
    if (query_scope_init(&w->scope, p, span_of(w->d->site), w->d->ask.range_us, &e->err) != 0)
        snprintf(e->field, sizeof e->field, "sql");
    else if (make_range(&w->range, w->d, &w->scope, &w->arena, e) == 0 && take_query(w) == 0 &&
             run(w) == 0)
        result = write(w);
    query_result_clear(&w->result);
    return result;
}

/* It is freed with definition_free. */
static int make_plan(struct working *w, struct plan **out)
{
    struct refusal *e = &w->task->refusal;
    struct sql *sql;
    if (task_sql(&w->thread->task, &sql, &e->err) != 0)
        return -1;
    sql_set_tick(sql, query_tick, &w->patience);
    int result = definition_of_query(sql, buf_span(&w->task->input), out, &w->d->place, &e->err);
    sql_set_tick(sql, NULL, NULL);
    if (result != 0 && e->err.kind == ERR_INPUT)
        snprintf(e->field, sizeof e->field, "sql");
    return result;
}

static int answer(struct working *w)
{
    struct plan *p;
    if (make_plan(w, &p) != 0)
        return -1;
    int result = answer_plan(w, p);
    definition_free(p);
    return result;
}

static int find_or_answer(struct working *w)
{
    struct err *e = &w->task->refusal.err;
    if (runner_of(w->thread, &w->runner, e) != 0 ||
        query_head(w->runner, &w->patience, &w->head, e) != 0)
        return -1;
    struct store_cache_key key = key_of(w->thread, w->task, &w->head);
    w->task->content_type = rows_content_types[w->d->form];
    if (find_kept(w->thread, &key, &w->task->body)) {
        w->d->outcome = QUERY_OUTCOME_CACHED;
        return 0;
    }
    if (answer(w) != 0)
        return -1;
    w->d->outcome = QUERY_OUTCOME_ANSWERED;
    keep(w->thread, &key, &w->task->body);
    return 0;
}

/* What failed because nobody waited for it any more, or for too long, says so. */
static int explain(struct working *w)
{
    struct refusal *e = &w->task->refusal;
    struct err why = {0};
    enum query_end state =
        e->err.kind == ERR_INPUT ? QUERY_ANSWERED : query_state(&w->patience, &why);
    w->d->outcome = e->err.kind == ERR_INPUT ? QUERY_OUTCOME_REFUSED : QUERY_OUTCOME_FAILED;
    if (state == QUERY_CANCELLED)
        w->d->outcome = QUERY_OUTCOME_CANCELLED;
    if (state != QUERY_TIMED_OUT)
        return -1;
    w->d->outcome = QUERY_OUTCOME_TIMED_OUT;
    *e = (struct refusal){0};
    return task_refuse(w->task, "query-timeout",
                       "the query did not end within %lld ms; take a shorter range or fewer "
                       "columns, or keep it as a view (footfall view add)",
                       (long long)w->thread->api->query_timeout_ms);
}

int query_work(struct task *t, struct task_thread *thread)
{
    struct query_task *d = t->data;
    struct working w = {.task = t,
                        .d = d,
                        .thread = (struct query_thread *)(void *)thread,
                        .patience = {d->deadline_us, is_cancelled, d}};
    int result = query_tick(&w.patience, &t->refusal.err); /* it may have waited long */
    if (result == 0)
        result = find_or_answer(&w);
    arena_clear(&w.arena);
    if (d->read >= MUCH_READ)
        mem_give_back();
    return result == 0 ? 0 : explain(&w);
}
