/* SPDX-License-Identifier: Apache-2.0 */
/* One definition, two executions: random SQL over hostile events gives the same here and in
 * PostgreSQL, whatever the database's locale. What the front end takes never fails in PostgreSQL.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/pack.h"
#include "base/random.h"
#include "log/migrate.h"
#include "log/view_sql.h"
#include "tests/support/log.h"
#include "tests/support/sql_maker.h"
#include "views/aggregate.h"
#include "views/definition.h"
#include "views/definition_sql.h"
#include "views/eval.h"
#include "views/group.h"

enum { EVENTS = 400, BATCH = 100, EXPRESSIONS = 2000, VIEWS = 200, DEPTH = 4 };

struct rig {
    char *uri;
    struct sql *sql;
    struct log_reader *reader;
    struct log_chunk chunk; /* all of the log */
    struct arena memory;
    uint64_t seed;
    unsigned taken, refused, unknown; /* unknown: PostgreSQL does not take it */
};

static uint64_t first_seed(void)
{
    const char *given = getenv("FOOTFALL_TEST_SEED");
    return given == NULL ? (uint64_t)clock_now_us() : strtoull(given, NULL, 10);
}

/* ---- the events ---- */

static struct span maybe(uint64_t *seed)
{
    return random_below(seed, 5) == 0 ? SPAN_ABSENT : span_of(sql_maker_text(seed));
}

static struct event make_event(uint64_t *seed, uint32_t number)
{
    static const int64_t from_us = INT64_C(1767225600000000); /* 2026-01-01 */
    struct event e = log_test_event(number);
    e.time_us = from_us + (int64_t)(random_next(seed) % (uint64_t)(10 * US_PER_DAY));
    e.received_us = e.time_us + random_below(seed, 1000000000);
    e.site = random_below(seed, 3) == 0 ? SPAN_LITERAL("b.example") : SPAN_LITERAL("a.example");
    e.visitor = random_below(seed, 3) == 0 ? random_next(seed) : random_below(seed, 10);
    e.path = maybe(seed);
    e.host = maybe(seed);
    e.query = maybe(seed);
    e.referrer = maybe(seed);
    e.user_id = maybe(seed);
    e.browser = maybe(seed);
    e.bot = random_below(seed, 4) == 0;
    e.props = random_below(seed, 6) == 0 ? SPAN_ABSENT : span_of(sql_maker_props(seed));
    return e;
}

static void append(struct rig *r)
{
    struct log_writer *w = log_test_writer(r->uri);
    for (uint32_t first = 0; first < EVENTS; first += BATCH) {
        struct append *a = log_test_new_append();
        for (uint32_t i = 0; i < BATCH; i++) {
            struct event e = make_event(&r->seed, first + i);
            batch_add(a->batch, &e);
        }
        *append_add_request(a) = (struct append_request){.count = BATCH};
        log_test_append(w, a);
        assert_int_equal(a->requests[0].accepted, BATCH);
        append_free(a);
    }
    log_writer_stop(w);
}

/* ---- the databases ---- */

static char *turkish_database(void)
{
    static unsigned number;
    char *plain = support_postgres();
    char *sql = mem_format("CREATE DATABASE turkish_%u TEMPLATE template0 ENCODING 'UTF8' "
                           "LOCALE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'tr'",
                           ++number);
    free(support_sql(plain, sql));
    const char *query = strchr(plain, '?');
    char *uri = mem_format("postgresql://footfall@/turkish_%u%s", number, query);
    struct err e = {0};
    free(sql);
    free(plain);
    support_ok(migrate_run(uri, MIGRATE_PLAIN, &e), &e);
    return uri;
}

static void open_rig(struct rig *r, char *uri)
{
    struct err e = {0};
    *r = (struct rig){.uri = uri, .seed = first_seed()};
    print_message("FOOTFALL_TEST_SEED=%" PRIu64 "\n", r->seed);
    append(r);
    support_ok(sql_open(&r->sql, uri, &e), &e);
    support_ok(
        sql_run(r->sql, "CREATE TEMP TABLE plain AS SELECT * FROM events", SQL_NO_PARAMS, NULL, &e),
        &e);
    support_ok(log_reader_open(&r->reader, uri, &e), &e);
    const struct log_range all = {
        .to_seq = UINT64_MAX, .columns = ALL_COLUMNS, .max_events = EVENTS};
    support_ok(log_read(r->reader, &all, &r->chunk, &e), &e);
    assert_int_equal(r->chunk.next_seq, EVENTS);
}

static void close_rig(struct rig *r)
{
    print_message("%u taken, %u refused, %u not known to PostgreSQL\n", r->taken, r->refused,
                  r->unknown);
    log_chunk_clear(&r->chunk);
    log_reader_close(r->reader);
    sql_close(r->sql);
    arena_clear(&r->memory);
    free(r->uri);
}

/* ---- expressions ---- */

static const char *text_of_element(enum value_type type, struct span bytes, char room[48])
{
    if (span_absent(bytes))
        return NULL;
    if (type == VALUE_BOOL)
        return element_bool(bytes) ? "true" : "false";
    snprintf(room, 48, "%" PRId64, element_int8(bytes));
    return room;
}

static void check_row(const char *expression, uint64_t seq, struct span got, struct span expected)
{
    if (span_absent(got) != span_absent(expected) || !span_equal(got, expected))
        fail_msg("%s\nevent %" PRIu64 ": evaluated to %s%.*s, PostgreSQL says %s%.*s", expression,
                 seq, span_absent(got) ? "NULL" : "", SPAN_ARGS(got),
                 span_absent(expected) ? "NULL" : "", SPAN_ARGS(expected));
}

static void check_numbers(struct rig *r, const char *expression, const struct expr *x,
                          const struct log_slice *slice, const struct sql_rows *rows)
{
    struct row_slice of = rows_of_log(slice);
    struct numbers n = eval_numbers(x, &of, &r->memory);
    for (uint32_t i = 0; i < slice->count; i++) {
        char room[MEASURE_TEXT_BYTES];
        bool null = n.of_row == NULL ? n.all_null : n.null != NULL && n.null[i];
        int128 value = n.of_row == NULL ? n.all : n.of_row[i];
        struct span got = null ? SPAN_ABSENT : measure_text(value, x->scale, room);
        check_row(expression, slice->first_seq + i, got,
                  sql_value(rows, (int)(slice->first_seq + i), 0));
    }
}

static void check_column(struct rig *r, const char *expression, const struct expr *x,
                         const struct log_slice *slice, const struct sql_rows *rows)
{
    struct row_slice of = rows_of_log(slice);
    struct column_slice column = eval_column(x, &of, &r->memory);
    struct column_cursor cursor = column_cursor_of(&column);
    for (uint32_t i = 0; i < slice->count; i++) {
        char room[48];
        struct span bytes = column_next(&cursor);
        struct span got =
            x->type == VALUE_TEXT ? bytes : span_of(text_of_element(x->type, bytes, room));
        check_row(expression, slice->first_seq + i, got,
                  sql_value(rows, (int)(slice->first_seq + i), 0));
    }
}

/* What the front end takes must not fail, whatever the events hold. */
static void ask_postgresql(struct rig *r, const char *expression, const char *before,
                           const char *after, struct sql_rows *rows)
{
    char *sql = mem_format("%s%s%s", before, expression, after);
    struct err e = {0};
    if (sql_run(r->sql, sql, SQL_NO_PARAMS, rows, &e) != 0)
        fail_msg("%s\nis taken, but fails: %s", expression, e.text);
    free(sql);
}

static void compare_expression(struct rig *r, const char *expression, const struct plan *p)
{
    const struct expr *x = p->n_dimensions == 1 ? p->dimensions[0].value : p->measures[0].value;
    bool numeric = x->type == VALUE_NUMBER;
    struct sql_rows rows = {0};
    ask_postgresql(r, expression, numeric ? "SELECT trim_scale((" : "SELECT (",
                   numeric ? ")::numeric)::text FROM plain ORDER BY seq"
                           : ")::text FROM plain ORDER BY seq",
                   &rows);
    for (uint32_t i = 0; i < r->chunk.count; i++) {
        if (numeric)
            check_numbers(r, expression, x, &r->chunk.slices[i], &rows);
        else
            check_column(r, expression, x, &r->chunk.slices[i], &rows);
        arena_reset(&r->memory);
    }
    sql_rows_clear(&rows);
}

static void note_refusal(struct rig *r, const struct err *e, const char *text)
{
    if (e->kind != ERR_INPUT)
        fail_msg("%s\n%s", text, e->text);
    if (strstr(e->text, "PostgreSQL: ") != NULL)
        r->unknown++;
    else
        r->refused++;
    if (getenv("FOOTFALL_TEST_VERBOSE") != NULL)
        print_message("%s\n    %s\n", text, e->text);
}

static void try_expression(struct rig *r)
{
    struct buf expression = {0};
    struct err e = {0};
    struct plan *p;
    struct definition_place place;
    enum made_type type = random_below(&r->seed, N_MADE_TYPES);
    sql_make(&expression, &r->seed, type, 1 + random_below(&r->seed, DEPTH));
    buf_put_byte(&expression, '\0');
    const char *text = (const char *)expression.p;
    char *question =
        mem_format(type == MADE_NUMBER ? "SELECT sum(%s) AS n FROM events"
                                       : "SELECT %s AS x, count(*) AS n FROM events GROUP BY 1",
                   text);
    if (definition_of_query(r->sql, span_of(question), &p, &place, &e) != 0) {
        note_refusal(r, &e, text);
    } else {
        r->taken++;
        compare_expression(r, text, p);
        definition_free(p);
    }
    free(question);
    buf_clear(&expression);
}

static void compare_expressions(char *uri)
{
    struct rig r;
    open_rig(&r, uri);
    for (unsigned i = 0; i < EXPRESSIONS; i++)
        try_expression(&r);
    assert_true(r.taken > EXPRESSIONS / 4);
    assert_true(r.unknown < EXPRESSIONS / 10);
    close_rig(&r);
}

static void expressions_are_what_postgresql_says(void **state)
{
    (void)state;
    compare_expressions(log_test_database());
}

static void expressions_do_not_depend_on_the_locale(void **state)
{
    (void)state;
    compare_expressions(turkish_database());
}

/* ---- views ---- */

struct comparison {
    struct rig *rig;
    const struct plan *plan;
    struct delta *deltas; /* copies; what they point to is the aggregate's */
    size_t n_deltas, n_rows;
    char *text;
};

static int keep_delta(void *context, const struct delta *d)
{
    struct comparison *c = context;
    c->deltas = mem_resize(c->deltas, (c->n_deltas + 1) * sizeof(*c->deltas));
    c->deltas[c->n_deltas++] = *d;
    return 0;
}

static const struct delta *find_delta(const struct comparison *c, const struct view_sql_row *row)
{
    struct buf group = {0};
    const struct delta *found = NULL;
    struct tier_slot at = tier_slot_of(c->plan->tiers[0], row->time_us);
    pack_array(&group, c->plan->n_dimensions);
    for (unsigned i = 0; i < c->plan->n_dimensions; i++) {
        struct group_value value;
        assert_true(
            group_parse_sql(c->plan->dimensions[i].value->type, row->dimensions[i], &value));
        group_pack(&group, &value);
    }
    for (size_t i = 0; i < c->n_deltas && found == NULL; i++) {
        const struct delta *d = &c->deltas[i];
        if (d->tier == 0 && d->at.page_start_us == at.page_start_us && d->at.slot == at.slot &&
            span_equal(d->site, row->site) && span_equal(d->group, buf_span(&group)))
            found = d;
    }
    buf_clear(&group);
    return found;
}

static void add_value(void *context, struct span bytes)
{
    sketch_add(context, sketch_hash(bytes.p, bytes.n), NULL);
}

static bool same_measure(const struct plan_measure *m, const union measure_value *v,
                         const struct view_sql_row *row, unsigned i)
{
    struct err e = {0};
    int128 number = 0;
    if (m->kind == AGGREGATE_COUNT)
        return v->count == row->measures[i].count;
    if (measure_is_wide(m)) {
        struct span text = row->measures[i].number;
        bool good = span_absent(text) || measure_parse(text, m->scale, &number) == 0;
        return good && v->count == row->measures[i].n &&
               (v->count == 0 || measure_number(v) == number);
    }
    struct sketch *s = sketch_new();
    support_ok(view_sql_each_value(row->measures[i].values, add_value, s, &e), &e);
    bool same = sketch_equal(s, v->sketch);
    sketch_free(s);
    return same;
}

static int compare_row(void *context, const struct view_sql_row *row, struct err *e)
{
    struct comparison *c = context;
    const struct delta *d = find_delta(c, row);
    (void)e;
    c->n_rows++;
    if (d == NULL || d->rows != row->rows)
        fail_msg("%s\nPostgreSQL has a group of %" PRId64 " events, we of %" PRId64, c->text,
                 row->rows, d == NULL ? 0 : d->rows);
    for (unsigned i = 0; i < c->plan->n_measures; i++) {
        const struct plan_measure *m = &c->plan->measures[i];
        if (!same_measure(m, &d->values[m->at], row, i))
            fail_msg("%s\nmeasure %s differs: PostgreSQL says %" PRId64 " %" PRId64 " %.*s",
                     c->text, m->name, row->measures[i].count, row->measures[i].n,
                     SPAN_ARGS(row->measures[i].number));
    }
    return 0;
}

static void run_in_postgresql(struct comparison *c)
{
    const struct plan *p = c->plan;
    struct buf select = {0};
    struct err e = {0};
    struct view_sql_query q = {.columns = plan_columns(p),
                               .to_seq = EVENTS,
                               .n_dimensions = p->n_dimensions,
                               .n_measures = p->n_measures};
    support_ok(definition_sql(p, &select, &e), &e);
    q.select = buf_span(&select);
    for (unsigned i = 0; i < p->n_dimensions; i++)
        q.dimensions[i] = p->dimensions[i].name;
    for (unsigned i = 0; i < p->n_measures; i++)
        q.measures[i] =
            (struct view_sql_measure){p->measures[i].name, measure_is_sketch(&p->measures[i]),
                                      measure_is_wide(&p->measures[i])};
    const struct view_sql_each each = {compare_row, c};
    if (view_sql_run(c->rig->sql, &q, &each, &e) != 0)
        fail_msg("%s\n%.*s\n%s", c->text, (int)select.n, (char *)select.p, e.text);
    buf_clear(&select);
    struct sql_rows rows = {0}; /* as it is shown, it does not fail either */
    ask_postgresql(c->rig, p->canonical, "SELECT count(*) FROM (", ") q", &rows);
    sql_rows_clear(&rows);
}

static void compare_view(struct rig *r, char *text, const struct plan *p)
{
    struct aggregate *a = aggregate_new(p, (struct aggregate_limits){1 << 20, 1 << 28});
    struct comparison c = {.rig = r, .plan = p, .text = text};
    for (uint32_t i = 0; i < r->chunk.count; i++)
        assert_int_equal(aggregate_add(a, &r->chunk.slices[i], 0), r->chunk.slices[i].count);
    assert_int_equal(aggregate_each(a, keep_delta, &c), 0);
    run_in_postgresql(&c);
    if (c.n_rows != c.n_deltas)
        fail_msg("%s\nPostgreSQL has %zu groups, we %zu", text, c.n_rows, c.n_deltas);
    free(c.deltas);
    aggregate_free(a);
}

/* All tiers for ever: then every group is in the finest. */
static bool expires(const struct plan *p)
{
    for (unsigned i = 0; i < p->n_tiers; i++)
        if (p->retention_us[i] != 0)
            return true;
    return false;
}

static void try_view(struct rig *r, unsigned number)
{
    struct buf text = {0};
    struct err e = {0};
    const struct plan *p;
    struct definition_place place;
    sql_make_view(&text, &r->seed, number);
    buf_put_byte(&text, '\0');
    char *sql = (char *)text.p;
    if (definition_check(r->sql, span_of(sql), &p, &place, &e) != 0) {
        note_refusal(r, &e, sql);
    } else {
        struct plan forever = *p;
        memset(forever.retention_us, 0, sizeof(forever.retention_us));
        r->taken++;
        compare_view(r, sql, expires(p) ? &forever : p);
    }
    buf_clear(&text);
}

static void compare_views(char *uri)
{
    struct rig r;
    open_rig(&r, uri);
    for (unsigned i = 0; i < 10 * VIEWS && r.taken < VIEWS; i++)
        try_view(&r, i);
    assert_int_equal(r.taken, VIEWS);
    close_rig(&r);
}

static void views_are_what_postgresql_says(void **state)
{
    (void)state;
    compare_views(log_test_database());
}

static void views_do_not_depend_on_the_locale(void **state)
{
    (void)state;
    compare_views(turkish_database());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(expressions_are_what_postgresql_says, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(expressions_do_not_depend_on_the_locale, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(views_are_what_postgresql_says, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(views_do_not_depend_on_the_locale, support_setup,
                                        support_teardown),
    };
    return support_run("one definition, two executions", tests, sizeof(tests) / sizeof(tests[0]));
}
