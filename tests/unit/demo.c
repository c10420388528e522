/* SPDX-License-Identifier: Apache-2.0 */
/* The demo's traffic: reproducible, in order, and as varied as it claims. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/table.h"
#include "cli/demo_traffic.h"

#define FROM_US (INT64_C(1760000000) * US_PER_SECOND) /* a Thursday in October 2025 */

static size_t generate(struct buf *out, uint64_t seed, int64_t step_us, int days)
{
    struct demo_traffic *t = demo_traffic_new(seed, FROM_US, 5000);
    size_t n = 0;
    for (int64_t us = 0; us < days * US_PER_DAY; us += step_us)
        while (demo_traffic_next(t, FROM_US + us + step_us, out))
            n++;
    demo_traffic_free(t);
    return n;
}

static void the_same_seed_gives_the_same_events_however_they_are_asked_for(void **state)
{
    (void)state;
    struct buf whole = {0}, pieces = {0}, other = {0};
    generate(&whole, 7, 2 * US_PER_DAY, 2);
    generate(&pieces, 7, 7 * US_PER_MINUTE + 1, 2);
    generate(&other, 8, 2 * US_PER_DAY, 2);
    assert_true(pieces.n >= whole.n); /* the last step reaches a little further */
    assert_memory_equal(whole.p, pieces.p, whole.n);
    assert_true(other.n != whole.n || memcmp(other.p, whole.p, whole.n) != 0);
    buf_clear(&whole);
    buf_clear(&pieces);
    buf_clear(&other);
}

struct seen {
    unsigned late, with_id, bots, campaigns, referrers, purchases, users;
    size_t repeated;
    unsigned sites[3];
    double last_time;
};

static bool same_text(const void *item, const void *key)
{
    return strcmp(item, key) == 0;
}

static void look_at_id(struct table *ids, struct span id, struct seen *s)
{
    char *text = strndup(id.p, id.n);
    uint64_t hash = hash_bytes(1, id);
    s->with_id++;
    assert_int_equal(id.n, 36);
    if (table_find(ids, hash, text, same_text) != NULL) {
        s->repeated++;
        free(text);
        return;
    }
    table_put(ids, hash, text);
}

static bool holds(struct span text, const char *part)
{
    return memmem(text.p, text.n, part, strlen(part)) != NULL;
}

static void look_at(struct json *j, struct span line, struct table *ids, struct seen *s)
{
    struct json_value root, v;
    assert_int_equal(json_parse(j, line, &root, NULL), 0);
    assert_int_equal(json_get(j, &root, "timestamp", &v, NULL), 1);
    assert_int_equal(v.type, JSON_REAL);
    s->late += v.real < s->last_time - 200; /* purchases come 20 s, repeats 60 s after */
    s->last_time = v.real > s->last_time ? v.real : s->last_time;
    assert_int_equal(json_get(j, &root, "site", &v, NULL), 1);
    for (unsigned i = 0; i < 3; i++)
        s->sites[i] += span_is(v.text, demo_site(i));
    if (json_get(j, &root, "eventId", &v, NULL) == 1)
        look_at_id(ids, v.text, s);
    s->bots += holds(line, "bot/");
    s->campaigns += holds(line, "utm_campaign=");
    s->referrers += holds(line, "google.com");
    s->purchases += holds(line, "\"Purchase\"");
    s->users += holds(line, "\"userId\"");
}

static void the_traffic_has_all_it_claims_to_have(void **state)
{
    (void)state;
    struct buf text = {0};
    struct seen s = {0};
    struct table ids = {0};
    struct json *j = json_new(4096, 4);
    size_t n = generate(&text, 1, US_PER_DAY, 7);
    assert_true(n > 7 * 5000 * 8 / 10 && n < 7 * 5000 * 12 / 10);
    for (const char *p = (char *)text.p, *end = p + text.n; p < end;) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        look_at(j, (struct span){p, (size_t)(stop - p)}, &ids, &s);
        p = stop + 1;
    }
    assert_true(s.sites[0] > s.sites[1] && s.sites[1] > s.sites[2] && s.sites[2] > 0);
    assert_int_equal(s.sites[0] + s.sites[1] + s.sites[2], n);
    assert_true(s.late > n / 200 && s.late < n / 20);
    assert_true(s.repeated > n / 1000);
    assert_true(s.with_id > n / 5 && s.with_id < n / 3);
    assert_true(s.bots > n / 10 && s.bots < n / 2);
    assert_true(s.campaigns > 100 && s.referrers > 100 && s.purchases > 10 && s.users > 100);
    for (size_t i = 0; i <= ids.mask; i++)
        free(ids.entries[i].item);
    table_clear(&ids);
    json_free(j);
    buf_clear(&text);
}

static void nights_are_quieter_than_days(void **state)
{
    (void)state;
    struct buf text = {0};
    size_t by_hour[24];
    struct demo_traffic *t = demo_traffic_new(3, FROM_US, 100000);
    int64_t day = clock_floor(FROM_US, US_PER_DAY) + US_PER_DAY;
    while (demo_traffic_next(t, day, &text))
        ;
    for (int hour = 0; hour < 24; hour++) {
        by_hour[hour] = 0;
        while (demo_traffic_next(t, day + (hour + 1) * US_PER_HOUR, &text))
            by_hour[hour]++;
    }
    assert_true(by_hour[3] * 2 < by_hour[15]);
    demo_traffic_free(t);
    buf_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_events_however_they_are_asked_for),
        cmocka_unit_test(the_traffic_has_all_it_claims_to_have),
        cmocka_unit_test(nights_are_quieter_than_days),
    };
    return cmocka_run_group_tests_name("demo", tests, NULL, NULL);
}
