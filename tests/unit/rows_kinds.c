/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of a view that has every kind of measure, typed dimensions and an order of its own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "api/rows_write.h"
#include "base/pack.h"
#include "tests/support/view_plans.h"

static const struct expr price = {.op = EXPR_COLUMN, .type = VALUE_NUMBER, .scale = 9};
static const struct expr status = TEST_COLUMN(EVENT_VISITOR, VALUE_INT);

static const struct plan sales = {
    .name = "sales",
    .sql = "CREATE MATERIALIZED VIEW sales AS SELECT",
    .canonical = "SELECT",
    .relation = &RELATION_EVENTS,
    .bucket_us = US_PER_MINUTE,
    .bucket_name = "time",
    .n_tiers = 1,
    .tiers = {&TIER_MINUTES},
    .n_dimensions = 2,
    .dimensions = {{"status", &status}, {"bot", &test_bot}},
    .n_measures = 5,
    .n_words = 13,
    .measures = {{.name = "sales", .kind = AGGREGATE_COUNT},
                 {.name = "revenue", .kind = AGGREGATE_SUM, .value = &price, .scale = 9, .at = 1},
                 {.name = "average", .kind = AGGREGATE_AVG, .value = &price, .scale = 9, .at = 4},
                 {.name = "least", .kind = AGGREGATE_MIN, .value = &price, .scale = 9, .at = 7},
                 {.name = "most",
                  .kind = AGGREGATE_MAX,
                  .value = &price,
                  .scale = 9,
                  .at = 10,
                  .hidden = true}},
    .limit = -1,
};

/* A sale; price in 10^-9, below 0: it has none. */
struct sale {
    const char *time;
    int64_t status;
    bool bot;
    int64_t price;
};

static const struct sale some_sales[] = {
    {"2026-03-01T10:01:00Z", 200, false, 1500000000},
    {"2026-03-01T10:01:30Z", 200, false, 2000000000},
    {"2026-03-01T10:02:00Z", 200, true, 1},
    {"2026-03-01T10:03:00Z", 9, false, -1},
    {"2026-03-01T11:00:00Z", 200, false, 2250000000},
    {"2026-03-01T11:00:00Z", 404, true, 7000000000},
};

static int64_t time_of(const char *text)
{
    int64_t t_us;
    assert_int_equal(clock_parse(text, strlen(text), &t_us), 0);
    return t_us;
}

static void apply_sale(struct page *p, const struct sale *s)
{
    struct buf group = {0};
    union measure_value values[13] = {{.count = 1}};
    for (unsigned i = 1; i < sales.n_measures && s->price >= 0; i++)
        measure_add(sales.measures[i].kind, &values[sales.measures[i].at], 1, s->price);
    pack_array(&group, 2);
    if (s->status == 9)
        pack_text(&group, SPAN_ABSENT);
    else
        pack_int(&group, s->status);
    pack_bool(&group, s->bot);
    struct delta d = {.site = page_site(p),
                      .group = buf_span(&group),
                      .at = tier_slot_of(&TIER_MINUTES, time_of(s->time)),
                      .rows = 1,
                      .values = values};
    page_apply(p, &d, NULL);
    buf_clear(&group);
}

/* ---- asking ---- */

struct asked {
    struct plan plan;
    struct query_param params[16];
    char decoded[500];
    struct rows_query query;
    struct range range;
    struct arena arena;
    struct rows rows;
    struct refusal refusal;
};

static struct zones *database;

static int load(void **state)
{
    (void)state;
    struct err e = {0};
    return zones_load(&database, ZONES_FOLDER, &e);
}

static int unload(void **state)
{
    (void)state;
    zones_free(database);
    return 0;
}

struct adding {
    struct asked *a;
    const struct range_page *range;
    const struct page *page;
};

static int add_row(void *context, const struct page_row *row)
{
    struct adding *to = context;
    struct buf value = {0};
    page_row_encode(to->page, row, &value);
    int result =
        rows_add(&to->a->rows, to->range, page_row_group(row), buf_span(&value), &to->a->refusal);
    buf_clear(&value);
    return result;
}

static void add_page(struct asked *a, const struct range_page *range)
{
    struct page *p = page_new(&a->plan, 0, SPAN_LITERAL("a.example"), range->start_us);
    for (size_t i = 0; i < sizeof some_sales / sizeof *some_sales; i++)
        if (tier_slot_of(&TIER_MINUTES, time_of(some_sales[i].time)).page_start_us ==
            range->start_us)
            apply_sale(p, &some_sales[i]);
    struct adding to = {a, range, p};
    assert_int_equal(page_each_row(p, add_row, &to), 0);
    page_free(p);
}

static int parse(struct asked *a, const char *text)
{
    struct query q;
    assert_int_equal(query_parse(&q, span_of(text), a->params, a->decoded, &a->refusal.err), 0);
    return rows_query_parse(&a->query, &a->plan, q.params, q.n, &a->refusal);
}

static struct asked *ask(const struct plan *plan, const char *text)
{
    static const struct rows_limits limits = {100, 1000, 1 << 20};
    struct asked *a = mem_alloc(sizeof *a);
    a->plan = *plan;
    if (parse(a, text) != 0)
        fail_msg("%s", a->refusal.err.text);
    struct range_request request = {.from = SPAN_LITERAL("2026-03-01T10:00:00Z"),
                                    .to = SPAN_LITERAL("2026-03-01T12:00:00Z"),
                                    .step = a->query.step,
                                    .now_us = time_of("2026-03-02T00:00:00Z"),
                                    .plan = &a->plan,
                                    .zones = database};
    assert_int_equal(range_make(&a->range, &request, &a->arena, &a->refusal), 0);
    rows_init(&a->rows, &a->query, &a->range, limits);
    for (uint32_t i = 0; i < a->range.n_pages; i++)
        add_page(a, &a->range.pages[i]);
    assert_int_equal(rows_finish(&a->rows, &a->refusal), 0);
    return a;
}

static void end(struct asked *a)
{
    rows_clear(&a->rows);
    arena_clear(&a->arena);
    free(a);
}

static void assert_answer(const struct plan *plan, const char *text, enum rows_form form,
                          const char *expected)
{
    struct asked *a = ask(plan, text);
    struct buf out = {0};
    struct rows_about about = {.site = SPAN_LITERAL("a.example")};
    rows_write(&a->rows, &about, form, &out);
    buf_put_byte(&out, 0);
    if (strstr((const char *)out.p, expected) == NULL)
        fail_msg("%s gave %s", text, (const char *)out.p);
    buf_clear(&out);
    end(a);
}

#define HEAD "status,bot,sales,revenue,average,least\r\n"

/* ---- tests ---- */

static void numbers_are_exact_and_what_has_none_is_null(void **state)
{
    (void)state;
    assert_answer(&sales, "step=all&order=status,bot", ROWS_JSON,
                  "\"columns\":[\"status\",\"bot\",\"sales\",\"revenue\",\"average\",\"least\"],"
                  "\"rows\":[[200,false,3,5.75,1.916666667,1.5],"
                  "[200,true,1,0.000000001,0.000000001,0.000000001],[404,true,1,7,7,7],"
                  "[null,false,1,null,null,null]],\"total_rows\":4,\"totals\":{\"sales\":6,"
                  "\"revenue\":12.750000001,\"average\":2.55,\"least\":0.000000001}");
    assert_answer(&sales, "step=all&order=status,bot", ROWS_CSV,
                  HEAD "200,false,3,5.75,1.916666667,1.5\r\n"
                       "200,true,1,0.000000001,0.000000001,0.000000001\r\n404,true,1,7,7,7\r\n"
                       ",false,1,,,\r\n");
}

static void messagepack_has_ints_and_doubles(void **state)
{
    (void)state;
    /* [true, 1, 7, 7, 7] and [false, 3, 5.75 …] */
    assert_answer(&sales, "step=all&by=bot&filter[status]=404", ROWS_MSGPACK,
                  "\xa4rows\x91\x95\xc3\x01\x07\x07\x07");
    assert_answer(&sales, "step=all&by=bot&filter[status]=200&filter[bot]=false", ROWS_MSGPACK,
                  "\xa4rows\x91\x95\xc2\x03\xcb\x40\x17");
    assert_answer(&sales, "step=all&by=&null[status]=true", ROWS_MSGPACK,
                  "\xa4rows\x91\x94\x01\xc0\xc0\xc0");
}

static void groups_and_slots_merge(void **state)
{
    (void)state;
    assert_answer(&sales, "step=hour&by=&order=time", ROWS_CSV,
                  "time,sales,revenue,average,least\r\n"
                  "2026-03-01T10:00:00Z,4,3.500000001,1.166666667,0.000000001\r\n"
                  "2026-03-01T11:00:00Z,2,9.25,4.625,2.25\r\n");
}

static void conditions_are_of_the_dimensions_type(void **state)
{
    (void)state;
    static const char *const bad[] = {"filter[status]=x", "filter[status]=4.0",
                                      "filter[status]=", "filter[bot]=1", "filter[bot]!=FALSE"};
    assert_answer(&sales, "step=all&filter[bot]=true&order=-status", ROWS_CSV,
                  HEAD "404,true,1,7,7,7\r\n200,true,1,0.000000001,0.000000001,0.000000001\r\n");
    assert_answer(&sales, "step=all&by=&filter[status]!=200&null[status]=false", ROWS_CSV,
                  "\r\n1,7,7,7\r\n");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct asked *a = mem_alloc(sizeof *a);
        a->plan = sales;
        if (parse(a, bad[i]) == 0)
            fail_msg("%s was taken", bad[i]);
        assert_memory_equal(a->refusal.field, bad[i], 11);
        free(a);
    }
}

static void numbers_order_with_null_last_either_way(void **state)
{
    (void)state;
    assert_answer(&sales, "step=all&by=status&order=revenue", ROWS_CSV,
                  "\r\n200,4,5.750000001,1.4375,0.000000001\r\n404,1,7,7,7\r\n,1,,,\r\n");
    assert_answer(&sales, "step=all&by=status&order=-average", ROWS_CSV,
                  "\r\n404,1,7,7,7\r\n200,4,5.750000001,1.4375,0.000000001\r\n,1,,,\r\n");
    assert_answer(&sales, "step=all&by=status&order=status", ROWS_CSV,
                  "\r\n200,4,5.750000001,1.4375,0.000000001\r\n404,1,7,7,7\r\n,1,,,\r\n");
    assert_answer(&sales, "step=all&by=bot&order=bot&limit=1", ROWS_CSV, "\r\nfalse,4,");
}

static void a_view_has_an_order_and_a_limit_of_its_own(void **state)
{
    (void)state;
    struct plan own = sales;
    own.limit = 2;
    own.n_order = 2;
    own.order[0] = (struct plan_order){PLAN_MEASURE, 4, true, true}; /* a hidden one */
    own.order[1] = (struct plan_order){PLAN_DIMENSION, 1, false, false};
    assert_answer(&own, "step=all", ROWS_CSV, HEAD ",false,1,,,\r\n404,true,1,7,7,7\r\n");
    assert_answer(&own, "step=all&by=status", ROWS_JSON, "\"total_rows\":3");
    assert_answer(&own, "step=all&order=status,bot&limit=9", ROWS_CSV,
                  HEAD "200,false,3,5.75,1.916666667,1.5\r\n");
    struct asked *a = mem_alloc(sizeof *a);
    a->plan = own;
    assert_int_equal(parse(a, "order=most"), -1);
    free(a);
}

/* HAVING bot OR min(price) IS NULL */
static const struct expr column_bot = TEST_COLUMN(1, VALUE_BOOL);
static const struct expr column_least = {
    .op = EXPR_COLUMN, .type = VALUE_NUMBER, .scale = 9, .column = 5};
static const struct expr no_least = TEST_OF(EXPR_IS_NULL, &column_least);
static const struct expr bot_or_no_least = TEST_OF(EXPR_OR, &column_bot, &no_least);

static void having_leaves_rows_out_but_not_of_the_totals(void **state)
{
    (void)state;
    struct plan having = sales;
    having.having = &bot_or_no_least;
    assert_answer(&having, "step=all&order=status,bot", ROWS_CSV,
                  HEAD "200,true,1,0.000000001,0.000000001,0.000000001\r\n404,true,1,7,7,7\r\n"
                       ",false,1,,,\r\n");
    assert_answer(&having, "step=all&limit=1", ROWS_JSON,
                  "\"total_rows\":3,\"totals\":{\"sales\":6,");
    assert_answer(&having, "step=all&by=status", ROWS_CSV, /* without bot: it is NULL */
                  "average,least\r\n,1,,,\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_exact_and_what_has_none_is_null),
        cmocka_unit_test(messagepack_has_ints_and_doubles),
        cmocka_unit_test(groups_and_slots_merge),
        cmocka_unit_test(conditions_are_of_the_dimensions_type),
        cmocka_unit_test(numbers_order_with_null_last_either_way),
        cmocka_unit_test(a_view_has_an_order_and_a_limit_of_its_own),
        cmocka_unit_test(having_leaves_rows_out_but_not_of_the_totals),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
