/* SPDX-License-Identifier: Apache-2.0 */
/* Rows against an oracle: random events are stored as pages of every tier, random questions are
 * answered from the pages, and by looking at each event. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "api/rows_write.h"
#include "base/pack.h"
#include "views/catalog.h"

enum { N_EVENTS = 1500, N_VALUES = 5, N_VISITORS = 40 };

static struct zones *database;

struct sample {
    int64_t time_us;
    struct group_value dimensions[PLAN_MAX_DIMENSIONS];
    uint64_t visitor;
};

static struct sample samples[N_EVENTS];
static const char *const values[N_VALUES] = {"DE", "US-CA", "", NULL, "caf\xc3\xa9, \"x\""};

static int64_t time_of(const char *text)
{
    int64_t t_us = 0;
    assert_int_equal(clock_parse(text, strlen(text), &t_us), 0);
    return t_us;
}

static struct group_value text_value(const char *text)
{
    return (struct group_value){.type = VALUE_TEXT, .null = text == NULL, .text = span_of(text)};
}

static int load(void **state)
{
    (void)state;
    struct err e = {0};
    srandom(3);
    for (int i = 0; i < N_EVENTS; i++) {
        samples[i].time_us =
            time_of("2026-03-01T00:00:00Z") + random() % (40 * 86400) * US_PER_SECOND;
        for (int d = 0; d < PLAN_MAX_DIMENSIONS; d++)
            samples[i].dimensions[d] = text_value(values[random() % N_VALUES]);
        samples[i].visitor = sketch_hash(&(long){random() % N_VISITORS}, sizeof(long));
    }
    return zones_load(&database, ZONES_FOLDER, &e);
}

static int unload(void **state)
{
    (void)state;
    zones_free(database);
    return 0;
}

/* ------------------------------------------------------------------ storing */

static bool same_group(const struct plan *p, const struct sample *a, const struct sample *b)
{
    for (unsigned d = 0; d < p->n_dimensions; d++)
        if (group_compare(&a->dimensions[d], &b->dimensions[d]) != 0)
            return false;
    return true;
}

struct storing {
    const struct plan *plan;
    const struct range_page *page;
    struct buf group, value;
};

static bool falls_in(const struct storing *s, const struct sample *x, unsigned *slot)
{
    struct tier_slot at = tier_slot_of(s->plan->tiers[s->page->tier], x->time_us);
    *slot = at.slot;
    return at.page_start_us == s->page->start_us;
}

static void put_slot(struct storing *s, const struct sample *like, unsigned slot, uint32_t *n)
{
    struct sketch *visitors = sketch_new();
    struct buf encoded = {0};
    int64_t count = 0;
    unsigned at;
    for (int i = 0; i < N_EVENTS; i++)
        if (falls_in(s, &samples[i], &at) && at == slot && same_group(s->plan, like, &samples[i])) {
            count++;
            sketch_add(visitors, samples[i].visitor, NULL);
        }
    sketch_encode(visitors, &encoded);
    if (count > 0) {
        pack_int(&s->value, slot);
        pack_int(&s->value, count);
        pack_int(&s->value, count);
        if (s->plan->n_measures == 2)
            pack_bin(&s->value, buf_span(&encoded));
        *n += 2 + s->plan->n_measures;
    }
    sketch_free(visitors);
    buf_clear(&encoded);
}

/* The stored row of the group of sample i in the page. */
static void store_row(struct storing *s, int i)
{
    struct buf slots = {0};
    uint32_t n = 1;
    buf_reset(&s->group);
    pack_array(&s->group, s->plan->n_dimensions);
    for (unsigned d = 0; d < s->plan->n_dimensions; d++)
        group_pack(&s->group, &samples[i].dimensions[d]);
    buf_reset(&s->value);
    for (unsigned slot = 0; slot < s->plan->tiers[s->page->tier]->max_slots; slot++)
        put_slot(s, &samples[i], slot, &n);
    buf_put_span(&slots, buf_span(&s->value));
    buf_reset(&s->value);
    pack_array(&s->value, n);
    pack_int(&s->value, PAGE_FORMAT);
    buf_put_span(&s->value, buf_span(&slots));
    buf_clear(&slots);
}

static void add_page(struct rows *r, const struct range_page *page)
{
    struct storing s = {r->query->plan, page, {0}, {0}};
    struct refusal e = {0};
    for (int i = 0; i < N_EVENTS; i++) {
        unsigned slot;
        bool first = falls_in(&s, &samples[i], &slot);
        for (int k = 0; k < i && first; k++)
            first =
                !(falls_in(&s, &samples[k], &slot) && same_group(s.plan, &samples[i], &samples[k]));
        if (!first)
            continue;
        store_row(&s, i);
        if (rows_add(r, page, buf_span(&s.group), buf_span(&s.value), &e) != 0)
            fail_msg("%s", e.err.text);
    }
    buf_clear(&s.group);
    buf_clear(&s.value);
}

/* ------------------------------------------------------------------ asking */

struct asked {
    struct rows_query query;
    struct range range;
    struct arena arena;
    struct rows rows;
};

static const struct rows_limits limits = {1000, 100000, 64 << 20};

static void ask(struct asked *a, const char *view, const char *text)
{
    static char decoded[2000];
    static struct query_param params[64];
    struct query q;
    struct refusal e = {0};
    const struct plan *p = plan_find(span_of(view));
    assert_true(query_room(span_of(text)) <= 64);
    assert_int_equal(query_parse(&q, span_of(text), params, decoded, &e.err), 0);
    if (rows_query_parse(&a->query, p, q.params, q.n, &e) != 0)
        fail_msg("%s", e.err.text);
    struct range_request request = {.from = a->query.from,
                                    .to = a->query.to,
                                    .step = a->query.step,
                                    .window = a->query.window,
                                    .tz = a->query.tz,
                                    .now_us = time_of("2026-11-23T00:00:00Z"),
                                    .plan = p,
                                    .zones = database};
    a->arena = (struct arena){0};
    if (range_make(&a->range, &request, &a->arena, &e) != 0)
        fail_msg("%s", e.err.text);
    rows_init(&a->rows, &a->query, &a->range, limits);
    for (uint32_t i = 0; i < a->range.n_pages; i++)
        add_page(&a->rows, &a->range.pages[i]);
    assert_int_equal(rows_finish(&a->rows, &e), 0);
}

static void clear(struct asked *a)
{
    rows_clear(&a->rows);
    arena_clear(&a->arena);
}

static bool counts(const struct asked *a, const struct sample *x, int32_t slot,
                   const struct group_value *group)
{
    const struct range *g = &a->range;
    uint32_t end = (uint32_t)slot + g->window_slots;
    int64_t to_us = end < g->n_read ? g->slot_us[end] : g->read_to_us;
    if (x->time_us < g->from_us || x->time_us < g->slot_us[slot] || x->time_us >= to_us ||
        !rows_query_wants(&a->query, x->dimensions))
        return false;
    for (unsigned i = 0; i < a->query.n_by; i++)
        if (group_compare(&x->dimensions[a->query.by[i]], &group[i]) != 0)
            return false;
    return true;
}

/* What the cell must hold: events, and different visitors. */
static void expect(const struct asked *a, int32_t slot, const struct group_value *group,
                   int64_t out[2])
{
    uint64_t seen[N_VISITORS];
    out[0] = out[1] = 0;
    for (int i = 0; i < N_EVENTS; i++) {
        if (!counts(a, &samples[i], slot, group))
            continue;
        int64_t k = 0;
        while (k < out[1] && seen[k] != samples[i].visitor)
            k++;
        if (k == out[1])
            seen[out[1]++] = samples[i].visitor;
        out[0]++;
    }
}

static void assert_cells(struct asked *a)
{
    int64_t expected[2], sum = 0;
    unsigned n_measures = a->query.plan->n_measures;
    for (uint32_t i = 0; i < a->rows.n_cells; i++) {
        struct rows_cell *c = rows_cell_at(&a->rows, i);
        expect(a, c->slot, a->rows.groups[c->group].values, expected);
        for (unsigned m = 0; m < n_measures; m++)
            assert_int_equal(rows_value(&a->rows, c, m).number, expected[m]);
        assert_true(a->query.fill || expected[0] > 0);
        sum += expected[0];
    }
    int64_t matching = 0;
    for (int i = 0; i < N_EVENTS; i++)
        matching += samples[i].time_us >= a->range.from_us && samples[i].time_us < a->range.to_us &&
                    rows_query_wants(&a->query, samples[i].dimensions);
    if (!range_has_window(&a->range))
        assert_int_equal(sum, matching);
    assert_int_equal(rows_total(&a->rows, 0).number, matching);
}

static void rows_equal_what_the_events_say(void **state)
{
    (void)state;
    static const char *const views[] = {"pageviews_by_campaign", "pageviews_by_region", "visitors"};
    static const char *const steps[] = {"15m", "hour", "6h", "day", "week", "month", "all"};
    static const char *const zones[] = {"UTC", "Europe/Berlin", "Asia/Kathmandu",
                                        "America/Sao_Paulo"};
    static const char *const more[][4] = {
        {"", "&by=utm_medium", "&by=&fill=0",
         "&filter[utm_source]=DE&filter[utm_source]=&null[utm_medium]=false"},
        {"", "&filter[region]!=DE&fill=0", "&null[region]=true", "&by="},
        {"", "&fill=0", "", ""}};
    for (int k = 0; k < 60; k++) {
        struct asked a;
        char text[300];
        int64_t from = time_of("2026-03-01T00:00:00Z") / US_PER_SECOND + random() % (30 * 86400);
        int64_t to = from + 1 + random() % (k % 2 == 0 ? 2 * 86400 : 20 * 86400);
        snprintf(text, sizeof text, "from=%lld&to=%lld&step=%s&tz=%s%s", (long long)from,
                 (long long)to, steps[k % 7], zones[random() % 4], more[k % 3][random() % 4]);
        ask(&a, views[k % 3], text);
        assert_cells(&a);
        clear(&a);
    }
}

/* Windows of the group in which an event lies. */
static void assert_no_window_is_missing(struct asked *a)
{
    int64_t expected[2];
    uint32_t n = 0;
    for (uint32_t slot = 0; slot < a->range.n_slots; slot++) {
        expect(a, (int32_t)slot, NULL, expected);
        n += expected[0] > 0;
    }
    assert_int_equal(a->rows.n_cells, n);
}

static void windows_equal_what_the_events_say(void **state)
{
    (void)state;
    static const char *const views[] = {"pageviews_by_campaign", "pageviews_by_region", "visitors"};
    static const char *const windows[] = {
        "step=15m&window=15m",  "step=15m&window=45m", "step=hour&window=36h", "step=6h&window=10d",
        "step=day&window=week", "step=day&window=30d", "step=7h&window=21h"};
    static const char *const zones[] = {"UTC", "Europe/Berlin", "Asia/Kathmandu",
                                        "America/Sao_Paulo"};
    static const char *const by[] = {"", "&by=", "&by=&fill=0"};
    for (int k = 0; k < 63; k++) {
        struct asked a;
        char text[300];
        int64_t from = time_of("2026-02-25T00:00:00Z") / US_PER_SECOND + random() % (40 * 86400);
        int64_t to = from + 1 + random() % (k % 7 < 3 ? 86400 : 12 * 86400);
        snprintf(text, sizeof text, "from=%lld&to=%lld&%s&tz=%s%s", (long long)from, (long long)to,
                 windows[k % 7], zones[random() % 4], by[k % 3]);
        ask(&a, views[k / 7 % 3], text);
        assert_cells(&a);
        if (k % 3 == 1)
            assert_no_window_is_missing(&a);
        clear(&a);
    }
}

static void windows_have_limits_of_their_own(void **state)
{
    (void)state;
    struct asked a;
    ask(&a, "visitors", "from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z&step=hour&window=6h");
    static const char *const fields[] = {"step", "window"};
    for (int i = 0; i < 2; i++) {
        struct refusal e = {0};
        struct rows few;
        rows_init(&few, &a.query, &a.range, limits);
        for (uint32_t k = 0; k < a.range.n_pages; k++)
            add_page(&few, &a.range.pages[k]);
        if (i == 0)
            few.limits.max_cells = few.n_cells - 6;
        else
            few.limits.max_sketch_bytes = few.sketch_bytes;
        assert_int_equal(rows_finish(&few, &e), -1);
        assert_string_equal(e.field, fields[i]);
        rows_clear(&few);
    }
    clear(&a);
}

/* ------------------------------------------------------------------ order and form */

static const char range_of_days[] = "from=2026-03-01T00:00:00Z&to=2026-04-10T00:00:00Z";

static void assert_ascends(const struct rows *r, const uint32_t *cells, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        struct rows_cell *a = rows_cell_at(r, cells[i - 1]), *b = rows_cell_at(r, cells[i]);
        int64_t x = (int64_t)rows_value(r, a, 0).number, y = (int64_t)rows_value(r, b, 0).number;
        assert_true(x > y || (x == y && a->slot <= b->slot));
    }
}

static void pages_of_an_ordered_answer_make_the_whole(void **state)
{
    (void)state;
    static const char *const orders[] = {"-pageviews", "time", "-time,visitors",
                                         "utm_source,-visitors"};
    for (int k = 0; k < 4; k++) {
        struct asked a;
        char text[300];
        uint32_t *whole, *part;
        snprintf(text, sizeof text, "%s&step=day&order=%s&limit=10000", range_of_days, orders[k]);
        ask(&a, "pageviews_by_campaign", text);
        uint32_t n = rows_select(&a.rows, &whole), at = 0;
        assert_int_equal(n, a.rows.n_cells);
        assert_true(n > 500);
        if (k == 0)
            assert_ascends(&a.rows, whole, n);
        for (a.query.limit = 37; at < n; at += 37) {
            a.query.offset = at;
            uint32_t m = rows_select(&a.rows, &part);
            assert_int_equal(m, n - at < 37 ? n - at : 37);
            assert_memory_equal(part, whole + at, m * sizeof *part);
            free(part);
        }
        free(whole);
        clear(&a);
    }
}

static char *write(struct asked *a, enum rows_form form)
{
    struct buf out = {0};
    struct rows_about about = {.site = span_of("example.com"),
                               .offset = 12,
                               .generation = 3,
                               .has_watermark = true,
                               .watermark_us = time_of("2026-04-01T00:00:00Z")};
    rows_write(&a->rows, &about, form, &out);
    buf_put_byte(&out, 0);
    return (char *)out.p;
}

static void an_answer_is_json_as_the_contract_says(void **state)
{
    (void)state;
    struct asked a;
    ask(&a, "visitors",
        "from=2026-03-01T00:00:00Z&to=2026-04-10T00:00:00Z&step=month&tz=Europe/Berlin");
    char expected[900];
    int64_t march[2], april[2], total[2];
    expect(&a, 0, NULL, march); /* February's last hour in Berlin is no part of the range */
    expect(&a, 1, NULL, april);
    assert_int_equal(a.rows.n_cells, 2);
    total[0] = march[0] + april[0];
    snprintf(
        expected, sizeof expected,
        "{\"view\":\"visitors\",\"site\":\"example.com\",\"from\":\"2026-03-01T01:00:00+01:00\","
        "\"to\":\"2026-04-10T02:00:00+02:00\",\"step\":\"month\",\"tz\":\"Europe/Berlin\","
        "\"columns\":[\"time\",\"pageviews\",\"visitors\"],"
        "\"rows\":[[\"2026-03-01T00:00:00+01:00\",%lld,%lld],"
        "[\"2026-04-01T00:00:00+02:00\",%lld,%lld]],\"total_rows\":2,"
        "\"totals\":{\"pageviews\":%lld,\"visitors\":%d},\"approximate\":{\"visitors\":0.0081},"
        "\"as_of\":{\"offset\":12,\"watermark\":\"2026-04-01T02:00:00+02:00\",\"generation\":3}}",
        (long long)march[0], (long long)march[1], (long long)april[0], (long long)april[1],
        (long long)total[0], N_VISITORS);
    char *text = write(&a, ROWS_JSON);
    assert_string_equal(text, expected);
    free(text);
    clear(&a);
}

static void csv_quotes_what_needs_it_and_tells_null_from_empty(void **state)
{
    (void)state;
    struct asked a;
    ask(&a, "pageviews_by_region",
        "from=2026-03-01T00:00:00Z&to=2026-04-10T00:00:00Z&step=all&order=region");
    char expected[300];
    int64_t n[N_VALUES][2];
    for (int i = 0; i < N_VALUES; i++) {
        struct group_value value = text_value(values[i]);
        expect(&a, 0, &value, n[i]);
    }
    snprintf(
        expected, sizeof expected,
        "region,pageviews\r\n\"\",%lld\r\nDE,%lld\r\nUS-CA,%lld\r\n\"caf\xc3\xa9, \"\"x\"\"\",%lld"
        "\r\n,%lld\r\n",
        (long long)n[2][0], (long long)n[0][0], (long long)n[1][0], (long long)n[4][0],
        (long long)n[3][0]);
    char *text = write(&a, ROWS_CSV);
    assert_string_equal(text, expected);
    free(text);
    clear(&a);
}

static void limits_are_errors_that_name_what_to_change(void **state)
{
    (void)state;
    struct asked a;
    ask(&a, "pageviews_by_region", "from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z&step=hour");
    struct storing s = {a.query.plan, &a.range.pages[0], {0}, {0}};
    struct refusal e = {0};
    struct rows few;
    store_row(&s, 0);
    rows_init(&few, &a.query, &a.range, (struct rows_limits){0, 10, 100});
    assert_int_equal(rows_add(&few, s.page, buf_span(&s.group), SPAN_LITERAL("\x91\x02"), &e), -1);
    assert_string_equal(e.field, "by");
    rows_clear(&few);
    e = (struct refusal){0};
    rows_init(&few, &a.query, &a.range, (struct rows_limits){10, 1, 100});
    struct span one_slot = SPAN_LITERAL("\x94\x02\x00\x01\x01");
    struct span two_slots = SPAN_LITERAL("\x97\x02\x00\x01\x01\x3b\x01\x01");
    assert_int_equal(rows_add(&few, s.page, buf_span(&s.group), one_slot, &e), 0);
    assert_int_equal(rows_add(&few, s.page, buf_span(&s.group), two_slots, &e), -1);
    assert_string_equal(e.field, "step");
    e = (struct refusal){0};
    a.query.fill = true;
    assert_int_equal(rows_finish(&few, &e), -1);
    assert_string_equal(e.field, "step");
    rows_clear(&few);
    buf_clear(&s.group);
    buf_clear(&s.value);
    clear(&a);
}

static void stored_bytes_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "\x90", "\x91\x01", "\x94\x02\x70\x01\x01", "\xc0", "\x95\x02\x00\x01\x01"};
    struct asked a;
    ask(&a, "pageviews_by_region", "from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z&step=hour");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct refusal e = {0};
        assert_int_equal(rows_add(&a.rows, &a.range.pages[0],
                                  SPAN_LITERAL("\x91\xa2"
                                               "DE"),
                                  span_of(bad[i]), &e),
                         -1);
        assert_int_equal(e.err.kind, ERR_DATA);
    }
    clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_equal_what_the_events_say),
        cmocka_unit_test(windows_equal_what_the_events_say),
        cmocka_unit_test(windows_have_limits_of_their_own),
        cmocka_unit_test(pages_of_an_ordered_answer_make_the_whole),
        cmocka_unit_test(an_answer_is_json_as_the_contract_says),
        cmocka_unit_test(csv_quotes_what_needs_it_and_tells_null_from_empty),
        cmocka_unit_test(limits_are_errors_that_name_what_to_change),
        cmocka_unit_test(stored_bytes_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
