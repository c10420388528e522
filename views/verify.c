/* SPDX-License-Identifier: Apache-2.0 */
/* Walks what PostgreSQL gives, sites and times ascending, and makes of it one page per tier at a
 * time: when the rows have passed it, it is complete and compared with Redis. */
#include "views/verify.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/pack.h"
#include "base/table.h"
#include "log/view_sql.h"
#include "views/definition_sql.h"
#include "views/session.h"
#include "views/verify_internal.h"

struct site {
    struct span name;
    int64_t expected_us, stored_us; /* watermarks; INT64_MIN: none */
};

/* A page in Redis' index. */
struct indexed {
    struct page_address at;
    bool seen;
};

struct verify {
    const struct verify_options *options;
    const struct events_scope *scope; /* NULL: all */
    struct verify_result *result;
    struct sql *sql;
    struct store *store;
    struct arena arena;
    struct table sites;
    uint64_t seed;
    struct site **all_sites;
    size_t n_sites, cap_sites;
    struct indexed *index; /* sorted by site, tier, start */
    size_t n_index, cap_index;
    struct page *pages[PLAN_MAX_TIERS]; /* being made; NULL: none */
    struct digest stored_digest;
    struct buf group;
};

/* ---- sites */

static bool is_site(const void *item, const void *key)
{
    return span_equal(((const struct site *)item)->name, *(const struct span *)key);
}

static struct site *site_of(struct verify *v, struct span name)
{
    uint64_t hash = hash_bytes(v->seed, name);
    struct site *s = table_find(&v->sites, hash, &name, is_site);
    if (s != NULL)
        return s;
    s = arena_alloc(&v->arena, sizeof(*s));
    *s = (struct site){arena_copy(&v->arena, name), INT64_MIN, INT64_MIN};
    table_put(&v->sites, hash, s);
    if (v->n_sites == v->cap_sites) {
        v->cap_sites = v->cap_sites == 0 ? 64 : v->cap_sites * 2;
        v->all_sites = mem_resize(v->all_sites, v->cap_sites * sizeof(struct site *));
    }
    return v->all_sites[v->n_sites++] = s;
}

static bool has_site(const struct verify *v, struct span site)
{
    return v->scope == NULL || span_absent(v->scope->site) || span_equal(v->scope->site, site);
}

static int take_expected_site(void *context, struct span site, int64_t watermark_us, struct err *e)
{
    (void)e;
    site_of(context, site)->expected_us = watermark_us;
    return 0;
}

static void take_stored_site(void *context, struct span site, int64_t watermark_us)
{
    struct verify *v = context;
    if (has_site(v, site))
        site_of(v, site)->stored_us = watermark_us;
}

static void describe_time(char out[40], int64_t time_us)
{
    if (time_us == INT64_MIN)
        memcpy(out, "none", 5);
    else
        snprintf(out, 40, "%lld us", (long long)time_us);
}

static int ask_watermarks(struct verify *v, const struct events_scope *scope, struct err *e)
{
    struct view_sql_each_site each = {take_expected_site, v};
    struct events_range range = {.partition = v->options->ref.partition,
                                 .to_seq = v->options->state->offset,
                                 .scope = scope};
    return view_sql_watermarks(v->sql, &range, &each, e);
}

/* Of one site: whatever is above what is stored lies in batches that reach so far, and only when
 * nothing does the others have to be asked. */
static int ask_site(struct verify *v, struct span name, struct err *e)
{
    struct site *s = site_of(v, name);
    bool sensible = s->stored_us >= EVENTS_SCOPE_FIRST_US && s->stored_us < EVENTS_SCOPE_LAST_US;
    struct events_scope scope = {name, sensible ? s->stored_us : INT64_MIN, INT64_MAX};
    if (ask_watermarks(v, &scope, e) != 0)
        return -1;
    if (s->expected_us != INT64_MIN || scope.from_us == INT64_MIN)
        return 0;
    scope.from_us = INT64_MIN;
    return ask_watermarks(v, &scope, e);
}

static int expect_sites(struct verify *v, struct err *e)
{
    if (v->scope == NULL)
        return ask_watermarks(v, NULL, e);
    if (!span_absent(v->scope->site))
        return ask_site(v, v->scope->site, e);
    for (size_t i = 0; i < v->n_sites; i++)
        v->all_sites[i]->expected_us = v->all_sites[i]->stored_us;
    return 0;
}

static int compare_sites(struct verify *v, struct err *e)
{
    const struct verify_options *o = v->options;
    if (store_each_site(v->store, &o->ref, take_stored_site, v, e) != 0 || expect_sites(v, e) != 0)
        return -1;
    for (size_t i = 0; i < v->n_sites; i++) {
        const struct site *s = v->all_sites[i];
        char expected[40], stored[40];
        if (s->expected_us == s->stored_us)
            continue;
        describe_time(expected, s->expected_us);
        describe_time(stored, s->stored_us);
        verify_differ(v->result, &(struct verify_place){.plan = o->plan, .site = s->name},
                      "watermark", expected, stored);
    }
    return 0;
}

/* ---- the scope */

static bool has_page(const struct verify *v, const struct page_address *at)
{
    const struct tier *t = v->options->plan->tiers[at->tier];
    return has_site(v, at->site) &&
           (v->scope == NULL || (at->start_us >= v->scope->from_us &&
                                 tier_page_end(t, at->start_us) <= v->scope->to_us));
}

/* ---- the index */

static int compare_addresses(const void *a, const void *b)
{
    const struct page_address *x = a, *y = b;
    int order = memcmp(x->site.p, y->site.p, x->site.n < y->site.n ? x->site.n : y->site.n);
    if (order == 0)
        order = (x->site.n > y->site.n) - (x->site.n < y->site.n);
    if (order == 0)
        order = (x->tier > y->tier) - (x->tier < y->tier);
    return order != 0 ? order : (x->start_us > y->start_us) - (x->start_us < y->start_us);
}

static int take_index(void *context, const struct page_address *page, struct err *e)
{
    struct verify *v = context;
    (void)e;
    if (!has_page(v, page))
        return 0;
    if (v->n_index == v->cap_index) {
        v->cap_index = v->cap_index == 0 ? 1024 : v->cap_index * 2;
        v->index = mem_resize(v->index, v->cap_index * sizeof(*v->index));
    }
    v->index[v->n_index++] =
        (struct indexed){{site_of(v, page->site)->name, page->tier, page->start_us}, false};
    return 0;
}

static int read_index(struct verify *v, struct err *e)
{
    struct store_each_page each = {INT64_MIN, INT64_MAX, take_index, v};
    if (v->scope != NULL) {
        each.from_us = v->scope->from_us;
        each.to_us = v->scope->to_us;
    }
    if (store_each_page(v->store, &v->options->ref, v->options->plan, &each, e) != 0)
        return -1;
    _Static_assert(offsetof(struct indexed, at) == 0, "sorted and searched by address");
    if (v->n_index > 0)
        qsort(v->index, v->n_index, sizeof(*v->index), compare_addresses);
    return 0;
}

/* ---- one page */

static int load_page(struct verify *v, struct page **page, struct err *e)
{
    const struct verify_options *o = v->options;
    struct store_pages one = {page, 1};
    return o->ref.snapshot != 0 ? store_load_kept(v->store, &o->ref, o->plan, page, e)
                                : store_load_pages(v->store, &o->ref, o->plan, &one, e);
}

static int compare_page(struct verify *v, const struct page *expected, struct err *e)
{
    const struct verify_options *o = v->options;
    struct page_address at = {page_site(expected), page_tier(expected), page_start(expected)};
    struct page *stored = page_new(o->plan, at.tier, at.site, at.start_us);
    struct err failure = {0};
    struct verify_place place = {
        .plan = o->plan, .site = at.site, .tier = at.tier, .time_us = at.start_us};
    int result = load_page(v, &stored, &failure);
    if (result != 0 && failure.kind == ERR_DATA) { /* spoilt is a difference as well */
        verify_differ(v->result, &place, "page", "readable", failure.text);
        result = 0;
    } else if (result != 0) {
        err_set(e, failure.kind, "%s", failure.text);
    } else {
        verify_compare_pages(v->result, o->plan, expected, stored);
        struct digest d = page_digest(stored);
        v->stored_digest.a += at.tier == 0 ? d.a : 0;
        v->stored_digest.b += at.tier == 0 ? d.b : 0;
    }
    v->result->pages++;
    struct indexed *found =
        v->n_index == 0 ? NULL
                        : bsearch(&at, v->index, v->n_index, sizeof(*v->index), compare_addresses);
    if (found == NULL && page_rows(expected) > 0)
        verify_differ(v->result, &place, "page", "in the index", "not in the index");
    else if (found != NULL)
        found->seen = true;
    page_free(stored);
    return result;
}

static int finish_page(struct verify *v, unsigned tier, struct err *e)
{
    int result = 0;
    if (v->pages[tier] != NULL)
        result = compare_page(v, v->pages[tier], e);
    page_free(v->pages[tier]);
    v->pages[tier] = NULL;
    return result;
}

/* The page of a tier for a time; *out NULL: it has expired, or is not wholly in the scope. */
static int page_for(struct verify *v, const struct site *site, unsigned tier, int64_t time_us,
                    struct page **out, struct err *e)
{
    const struct plan *p = v->options->plan;
    int64_t start_us = tier_slot_of(p->tiers[tier], time_us).page_start_us;
    struct page *open = v->pages[tier];
    *out = NULL;
    if (open != NULL &&
        (page_start(open) != start_us || !span_equal(page_site(open), site->name)) &&
        finish_page(v, tier, e) != 0)
        return -1;
    if (plan_page_expired(p, tier, start_us, site->expected_us) ||
        !has_page(v, &(struct page_address){site->name, tier, start_us}))
        return 0;
    if (v->pages[tier] == NULL)
        v->pages[tier] = page_new(p, tier, site->name, start_us);
    *out = v->pages[tier];
    return 0;
}

/* ---- rows of the definition */

static void add_value(void *context, struct span bytes)
{
    sketch_add(context, sketch_hash(bytes.p, bytes.n), NULL);
}

/* A number that the measure's scale cannot hold is a difference that nothing stored has: the
 * definition and the plan say different things. */
static int take_number(const struct plan_measure *m, int64_t n, struct span number,
                       union measure_value *v, struct err *e)
{
    int128 value = 0;
    if (!span_absent(number) && measure_parse(number, m->scale, &value) != 0)
        return err_set(e, ERR_DATA, "PostgreSQL gives %s as %.*s, which %u decimals do not hold",
                       m->name, (int)(number.n < 60 ? number.n : 60), number.p, m->scale);
    v->count = n;
    measure_set_number(v, value);
    return 0;
}

static int take_measures(const struct plan *p, const struct view_sql_row *row,
                         union measure_value *values, struct err *e)
{
    int result = 0;
    for (unsigned i = 0; i < p->n_measures; i++) {
        union measure_value *value = &values[p->measures[i].at];
        value->count = row->measures[i].count;
        if (measure_is_wide(&p->measures[i]) && result == 0)
            result =
                take_number(&p->measures[i], row->measures[i].n, row->measures[i].number, value, e);
        if (p->measures[i].kind != AGGREGATE_COUNT_DISTINCT)
            continue;
        value->sketch = sketch_new();
        if (result == 0)
            result = view_sql_each_value(row->measures[i].values, add_value, value->sketch, e);
    }
    return result;
}

static int apply_row(struct verify *v, const struct view_sql_row *row,
                     const union measure_value *values, struct err *e)
{
    const struct plan *p = v->options->plan;
    const struct site *site = site_of(v, row->site);
    buf_reset(&v->group);
    pack_array(&v->group, p->n_dimensions);
    for (unsigned i = 0; i < p->n_dimensions; i++) {
        struct group_value value;
        if (!group_parse_sql(p->dimensions[i].value->type, row->dimensions[i], &value))
            return err_set(e, ERR_DATA, "PostgreSQL gives %s as %.*s", p->dimensions[i].name,
                           SPAN_ARGS(row->dimensions[i]));
        group_pack(&v->group, &value);
    }
    struct delta d = {.site = site->name,
                      .group = buf_span(&v->group),
                      .tier = 0,
                      .at = tier_slot_of(p->tiers[0], row->time_us),
                      .rows = row->rows,
                      .values = values};
    for (unsigned tier = 0; tier < p->n_tiers; tier++) {
        struct page *page;
        if (page_for(v, site, tier, row->time_us, &page, e) != 0)
            return -1;
        if (page != NULL)
            page_apply(page, &d, NULL);
    }
    return 0;
}

static int take_row(void *context, const struct view_sql_row *row, struct err *e)
{
    struct verify *v = context;
    const struct verify_options *o = v->options;
    union measure_value values[PLAN_MAX_WORDS] = {{0}};
    if (v->result->groups++ % 256 == 0 && o->tick != NULL && o->tick(o->context, e) != 0)
        return -1;
    int result = take_measures(o->plan, row, values, e);
    if (result == 0)
        result = apply_row(v, row, values, e);
    for (unsigned i = 0; i < o->plan->n_measures; i++)
        if (o->plan->measures[i].kind == AGGREGATE_COUNT_DISTINCT)
            sketch_free(values[o->plan->measures[i].at].sketch);
    return result;
}

/* What the log is cut to. Sessions that start in the scope are made of what is from their gap
 * before it on (session_rows.h), and may go on behind it. */
static const struct events_scope *sql_scope(const struct verify *v, struct events_scope *wider)
{
    if (v->scope == NULL || v->options->plan->relation == &RELATION_EVENTS)
        return v->scope;
    *wider = (struct events_scope){v->scope->site, INT64_MIN, INT64_MAX};
    if (v->scope->from_us >= EVENTS_SCOPE_FIRST_US + SESSION_GAP_US)
        wider->from_us = v->scope->from_us - SESSION_GAP_US;
    return wider;
}

static int compare_definition(struct verify *v, struct err *e)
{
    struct events_scope wider;
    const struct verify_options *o = v->options;
    const struct plan *p = o->plan;
    struct buf select = {0};
    if (definition_sql(p, &select, e) != 0)
        return -1;
    struct view_sql_query q = {.select = buf_span(&select),
                               .over_sessions = p->relation == &RELATION_SESSIONS,
                               .columns = plan_columns(p),
                               .partition = o->ref.partition,
                               .to_seq = o->state->offset,
                               .scope = sql_scope(v, &wider),
                               .n_dimensions = p->n_dimensions,
                               .n_measures = p->n_measures};
    _Static_assert((int)PLAN_MAX_MEASURES <= (int)VIEW_SQL_MAX_COLUMNS &&
                       (int)PLAN_MAX_DIMENSIONS <= (int)VIEW_SQL_MAX_COLUMNS,
                   "every plan fits");
    for (unsigned i = 0; i < p->n_dimensions; i++)
        q.dimensions[i] = p->dimensions[i].name;
    for (unsigned i = 0; i < p->n_measures; i++)
        q.measures[i] = (struct view_sql_measure){p->measures[i].name,
                                                  p->measures[i].kind == AGGREGATE_COUNT_DISTINCT,
                                                  aggregate_words(p->measures[i].kind) > 1};
    struct view_sql_each each = {take_row, v};
    int result = view_sql_run(v->sql, &q, &each, e);
    buf_clear(&select);
    for (unsigned tier = 0; tier < p->n_tiers; tier++)
        if (finish_page(v, tier, result == 0 ? e : NULL) != 0)
            result = -1;
    return result;
}

/* Pages in Redis that the definition gives nothing for. */
static int compare_rest(struct verify *v, struct err *e)
{
    for (size_t i = 0; i < v->n_index; i++) {
        const struct page_address *at = &v->index[i].at;
        if (v->index[i].seen)
            continue;
        struct page *nothing = page_new(v->options->plan, at->tier, at->site, at->start_us);
        uint64_t before = v->result->n_differences;
        int result = compare_page(v, nothing, e);
        page_free(nothing);
        if (result != 0)
            return -1;
        if (v->result->n_differences == before)
            verify_differ(v->result,
                          &(struct verify_place){.plan = v->options->plan,
                                                 .site = at->site,
                                                 .tier = at->tier,
                                                 .time_us = at->start_us},
                          "page", "not in the index", "in the index, and empty");
    }
    return 0;
}

static void compare_digest(struct verify *v)
{
    char expected[33], stored[33];
    if (v->scope != NULL || digest_equal(v->stored_digest, v->options->state->digest))
        return;
    digest_format(v->options->state->digest, expected);
    digest_format(v->stored_digest, stored);
    verify_differ(v->result, &(struct verify_place){.plan = v->options->plan, .site = {"", 0}},
                  "digest", expected, stored);
}

/* ---- all of it */

static int is_unchanged(struct verify *v, bool *unchanged, struct err *e)
{
    struct view_state now;
    bool found;
    if (store_watch_state(v->store, &v->options->ref, &now, &found, e) != 0)
        return -1;
    *unchanged = found && now.offset == v->options->state->offset &&
                 digest_equal(now.digest, v->options->state->digest);
    return 0;
}

/* What was read is one state only if it is there still. */
static int check_state(struct verify *v, struct err *e)
{
    const struct view_ref *ref = &v->options->ref;
    bool good = false;
    if ((ref->snapshot != 0 ? store_snapshot_is_open(v->store, ref, &good, e)
                            : is_unchanged(v, &good, e)) != 0)
        return -1;
    v->result->lost = !good;
    return good ? 0
                : err_set(e, ERR_BUSY, "what view %s was could not be kept while it was verified",
                          v->options->plan->name);
}

static int run(struct verify *v, struct err *e)
{
    const struct verify_options *o = v->options;
    if (sql_open(&v->sql, o->postgres_uri, e) != 0)
        return -1;
    sql_set_patience(v->sql, 0); /* the first row comes when all events have been read */
    sql_set_tick(v->sql, o->tick, o->context);
    if (store_open(&v->store, &o->store, e) != 0 || compare_sites(v, e) != 0 ||
        read_index(v, e) != 0 || compare_definition(v, e) != 0 || compare_rest(v, e) != 0 ||
        check_state(v, e) != 0)
        return -1;
    compare_digest(v);
    return 0;
}

int verify_view(const struct verify_options *o, struct verify_result *out, struct err *e)
{
    struct verify v = {.options = o, .scope = o->scope, .result = out, .seed = hash_seed()};
    *out = (struct verify_result){0};
    int result = run(&v, e);
    for (unsigned tier = 0; tier < PLAN_MAX_TIERS; tier++)
        page_free(v.pages[tier]);
    sql_close(v.sql);
    store_close(v.store);
    table_clear(&v.sites);
    arena_clear(&v.arena);
    free(v.all_sites);
    free(v.index);
    buf_clear(&v.group);
    return result;
}
