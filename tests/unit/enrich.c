/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "ingest/enrich.h"

#define MIDNIGHT (INT64_C(19000) * US_PER_DAY)
#define MINUTES(n) ((n)*US_PER_MINUTE)

struct fixture {
    struct recent_visitors *recent;
    struct visitors visitors;
    bool live;
};

/* A key per day that depends on nothing else. */
static bool salt(void *context, int64_t day, struct siphash_key *out)
{
    struct fixture *x = context;
    *out = (struct siphash_key){(uint64_t)day, 42};
    return x->live;
}

static int set_up(void **state)
{
    struct fixture *x = mem_alloc(sizeof(*x));
    x->recent = recent_visitors_new();
    x->live = true;
    x->visitors = (struct visitors){.recent = x->recent, .salt = salt, .context = x};
    *state = x;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *x = *state;
    recent_visitors_free(x->recent);
    free(x);
    return 0;
}

static uint64_t hash_at(struct fixture *x, const char *session, int64_t time_us)
{
    const struct visitor_of of = {.site = SPAN_LITERAL("a.example"),
                                  .session_id = span_of(session),
                                  .time_us = time_us,
                                  .now_us = time_us};
    return visitor_hash(&x->visitors, &of);
}

static void a_visitor_is_the_same_all_day_and_another_the_next(void **state)
{
    struct fixture *x = *state;
    uint64_t first = hash_at(x, "s", MIDNIGHT + MINUTES(60));
    assert_true(first == hash_at(x, "s", MIDNIGHT + MINUTES(23 * 60)));
    assert_true(first != hash_at(x, "t", MIDNIGHT + MINUTES(60)));
    assert_true(first != hash_at(x, "s", MIDNIGHT + US_PER_DAY + MINUTES(60)));
}

static void a_visit_does_not_break_at_midnight(void **state)
{
    struct fixture *x = *state;
    uint64_t before = hash_at(x, "night", MIDNIGHT - MINUTES(10));
    assert_true(hash_at(x, "night", MIDNIGHT + MINUTES(5)) == before);
    assert_true(hash_at(x, "night", MIDNIGHT + MINUTES(29)) == before);
    assert_true(hash_at(x, "night", MIDNIGHT + MINUTES(3)) == before); /* late */
    assert_true(hash_at(x, "night", MIDNIGHT + MINUTES(30)) != before);
    assert_true(hash_at(x, "new", MIDNIGHT + MINUTES(5)) ==
                hash_at(x, "new", MIDNIGHT + MINUTES(40)));
}

static void a_visit_that_had_ended_gets_the_new_day(void **state)
{
    struct fixture *x = *state;
    uint64_t before = hash_at(x, "early", MIDNIGHT - MINUTES(29));
    assert_true(hash_at(x, "early", MIDNIGHT + MINUTES(10)) != before);
}

static void imports_of_a_day_agree(void **state)
{
    struct fixture *x = *state;
    x->live = false;
    uint64_t alone = hash_at(x, "s", MIDNIGHT + MINUTES(5));
    hash_at(x, "s", MIDNIGHT - MINUTES(5));
    assert_true(hash_at(x, "s", MIDNIGHT + MINUTES(5)) == alone);
}

static void the_recent_visitors_are_bounded(void **state)
{
    struct fixture *x = *state;
    char session[32];
    for (int i = 0; i < 200000; i++) {
        snprintf(session, sizeof(session), "s%d", i);
        hash_at(x, session, MIDNIGHT - MINUTES(5));
    }
    uint64_t last = hash_at(x, session, MIDNIGHT - MINUTES(5));
    assert_true(hash_at(x, session, MIDNIGHT + MINUTES(5)) == last);
}

static void user_then_session_then_address_say_who_it_is(void **state)
{
    struct fixture *x = *state;
    struct address a, b;
    assert_int_equal(address_parse(SPAN_LITERAL("192.0.2.1"), &a), 0);
    assert_int_equal(address_parse(SPAN_LITERAL("192.0.2.2"), &b), 0);
    struct visitor_of of = {.site = SPAN_LITERAL("a"),
                            .user_id = SPAN_LITERAL("u"),
                            .session_id = SPAN_LITERAL("s"),
                            .address = &a,
                            .user_agent = SPAN_LITERAL("UA"),
                            .time_us = MIDNIGHT + MINUTES(60)};
    uint64_t by_user = visitor_hash(&x->visitors, &of);
    of.session_id = SPAN_LITERAL("other");
    of.address = &b;
    assert_true(visitor_hash(&x->visitors, &of) == by_user);
    of.user_id = SPAN_ABSENT;
    uint64_t by_session = visitor_hash(&x->visitors, &of);
    of.address = &a;
    assert_true(visitor_hash(&x->visitors, &of) == by_session && by_session != by_user);
    of.session_id = SPAN_ABSENT;
    uint64_t by_address = visitor_hash(&x->visitors, &of);
    of.address = &b;
    assert_true(visitor_hash(&x->visitors, &of) != by_address);
    of.address = &a;
    of.user_agent = SPAN_LITERAL("UB");
    assert_true(visitor_hash(&x->visitors, &of) != by_address);
    of.user_agent = SPAN_LITERAL("UA");
    of.site = SPAN_LITERAL("b");
    assert_true(visitor_hash(&x->visitors, &of) != by_address);
}

static void made_ids_are_uuids_of_version_7_in_order(void **state)
{
    (void)state;
    struct uuid_maker m;
    uuid_maker_init(&m);
    uint8_t before[16] = {0}, id[16];
    for (int i = 0; i < 1000; i++) {
        uuid_make(&m, INT64_C(1700000000000000) + i * 300, id);
        assert_int_equal(id[6] >> 4, 7);
        assert_int_equal(id[8] >> 6, 2);
        assert_true(memcmp(before, id, 16) < 0);
        memcpy(before, id, 16);
    }
    static const uint8_t first_ms[6] = {0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x00};
    uuid_make(&m, INT64_C(1700000000000000), id);
    assert_memory_equal(id, first_ms, 6);
}

static struct enricher *make_enricher(struct fixture *x, struct geo *geo, enum store_ip store_ip)
{
    const struct enrich_sources sources = {
        .geo = geo, .recent = x->recent, .salt = salt, .salt_context = x, .store_ip = store_ip};
    return enricher_new(&sources);
}

static struct draft *make_draft(const char *address)
{
    struct draft *d = mem_alloc(sizeof(*d));
    d->has_address = address != NULL;
    if (address != NULL)
        assert_int_equal(address_parse(span_of(address), &d->address), 0);
    d->event.site = SPAN_LITERAL("a");
    d->event.time_us = d->event.received_us = MIDNIGHT;
    return d;
}

static void addresses_are_kept_only_as_asked(void **state)
{
    struct fixture *x = *state;
    static const struct {
        enum store_ip store;
        const char *address, *kept;
    } cases[] = {
        {STORE_IP_NONE, "192.0.2.77", NULL},
        {STORE_IP_TRUNCATED, "192.0.2.77", "192.0.2.0"},
        {STORE_IP_TRUNCATED, "2001:db8:1:2:3:4:5:6", "2001:db8:1::"},
        {STORE_IP_FULL, "192.0.2.77", "192.0.2.77"},
        {STORE_IP_FULL, "2001:DB8::0:1", "2001:db8::1"},
        {STORE_IP_FULL, NULL, NULL},
    };
    struct geo *geo;
    assert_int_equal(geo_open(&geo, NULL, NULL), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct enricher *n = make_enricher(x, geo, cases[i].store);
        struct draft *d = make_draft(cases[i].address);
        enrich(n, d);
        if (cases[i].kept == NULL)
            assert_true(span_absent(d->event.ip));
        else
            assert_true(span_is(d->event.ip, cases[i].kept));
        free(d);
        enricher_free(n);
    }
    geo_close(geo);
}

static void what_the_sender_gives_is_kept(void **state)
{
    struct fixture *x = *state;
    struct geo *geo;
    assert_int_equal(geo_open(&geo, NULL, NULL), 0);
    struct enricher *n = make_enricher(x, geo, STORE_IP_NONE);
    struct draft *d = make_draft("192.0.2.1");
    d->event.region = SPAN_LITERAL("US-CA");
    d->event.browser = SPAN_LITERAL("Mine");
    d->user_agent = SPAN_LITERAL("whatever");
    d->event.id_from_client = true;
    memset(d->event.id, 9, 16);
    enrich(n, d);
    assert_true(span_is(d->event.region, "US-CA"));
    assert_true(span_is(d->event.country, "US"));
    assert_true(span_is(d->event.browser, "Mine"));
    assert_int_equal(d->event.id[6], 9);
    free(d);
    d = make_draft(NULL);
    enrich(n, d);
    assert_true(span_is(d->event.region, "ZZ"));
    assert_true(span_absent(d->event.country));
    assert_true(span_absent(d->event.browser) && span_absent(d->event.device) && !d->event.bot);
    assert_int_equal(d->event.id[6] >> 4, 7);
    free(d);
    enricher_free(n);
    geo_close(geo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_visitor_is_the_same_all_day_and_another_the_next, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_visit_does_not_break_at_midnight, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_visit_that_had_ended_gets_the_new_day, set_up, tear_down),
        cmocka_unit_test_setup_teardown(imports_of_a_day_agree, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_recent_visitors_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(user_then_session_then_address_say_who_it_is, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(made_ids_are_uuids_of_version_7_in_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(addresses_are_kept_only_as_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_sender_gives_is_kept, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
