/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to rows: what is added, what is listed as rejected, and that it does not matter how
 * events were divided over requests and forms. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/random.h"
#include "ingest/intake.h"

#define NOW_US INT64_C(1700000000000000)

struct fixture {
    struct enrich_sources sources;
    struct intake *intake;
    struct batch *batch;
    struct sender sender;
};

static bool salt(void *context, int64_t day, struct siphash_key *out)
{
    (void)context;
    *out = (struct siphash_key){(uint64_t)day, 7};
    return true;
}

static const char *gate(void *context, const struct sender *s, struct span site)
{
    (void)context;
    (void)s;
    return span_is(site, "unknown.example") ? "is not known" : NULL;
}

static int set_up(void **state)
{
    struct fixture *x = mem_alloc(sizeof(*x));
    x->sources = (struct enrich_sources){.recent = recent_visitors_new(), .salt = salt};
    assert_int_equal(geo_open(&x->sources.geo, NULL, NULL), 0);
    x->intake = intake_new(&x->sources, gate, NULL);
    x->batch = batch_new();
    x->sender = (struct sender){.trusted = true, .scope_id = 3, .received_us = NOW_US};
    *state = x;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *x = *state;
    intake_free(x->intake);
    batch_free(x->batch);
    geo_close(x->sources.geo);
    recent_visitors_free(x->sources.recent);
    free(x);
    return 0;
}

static struct intake_tally send(struct fixture *x, enum payload_form form, struct span body)
{
    struct intake_tally tally;
    struct err e = {0};
    if (intake_open(x->intake, body, BODY_PLAIN, form, &e) != INTAKE_OK)
        fail_msg("%s", e.text);
    intake_read(x->intake, &x->sender, x->batch, &tally);
    return tally;
}

static void the_rejected_are_listed_by_index(void **state)
{
    struct fixture *x = *state;
    struct intake_tally t =
        send(x, PAYLOAD_JSON,
             SPAN_LITERAL("[{\"pageUrl\":\"https://a.example/\"}, {\"pageUrl\":\"x\"}, 3,"
                          " {\"pageUrl\":\"https://unknown.example/\"}, "
                          "{\"pageUrl\":\"https://a.example/\",\"q\\\"\":1}]"));
    assert_int_equal(t.valid, 1);
    assert_int_equal(intake_rejected(&t), 4);
    assert_int_equal(t.rejected[REJECT_SITE], 1);
    static const char want[] = "[{\"index\": 1, \"field\": \"pageUrl\", \"reason\": \"is not an "
                               "absolute URL or an absolute path\"}, "
                               "{\"index\": 2, \"field\": null, \"reason\": \"is not an object\"}, "
                               "{\"index\": 3, \"field\": \"site\", \"reason\": \"is not known\"}, "
                               "{\"index\": 4, \"field\": \"q\\\"\", \"reason\": \"is not a field "
                               "of an event; put it into props\"}]";
    if (!span_is(t.rejected_json, want))
        fail_msg("%.*s", SPAN_ARGS(t.rejected_json));
    assert_int_equal(x->batch->count, 1);
}

static void a_body_is_bounded_before_it_is_read(void **state)
{
    struct fixture *x = *state;
    struct err e = {0};
    struct buf b = {0};
    for (int i = 0; i <= PAYLOAD_MAX_EVENTS; i++)
        buf_put_text(&b, "{}\n");
    assert_int_equal(intake_open(x->intake, buf_span(&b), BODY_PLAIN, PAYLOAD_NDJSON, &e),
                     INTAKE_TOO_LARGE);
    b.n -= 3;
    assert_int_equal(intake_open(x->intake, buf_span(&b), BODY_PLAIN, PAYLOAD_NDJSON, &e),
                     INTAKE_OK);
    buf_reset(&b);
    uint8_t *big = buf_reserve(&b, PAYLOAD_MAX_BYTES + 1);
    memset(big, ' ', PAYLOAD_MAX_BYTES + 1);
    b.n = PAYLOAD_MAX_BYTES + 1;
    assert_int_equal(intake_open(x->intake, buf_span(&b), BODY_PLAIN, PAYLOAD_NDJSON, &e),
                     INTAKE_TOO_LARGE);
    assert_int_equal(intake_open(x->intake, SPAN_LITERAL("{"), BODY_PLAIN, PAYLOAD_JSON, &e),
                     INTAKE_BAD);
    assert_int_equal(intake_open(x->intake, SPAN_LITERAL("{}"), BODY_GZIP, PAYLOAD_JSON, &e),
                     INTAKE_BAD);
    buf_clear(&b);
}

static void the_pixel_is_a_page_view(void **state)
{
    struct fixture *x = *state;
    struct intake_tally t;
    struct intake_page page = {SPAN_LITERAL("https://a.example/x"), SPAN_ABSENT, SPAN_ABSENT};
    intake_page_view(x->intake, &x->sender, &page, x->batch, &t);
    assert_int_equal(t.valid, 1);
    page.url = SPAN_ABSENT;
    intake_page_view(x->intake, &x->sender, &page, x->batch, &t);
    assert_int_equal(t.rejected[REJECT_MISSING], 1);
    page.url = SPAN_LITERAL("https://a.example/\xff");
    intake_page_view(x->intake, &x->sender, &page, x->batch, &t);
    assert_int_equal(t.rejected[REJECT_VALUE], 1);
    assert_int_equal(x->batch->count, 1);
}

/* ---- any split of the same events gives the same rows ---- */

enum { MANY = 400 };

static void random_event(struct buf *out, uint64_t *seed)
{
    static const char *const broken[] = {"\"timestamp\":\"x\"", "\"pageUrl\":7", "\"nope\":1",
                                         "\"props\":{\"a\":[]}"};
    uint32_t n = random_below(seed, 50);
    buf_printf(out, "{\"eventId\":\"018bcfe5-687b-7000-8000-%012llx\",\"site\":\"s%u.example\"",
               (unsigned long long)random_next(seed) & 0xffffffffffff, random_below(seed, 3));
    if (random_below(seed, 8) == 0) {
        buf_printf(out, ",%s}", broken[random_below(seed, 4)]);
        return;
    }
    buf_printf(out, ",\"pageUrl\":\"/p%u?utm_source=%u\",\"timestamp\":%lld", n, n % 4,
               (long long)(NOW_US / US_PER_SECOND - random_below(seed, 200000)));
    if (random_below(seed, 2))
        buf_printf(out, ",\"sessionId\":\"s%u\",\"props\":{\"n\":%u.50}", n, n);
    if (random_below(seed, 2))
        buf_printf(out, ",\"ipAddress\":\"192.0.2.%u\",\"referrer\":\"https://r%u.example/\"", n,
                   n % 5);
    buf_put_byte(out, '}');
}

/* Sends events[from, to) as a JSON array or as NDJSON. */
static void send_part(struct fixture *x, struct buf *events, int from, int to, bool array)
{
    struct buf body = {0};
    for (int i = from; i < to; i++) {
        buf_put_text(&body, array ? i == from ? "[" : "," : "");
        buf_put_span(&body, buf_span(&events[i]));
        buf_put_text(&body, array ? "" : "\n");
    }
    if (array)
        buf_put_text(&body, "]");
    send(x, array ? PAYLOAD_JSON : PAYLOAD_NDJSON, buf_span(&body));
    buf_clear(&body);
}

static void check_same_rows(const struct batch *a, const struct batch *b)
{
    struct log_slice of_a, of_b;
    struct event_row row_a, row_b;
    assert_int_equal(a->count, b->count);
    batch_slice(a, &of_a);
    batch_slice(b, &of_b);
    struct slice_cursor cursor_a = slice_cursor_of(&of_a), cursor_b = slice_cursor_of(&of_b);
    while (slice_next(&cursor_a, &row_a)) {
        assert_true(slice_next(&cursor_b, &row_b));
        for (int c = 0; c < N_EVENT_COLUMNS; c++) {
            assert_int_equal(span_absent(row_a.columns[c]), span_absent(row_b.columns[c]));
            assert_true(span_equal(row_a.columns[c], row_b.columns[c]));
        }
    }
}

static void any_split_into_requests_gives_the_same_rows(void **state)
{
    struct fixture *x = *state;
    static struct buf events[MANY];
    uint64_t seed = 20261123;
    for (int i = 0; i < MANY; i++)
        random_event(&events[i], &seed);
    struct batch *whole = batch_new(), *parts = x->batch;
    x->batch = whole;
    send_part(x, events, 0, MANY, false);
    assert_true(whole->count > MANY / 2 && whole->count < MANY);
    x->batch = parts;
    for (int round = 0; round < 10; round++) {
        batch_reset(parts);
        for (int from = 0; from < MANY;) {
            int to = from + 1 + (int)random_below(&seed, 60);
            to = to > MANY ? MANY : to;
            send_part(x, events, from, to, random_below(&seed, 2));
            from = to;
        }
        check_same_rows(whole, parts);
    }
    batch_free(whole);
    for (int i = 0; i < MANY; i++)
        buf_clear(&events[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_rejected_are_listed_by_index, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_body_is_bounded_before_it_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_pixel_is_a_page_view, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_split_into_requests_gives_the_same_rows, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
