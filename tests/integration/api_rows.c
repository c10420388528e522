/* SPDX-License-Identifier: Apache-2.0 */
/* Rows over HTTP against an oracle: random events go in through the real endpoint, and every number
 * that comes out is counted again from them, in local time by the C library. */
#include "tests/support/api_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

enum { N_EVENTS = 1200, N_SESSIONS = 25 };

static const char *const sites[] = {"a.example", "b.example"};
static const char *const regions[] = {"DE", "US-CA", "FR", "ZZ"};
static const char *const paths[] = {"/", "/pricing", "/docs/\xc3\xbc", "/a,b", "/x%20y"};
static const char browser[] =
    "Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0";
static const char bot[] =
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

struct sample {
    int64_t time_s;
    unsigned site, region, path, session;
    bool is_bot;
};
static struct sample samples[N_EVENTS];

/* 17 days around the change of the clock in Berlin (29 March) and on Lord Howe (5 April); never the
 * half hour after midnight UTC, in which a visitor may still be yesterday's. */
static int64_t random_time(void)
{
    int64_t day = 1773964800 + random() % 17 * 86400; /* 2026-03-20 */
    return day + 1800 + random() % (86400 - 1800);
}

static void make_samples(void)
{
    srandom(5);
    for (int i = 0; i < N_EVENTS; i++)
        samples[i] = (struct sample){
            random_time(),          (unsigned)random() % 2,          (unsigned)random() % 4,
            (unsigned)random() % 5, (unsigned)random() % N_SESSIONS, random() % 15 == 0};
}

static void put_sample(struct buf *out, const struct sample *s)
{
    buf_printf(
        out,
        "{\"timestamp\":%lld,\"pageUrl\":\"https://%s%s\",\"sessionId\":\"s%u\",\"region\":\"%s\","
        "\"userAgent\":\"%s\"}\n",
        (long long)s->time_s, sites[s->site], paths[s->path], s->session, regions[s->region],
        s->is_bot ? bot : browser);
}

static void post_samples(void)
{
    static bool done;
    struct buf body = {0};
    if (done)
        return;
    done = true;
    make_samples();
    for (int i = 0; i < N_EVENTS; i++) {
        put_sample(&body, &samples[i]);
        if (i % 400 == 399) {
            rig_post(buf_span(&body), 400);
            buf_reset(&body);
        }
    }
    buf_clear(&body);
    rig_wait_caught_up();
}

/* ------------------------------------------------------------------ the oracle */

struct question {
    const char *view, *dimension; /* dimension: of by; NULL: none */
    unsigned site;
    int64_t from_s, to_s; /* whole slots of the view's finest tier */
    const char *step, *tz;
    const char *only_region; /* NULL: all */
};

static const char *text_of(const struct question *q, const struct sample *s)
{
    return strcmp(q->dimension, "region") == 0 ? regions[s->region] : paths[s->path];
}

static bool is_wanted(const struct question *q, const struct sample *s)
{
    return !s->is_bot && s->site == q->site && s->time_s >= q->from_s && s->time_s < q->to_s &&
           (q->only_region == NULL || strcmp(q->only_region, regions[s->region]) == 0);
}

static int64_t midnight_after(const struct tm *tm, int days, int months)
{
    struct tm next = {.tm_year = tm->tm_year,
                      .tm_mon = tm->tm_mon + months,
                      .tm_mday = tm->tm_mday + days,
                      .tm_isdst = -1};
    return mktime(&next);
}

static int64_t seconds_of(const char *step)
{
    int64_t n = strtol(step, NULL, 10);
    return strcmp(step, "minute") == 0 ? 60
           : strcmp(step, "hour") == 0 ? 3600
                                       : n * (strchr(step, 'h') != NULL ? 3600 : 60);
}

/* The end of the slot that starts at start_s; fails unless one starts there. */
static int64_t slot_end(const char *step, int64_t start_s)
{
    struct tm tm;
    time_t start = (time_t)start_s;
    localtime_r(&start, &tm);
    int64_t of_day = start_s - midnight_after(&tm, 0, 0);
    if (strcmp(step, "day") == 0 || strcmp(step, "week") == 0 || strcmp(step, "month") == 0) {
        assert_int_equal(of_day, 0);
        assert_true(strcmp(step, "week") != 0 || tm.tm_wday == 1);
        assert_true(strcmp(step, "month") != 0 || tm.tm_mday == 1);
        return strcmp(step, "month") == 0 ? midnight_after(&tm, 0, 1)
                                          : midnight_after(&tm, step[0] == 'd' ? 1 : 7, 0);
    }
    assert_int_equal(of_day % seconds_of(step), 0);
    int64_t end = start_s + seconds_of(step), next_day = midnight_after(&tm, 1, 0);
    return end < next_day ? end : next_day;
}

struct counts {
    int64_t pageviews, visitors;
};

/* Visitors of several UTC days are the sum of days. */
static struct counts count(const struct question *q, int64_t from_s, int64_t to_s, struct span text)
{
    static bool seen[40][N_SESSIONS];
    struct counts c = {0, 0};
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < N_EVENTS; i++) {
        const struct sample *s = &samples[i];
        if (!is_wanted(q, s) || s->time_s < from_s || s->time_s >= to_s ||
            (!span_absent(text) && !span_is(text, text_of(q, s))))
            continue;
        bool *known = &seen[(s->time_s - 1773964800) / 86400][s->session];
        c.pageviews++;
        c.visitors += !*known;
        *known = true;
    }
    return c;
}

/* ------------------------------------------------------------------ asking */

static struct support_answer ask(const struct question *q, const char *more)
{
    char only[64] = "", by[40] = "&by=";
    if (q->only_region != NULL)
        snprintf(only, sizeof only, "&filter[region]=%s", q->only_region);
    if (q->dimension != NULL)
        snprintf(by, sizeof by, "&by=%s", q->dimension);
    struct support_answer a = rig_get(
        "/v1/views/%s/rows?site=%s&from=%lld&to=%lld&step=%s&tz=%s&limit=10000%s%s%s", q->view,
        sites[q->site], (long long)q->from_s, (long long)q->to_s, q->step, q->tz, by, only, more);
    rig_expect(&a, 200);
    return a;
}

static struct json_value next_value(struct json_walk *walk)
{
    struct json_member m;
    assert_true(json_next(walk, &m));
    return m.value;
}

/* Checks one row and returns its page views. */
static int64_t check_row(const struct question *q, struct json_value row, bool has_visitors)
{
    struct json_walk walk = json_enter(rig()->json, &row);
    int64_t from_s = q->from_s, to_s = q->to_s, start_us;
    struct span text = SPAN_ABSENT;
    if (strcmp(q->step, "all") != 0) {
        struct json_value time = next_value(&walk);
        assert_int_equal(clock_parse(time.text.p, time.text.n, &start_us), 0);
        from_s = start_us / US_PER_SECOND;
        to_s = slot_end(q->step, from_s);
    }
    if (q->dimension != NULL)
        text = next_value(&walk).text;
    struct counts expected = count(q, from_s, to_s, text);
    int64_t pageviews = next_value(&walk).integer;
    assert_int_equal(pageviews, expected.pageviews);
    if (has_visitors)
        assert_int_equal(next_value(&walk).integer, expected.visitors);
    return pageviews;
}

static void check(const struct question *q)
{
    setenv("TZ", q->tz, 1);
    tzset();
    struct support_answer a = ask(q, "");
    struct json_value root = rig_json(&a), rows = rig_member(&root, "rows"),
                      totals = rig_member(&root, "totals");
    bool has_visitors = strcmp(q->view, "pageviews_by_region") != 0;
    int64_t sum = 0;
    struct json_walk walk = json_enter(rig()->json, &rows);
    for (struct json_member m; json_next(&walk, &m);)
        sum += check_row(q, m.value, has_visitors);
    struct counts whole = count(q, q->from_s, q->to_s, SPAN_ABSENT);
    assert_int_equal(sum, whole.pageviews);
    assert_int_equal(rig_int(&totals, "pageviews"), whole.pageviews);
    if (has_visitors)
        assert_int_equal(rig_int(&totals, "visitors"), whole.visitors);
    assert_int_equal(rig_int(&root, "total_rows"), json_count(rig()->json, &rows));
    support_answer_clear(&a);
    unsetenv("TZ");
    tzset();
}

static void every_number_equals_a_recount_of_the_events(void **state)
{
    (void)state;
    static const char *const steps[] = {"15m", "hour", "6h", "day", "week", "month", "all", "7h"};
    static const char *const zones[] = {"UTC", "Europe/Berlin", "Asia/Kathmandu",
                                        "Australia/Lord_Howe", "America/New_York"};
    post_samples();
    for (int k = 0; k < 80; k++) {
        int64_t from = 1773964800 / 900 + random() % (17 * 96),
                to = from + 1 + random() % (10 * 96);
        bool by_page = k % 2 == 0;
        struct question q = {.view = by_page ? "pageviews_by_page" : "pageviews_by_region",
                             .dimension = random() % 3 == 0 ? NULL
                                          : by_page         ? "path"
                                                            : "region",
                             .site = (unsigned)random() % 2,
                             .from_s = from * 900,
                             .to_s = to * 900,
                             .step = steps[k % 8],
                             .tz = zones[random() % 5],
                             .only_region = !by_page && random() % 4 == 0 ? "DE" : NULL};
        check(&q);
    }
}

static void minutes_equal_a_recount_too(void **state)
{
    (void)state;
    post_samples();
    for (int k = 0; k < 10; k++) {
        int64_t from = 1773964800 / 60 + random() % (16 * 1440);
        struct question q = {.view = "pageviews_by_region",
                             .dimension = "region",
                             .site = 0,
                             .from_s = from * 60,
                             .to_s = (from + 1 + random() % 3000) * 60,
                             .step = "minute",
                             .tz = "Asia/Kathmandu"};
        check(&q);
    }
}

/* ------------------------------------------------------------------ hopping windows */

static void check_window_row(const struct question *q, const struct json_value *row, int64_t days)
{
    struct json_walk walk = json_enter(rig()->json, row);
    int64_t start_us;
    struct json_value time = next_value(&walk);
    assert_int_equal(clock_parse(time.text.p, time.text.n, &start_us), 0);
    int64_t from_s = start_us / US_PER_SECOND, to_s = from_s;
    for (int64_t i = 0; i < days; i++)
        to_s = slot_end("day", to_s);
    struct question beyond = *q;
    beyond.to_s = to_s;
    struct span text = next_value(&walk).text;
    struct counts expected = count(&beyond, from_s, to_s, text);
    assert_true(from_s >= q->from_s && from_s < q->to_s && expected.pageviews > 0);
    assert_int_equal(next_value(&walk).integer, expected.pageviews);
    assert_int_equal(next_value(&walk).integer, expected.visitors);
}

static void windows_equal_a_recount_and_totals_count_an_event_once(void **state)
{
    (void)state;
    struct question q = {.view = "pageviews_by_page",
                         .dimension = "path",
                         .from_s = 1774220400, /* midnight of 23 March in Berlin */
                         .to_s = 1774220400 + 5 * 86400,
                         .step = "day",
                         .tz = "Europe/Berlin"};
    post_samples();
    setenv("TZ", q.tz, 1);
    tzset();
    struct support_answer a = ask(&q, "&window=7d");
    struct json_value root = rig_json(&a), rows = rig_member(&root, "rows"),
                      totals = rig_member(&root, "totals");
    assert_true(rig_text_is(&root, "window", "7d"));
    assert_int_equal(json_count(rig()->json, &rows), 5 * 5); /* every path in every window */
    struct json_walk walk = json_enter(rig()->json, &rows);
    for (struct json_member m; json_next(&walk, &m);)
        check_window_row(&q, &m.value, 7);
    struct counts whole = count(&q, q.from_s, q.to_s, SPAN_ABSENT);
    assert_int_equal(rig_int(&totals, "pageviews"), whole.pageviews);
    assert_int_equal(rig_int(&totals, "visitors"), whole.visitors);
    support_answer_clear(&a);
    unsetenv("TZ");
    tzset();
}

/* The inputs of the streaming engine's case "max hopping", a minute for each of its ten seconds and
 * a region for each of its keys, and the windows that its table ends with: which of them there are,
 * and how many of the inputs lie in each. */
static void windows_are_those_of_the_streaming_engines_case(void **state)
{
    (void)state;
    static const struct {
        int seconds;
        const char *region;
    } inputs[] = {{0, "DE"},  {10, "DE"}, {30, "FR"}, {45, "FR"},
                  {50, "FR"}, {35, "DE"}, {40, "DE"}};
    static const char expected[] =
        "time,region,pageviews\r\n2026-03-01T00:00:00Z,DE,2\r\n2026-03-01T00:01:00Z,DE,2\r\n"
        "2026-03-01T00:01:00Z,FR,1\r\n2026-03-01T00:02:00Z,DE,2\r\n2026-03-01T00:02:00Z,FR,2\r\n"
        "2026-03-01T00:03:00Z,DE,2\r\n2026-03-01T00:03:00Z,FR,3\r\n2026-03-01T00:04:00Z,DE,1\r\n"
        "2026-03-01T00:04:00Z,FR,2\r\n2026-03-01T00:05:00Z,FR,1\r\n";
    const int64_t start_s = 1772323200; /* 2026-03-01 */
    struct buf body = {0};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        buf_printf(&body,
                   "{\"timestamp\":%lld,\"pageUrl\":\"https://hopping.example/\","
                   "\"region\":\"%s\",\"userAgent\":\"%s\"}\n",
                   (long long)(start_s + inputs[i].seconds * 6), inputs[i].region, browser);
    rig_post(buf_span(&body), 7);
    buf_clear(&body);
    rig_wait_caught_up();
    struct support_answer a = rig_ask(
        &(struct rig_request){.accept = "text/csv"},
        "/v1/views/pageviews_by_region/rows?site=hopping.example&from=%lld&to=%lld&step=minute"
        "&window=3m&order=time,region",
        (long long)start_s, (long long)start_s + 360);
    rig_expect(&a, 200);
    assert_string_equal((char *)a.body.p, expected);
    support_answer_clear(&a);
}

/* ------------------------------------------------------------------ parameters and forms */

static const struct question whole = {.view = "pageviews_by_region",
                                      .dimension = "region",
                                      .from_s = 1773964800,
                                      .to_s = 1773964800 + 20 * 86400,
                                      .step = "day",
                                      .tz = "UTC"};

static void limit_and_offset_cut_the_order(void **state)
{
    (void)state;
    post_samples();
    struct support_answer all = ask(&whole, "&order=-pageviews,region");
    struct json_value root = rig_json(&all);
    int64_t n = rig_int(&root, "total_rows"), last = INT64_MAX;
    struct json_value rows = rig_member(&root, "rows");
    struct json_walk walk = json_enter(rig()->json, &rows);
    for (struct json_member m; json_next(&walk, &m);) {
        struct json_walk cells = json_enter(rig()->json, &m.value);
        next_value(&cells);
        next_value(&cells);
        int64_t pageviews = next_value(&cells).integer;
        assert_true(pageviews <= last);
        last = pageviews;
    }
    assert_true(n > 30);
    support_answer_clear(&all);
    struct support_answer some = rig_get(
        "/v1/views/pageviews_by_region/rows?site=a.example&from=%lld&to=%lld&step=day&limit=7&"
        "offset=%lld",
        (long long)whole.from_s, (long long)whole.to_s, (long long)n - 3);
    rig_expect(&some, 200);
    root = rig_json(&some);
    rows = rig_member(&root, "rows");
    assert_int_equal(json_count(rig()->json, &rows), 3);
    assert_int_equal(rig_int(&root, "total_rows"), n);
    support_answer_clear(&some);
}

static void fill_shows_empty_slots(void **state)
{
    (void)state;
    post_samples();
    struct question q = whole;
    q.dimension = NULL;
    struct support_answer a = ask(&q, "&fill=0");
    struct json_value root = rig_json(&a), rows = rig_member(&root, "rows");
    assert_int_equal(json_count(rig()->json, &rows), 20);
    support_answer_clear(&a);
    a = rig_get("/v1/views/pageviews/rows?site=nobody.example&from=0&to=86400&step=hour&fill=0");
    rig_expect(&a, 200);
    root = rig_json(&a);
    rows = rig_member(&root, "rows");
    assert_int_equal(json_count(rig()->json, &rows), 24);
    struct json_value as_of = rig_member(&root, "as_of");
    assert_int_equal(rig_member(&as_of, "watermark").type, JSON_NULL);
    support_answer_clear(&a);
}

static void csv_has_a_line_for_each_row(void **state)
{
    (void)state;
    post_samples();
    struct support_answer a = rig_ask(
        &(struct rig_request){.accept = "text/csv"},
        "/v1/views/pageviews_by_page/rows?site=a.example&from=%lld&to=%lld&step=all&order=path",
        (long long)whole.from_s, (long long)whole.to_s);
    rig_expect(&a, 200);
    struct question q = whole;
    q.view = "pageviews_by_page";
    q.dimension = "path";
    char expected[600], *at = expected;
    static const char *const quoted[][2] = {{"/", "/"},
                                            {"/a,b", "\"/a,b\""},
                                            {"/docs/\xc3\xbc", "/docs/\xc3\xbc"},
                                            {"/pricing", "/pricing"},
                                            {"/x%20y", "/x%20y"}};
    at += sprintf(at, "path,pageviews,visitors\r\n");
    for (int i = 0; i < 5; i++) {
        struct counts c = count(&q, q.from_s, q.to_s, span_of(quoted[i][0]));
        at += sprintf(at, "%s,%lld,%lld\r\n", quoted[i][1], (long long)c.pageviews,
                      (long long)c.visitors);
    }
    assert_string_equal((char *)a.body.p, expected);
    assert_true(span_is(support_header(&a, "content-type"), "text/csv; charset=utf-8"));
    support_answer_clear(&a);
}

static void an_etag_holds_until_something_changes(void **state)
{
    (void)state;
    static const char path[] =
        "/v1/views/pageviews/rows?site=a.example&from=0&to=2000000000&step=all";
    post_samples();
    struct support_answer a = rig_get(path);
    rig_expect(&a, 200);
    struct span tag = support_header(&a, "etag");
    char kept[40];
    snprintf(kept, sizeof kept, "%.*s", SPAN_ARGS(tag));
    support_answer_clear(&a);
    a = rig_ask(&(struct rig_request){.if_none_match = kept}, path);
    rig_expect(&a, 304);
    assert_int_equal(a.body.n, 0);
    assert_true(span_is(support_header(&a, "etag"), kept));
    assert_true(span_is(support_header(&a, "vary"), "accept, authorization"));
    assert_true(span_is(support_header(&a, "cache-control"), "no-cache"));
    support_answer_clear(&a);
    a = rig_ask(&(struct rig_request){.if_none_match = kept, .accept = "text/csv"}, path);
    rig_expect(&a, 200); /* another form is another thing */
    support_answer_clear(&a);
    rig_post(SPAN_LITERAL("{\"pageUrl\":\"https://c.example/\"}"), 1);
    rig_wait_caught_up();
    a = rig_ask(&(struct rig_request){.if_none_match = kept}, path);
    rig_expect(&a, 200);
    support_answer_clear(&a);
}

static void a_page_in_several_parts_is_read_whole(void **state)
{
    (void)state;
    enum { N_PATHS = 5300 }; /* a part holds 5,000 */
    struct buf body = {0};
    for (int i = 0; i < N_PATHS; i++)
        buf_printf(&body,
                   "{\"timestamp\":1775000000,\"pageUrl\":\"https://wide.example/"
                   "%d\",\"sessionId\":\"s%d\","
                   "\"userAgent\":\"%s\"}\n",
                   i, i % 100, browser);
    rig_post(buf_span(&body), N_PATHS);
    buf_clear(&body);
    rig_wait_caught_up();
    for (int attempt = 0; attempt < 2;
         attempt++) { /* the first finds out how many parts there are */
        struct support_answer a = rig_get(
            "/v1/views/pageviews_by_page/rows?site=wide.example&from=1774990800&to=1775005200&"
            "step=all&limit=10000");
        rig_expect(&a, 200);
        struct json_value root = rig_json(&a), totals = rig_member(&root, "totals");
        assert_int_equal(rig_int(&root, "total_rows"), N_PATHS);
        assert_int_equal(rig_int(&totals, "pageviews"), N_PATHS);
        assert_int_equal(rig_int(&totals, "visitors"), 100);
        support_answer_clear(&a);
    }
}

static void what_has_expired_is_refused_with_advice(void **state)
{
    (void)state;
    post_samples(); /* the last events are later than two days after these minutes */
    struct support_answer a =
        rig_get("/v1/views/visitors/rows?site=a.example&from=1774000000&to=1774003600&step=minute");
    rig_expect(&a, 400);
    struct json_value root = rig_json(&a);
    assert_true(rig_text_is(&root, "field", "step"));
    support_answer_clear(&a);
    a = rig_get("/v1/views/visitors/rows?site=a.example&from=1774000000&to=1774003600");
    rig_expect(&a, 200); /* the step is ours to choose */
    root = rig_json(&a);
    assert_true(rig_text_is(&root, "step", "15m"));
    support_answer_clear(&a);
}

static int64_t pageviews_of(const char *path, const char *step)
{
    struct support_answer a = rig_get("%s", path);
    rig_expect(&a, 200);
    struct json_value root = rig_json(&a), totals = rig_member(&root, "totals");
    int64_t n = rig_int(&totals, "pageviews");
    assert_true(rig_text_is(&root, "step", step));
    support_answer_clear(&a);
    return n;
}

/* Of a view by half minutes, with four tiers, the two finest have expired. */
static void a_step_is_chosen_among_those_that_are_kept(void **state)
{
    (void)state;
    static const char sql[] =
        "CREATE MATERIALIZED VIEW half_minutes WITH (minute_retention = '1 hour') AS "
        "SELECT site, date_bin('30 seconds', event_time, 'epoch') AS time, count(*) AS pageviews "
        "FROM events WHERE NOT bot GROUP BY 1, 2";
    post_samples();
    struct support_answer a = rig_ask(
        &(struct rig_request){.body = sql, .content_type = "application/sql"}, "/v1/admin/views");
    rig_expect(&a, 202);
    support_answer_clear(&a);
    rig_wait_caught_up();
#define OF(view_, from_, to_) "/v1/views/" view_ "/rows?site=a.example&from=" from_ "&to=" to_
    assert_int_equal(pageviews_of(OF("half_minutes", "1774051200", "1774058400"), "15m"),
                     pageviews_of(OF("pageviews", "1774051200", "1774058400"), "minute"));
    /* whole days, of which the first is a month's */
    int64_t n = pageviews_of(OF("half_minutes", "1772323200", "1775347200") "&step=day", "day");
    assert_int_equal(n, pageviews_of(OF("pageviews", "1772323200", "1775347200"), "day"));
    assert_true(n > 100);
#undef OF
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_equals_a_recount_of_the_events),
        cmocka_unit_test(minutes_equal_a_recount_too),
        cmocka_unit_test(windows_equal_a_recount_and_totals_count_an_event_once),
        cmocka_unit_test(windows_are_those_of_the_streaming_engines_case),
        cmocka_unit_test(limit_and_offset_cut_the_order),
        cmocka_unit_test(fill_shows_empty_slots),
        cmocka_unit_test(csv_has_a_line_for_each_row),
        cmocka_unit_test(an_etag_holds_until_something_changes),
        cmocka_unit_test(a_page_in_several_parts_is_read_whole),
        cmocka_unit_test(what_has_expired_is_refused_with_advice),
        cmocka_unit_test(a_step_is_chosen_among_those_that_are_kept),
    };
    return support_run("rows over HTTP", tests, sizeof(tests) / sizeof(tests[0]));
}
