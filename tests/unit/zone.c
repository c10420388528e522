/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/tzif.h"
#include "base/zone.h"

static struct zones *database;

static int load(void **state)
{
    (void)state;
    struct err e = {0};
    if (zones_load(&database, ZONES_FOLDER, &e) != 0)
        print_error("%s\n", e.text);
    return database == NULL ? -1 : 0;
}

static int unload(void **state)
{
    (void)state;
    zones_free(database);
    return 0;
}

static const struct zone *zone(const char *name)
{
    const struct zone *z = zones_find(database, span_of(name));
    if (z == NULL)
        fail_msg("no zone %s", name);
    return z;
}

static int64_t time_of(const char *text)
{
    int64_t t_us = 0;
    assert_int_equal(clock_parse(text, strlen(text), &t_us), 0);
    return t_us;
}

static void assert_time(int64_t t_us, const char *expected)
{
    char text[CLOCK_TEXT_BYTES];
    clock_format(text, t_us, 0);
    assert_string_equal(text, expected);
}

static int64_t day(int year, int month, int day_of_month)
{
    return civil_days((struct civil){year, month, day_of_month});
}

static void dates_and_days_are_inverse(void **state)
{
    (void)state;
    for (int64_t d = day(1600, 1, 1); d < day(2900, 1, 1); d++) {
        struct civil c = civil_of_days(d);
        assert_int_equal(civil_days(c), d);
        assert_in_range(c.month, 1, 12);
        assert_in_range(c.day, 1, 31);
    }
    assert_int_equal(civil_weekday(day(1970, 1, 1)), 4);
    assert_int_equal(civil_weekday(day(1969, 12, 27)), 6);
    assert_int_equal(civil_weekday(day(2026, 11, 23)), 1);
}

static void names_that_are_no_zone_are_not_found(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",         "Mars/Olympus",     "../../etc/passwd", "europe/berlin",
        "zone.tab", "posix/Asia/Tokyo", "Europe/",          "/UTC",
        "Europe",   "localtime"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_null(zones_find(database, span_of(bad[i])));
    char with_nul[] = "Asia/Tokyo\0x";
    assert_null(zones_find(database, (struct span){with_nul, sizeof with_nul - 1}));
    char longer[300];
    memset(longer, 'A', sizeof longer);
    assert_null(zones_find(database, (struct span){longer, sizeof longer}));
}

static void utc_needs_no_database(void **state)
{
    (void)state;
    assert_ptr_equal(zones_find(NULL, span_of("UTC")), zone_utc());
    assert_int_equal(zone_day_start(zone_utc(), 3), 3 * US_PER_DAY);
    char text[CLOCK_TEXT_BYTES];
    int n = zone_format(zone_utc(), time_of("2026-11-23T04:00:00Z"), text);
    assert_string_equal(text, "2026-11-23T04:00:00Z");
    assert_int_equal(n, strlen(text));
}

static void a_missing_database_names_the_package(void **state)
{
    (void)state;
    struct zones *none = NULL;
    struct err e = {0};
    assert_int_equal(zones_load(&none, "/nonexistent", &e), -1);
    assert_non_null(strstr(e.text, "tzdata"));
}

static void offsets_equal_those_of_the_c_library(void **state)
{
    (void)state;
    assert_true(zones_count(database) > 300); /* tzdata's: the loops over them see something */
    srandom(7);
    for (size_t i = 0; i < zones_count(database); i++) {
        const struct zone *z = zones_at(database, i);
        char tz[80];
        snprintf(tz, sizeof tz, ":%s", zone_name(z));
        setenv("TZ", tz, 1);
        tzset();
        for (int k = 0; k < 400; k++) {
            time_t t = (time_t)(random() % 1000000 * INT64_C(13000) - INT64_C(2000000000));
            struct tm tm;
            localtime_r(&t, &tm);
            int64_t ours = zone_segment_at(z, t * US_PER_SECOND).offset_us / US_PER_SECOND;
            if (ours != tm.tm_gmtoff)
                fail_msg("%s at %lld: %lld, the C library says %ld", zone_name(z), (long long)t,
                         (long long)ours, tm.tm_gmtoff);
        }
    }
    unsetenv("TZ");
    tzset();
}

/* The definition, by trying: the first minute whose local date is the day or later. */
static int64_t first_minute_of(const struct zone *z, int64_t d)
{
    int64_t t = d * US_PER_DAY - 16 * US_PER_HOUR;
    while (zone_date_at(z, t) < d)
        t += US_PER_MINUTE;
    return t;
}

static void days_start_at_the_first_instant_of_their_date(void **state)
{
    (void)state;
    static const char *const names[] = {
        "America/Sao_Paulo", "Asia/Beirut",         "America/Havana", "America/St_Johns",
        "Asia/Kathmandu",    "Australia/Lord_Howe", "Pacific/Apia",   "Pacific/Chatham",
        "Africa/Cairo",      "America/Nuuk",        "Asia/Gaza",      "Europe/Dublin"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct zone *z = zone(names[i]);
        int64_t end_us = time_of("2045-01-01T00:00:00Z");
        int64_t t_us = time_of("1985-01-01T00:00:00Z");
        while (t_us < end_us) { /* the days around each change of the clock */
            int64_t d = zone_date_at(z, t_us);
            for (int64_t k = d - 1; k <= d + 1; k++)
                assert_int_equal(zone_day_start(z, k), first_minute_of(z, k));
            int64_t next_us = zone_segment_at(z, t_us).to_us;
            t_us = next_us < end_us ? next_us : end_us;
        }
    }
}

/* Tiers have slots of a quarter hour, so every zone's days can be read. */
static void days_are_whole_quarter_hours_everywhere_since_1980(void **state)
{
    (void)state;
    for (size_t i = 0; i < zones_count(database); i++) {
        const struct zone *z = zones_at(database, i);
        int64_t before = zone_day_start(z, day(1980, 1, 2));
        for (int64_t d = day(1980, 1, 3); d < day(2040, 1, 1); d++) {
            int64_t start = zone_day_start(z, d);
            if (start % (15 * US_PER_MINUTE) != 0 || start < before ||
                start - before > 49 * US_PER_HOUR)
                fail_msg("%s, day %lld starts at %lld", zone_name(z), (long long)d,
                         (long long)start);
            before = start;
        }
    }
}

static void a_midnight_that_does_not_exist_gives_the_jump(void **state)
{
    (void)state;
    /* Brazil, 2017-10-15: 00:00 became 01:00. */
    assert_time(zone_day_start(zone("America/Sao_Paulo"), day(2017, 10, 15)),
                "2017-10-15T03:00:00Z");
    /* Lebanon, 2024-03-31: 00:00 became 01:00. */
    assert_time(zone_day_start(zone("Asia/Beirut"), day(2024, 3, 31)), "2024-03-30T22:00:00Z");
}

static void a_midnight_that_comes_twice_counts_the_first_time(void **state)
{
    (void)state;
    /* Cuba, 2025-11-02: 01:00 became 00:00 again. */
    const struct zone *havana = zone("America/Havana");
    assert_time(zone_day_start(havana, day(2025, 11, 2)), "2025-11-02T04:00:00Z");
    assert_time(zone_day_start(havana, day(2025, 11, 3)), "2025-11-03T05:00:00Z");
}

static void a_day_a_zone_left_out_is_empty(void **state)
{
    (void)state;
    /* Samoa had no 2011-12-30. */
    const struct zone *apia = zone("Pacific/Apia");
    assert_int_equal(zone_day_start(apia, day(2011, 12, 30)),
                     zone_day_start(apia, day(2011, 12, 31)));
}

static void the_rule_holds_for_the_far_future(void **state)
{
    (void)state;
    const struct zone *berlin = zone("Europe/Berlin");
    assert_time(zone_day_start(berlin, day(2500, 7, 1)), "2500-06-30T22:00:00Z");
    assert_time(zone_day_start(berlin, day(2500, 12, 1)), "2500-11-30T23:00:00Z");
}

static void times_are_written_with_the_offset_of_the_zone(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_BYTES];
    zone_format(zone("Asia/Kathmandu"), time_of("2026-01-01T00:00:00Z"), text);
    assert_string_equal(text, "2026-01-01T05:45:00+05:45");
    zone_format(zone("America/St_Johns"), time_of("2026-07-01T00:00:00Z"), text);
    assert_string_equal(text, "2026-06-30T21:30:00-02:30");
    zone_format(zone("Europe/London"), time_of("2026-01-01T00:00:00Z"), text);
    assert_string_equal(text, "2026-01-01T00:00:00+00:00");
}

static void broken_files_are_refused(void **state)
{
    (void)state;
    char file[400] = "TZif2";
    struct tzif z;
    struct err e = {0};
    for (size_t n = 0; n < sizeof file; n++)
        assert_int_equal(tzif_parse(&z, (struct span){file, n}, &e), -1);
    memset(file + 20, 0xff, 24);
    assert_int_equal(tzif_parse(&z, (struct span){file, sizeof file}, &e), -1);
}

static void broken_rules_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "CET",
                                      "CET-1CEST",
                                      "CET-1CEST,M3",
                                      "CET-1CEST,M13.1.0,M1.1.0",
                                      "CET-25",
                                      "<+01-1",
                                      "CET-1CEST,M3.5.0,M10.5.0/3x",
                                      "CET-1CEST,J0,J5",
                                      "C1"};
    struct tzif_rule rule;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err e = {0};
        if (tzif_parse_rule(&rule, span_of(bad[i]), &e) == 0)
            fail_msg("\"%s\" was taken", bad[i]);
    }
}

static void rules_by_day_of_year_are_understood(void **state)
{
    (void)state;
    struct tzif z = {.at_s = (int64_t[]){0}, .offset_s = (int32_t[]){0}};
    struct err e = {0};
    /* J60 is 1 March in any year, 59 is 29 February or 1 March. */
    assert_int_equal(tzif_parse_rule(&z.rule, span_of("AAA0BBB,J60/0,J300/0"), &e), 0);
    int64_t march_s = civil_days((struct civil){2028, 3, 1}) * 86400;
    assert_int_equal(tzif_segment_at(&z, march_s - 1).offset_s, 0);
    assert_int_equal(tzif_segment_at(&z, march_s).offset_s, 3600);
    assert_int_equal(tzif_parse_rule(&z.rule, span_of("AAA0BBB,59/0,300/0"), &e), 0);
    assert_int_equal(tzif_segment_at(&z, march_s - 86400).offset_s, 3600);
    assert_int_equal(tzif_segment_at(&z, march_s - 86401).offset_s, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_and_days_are_inverse),
        cmocka_unit_test(names_that_are_no_zone_are_not_found),
        cmocka_unit_test(utc_needs_no_database),
        cmocka_unit_test(a_missing_database_names_the_package),
        cmocka_unit_test(offsets_equal_those_of_the_c_library),
        cmocka_unit_test(days_start_at_the_first_instant_of_their_date),
        cmocka_unit_test(days_are_whole_quarter_hours_everywhere_since_1980),
        cmocka_unit_test(a_midnight_that_does_not_exist_gives_the_jump),
        cmocka_unit_test(a_midnight_that_comes_twice_counts_the_first_time),
        cmocka_unit_test(a_day_a_zone_left_out_is_empty),
        cmocka_unit_test(the_rule_holds_for_the_far_future),
        cmocka_unit_test(times_are_written_with_the_offset_of_the_zone),
        cmocka_unit_test(broken_files_are_refused),
        cmocka_unit_test(broken_rules_are_refused),
        cmocka_unit_test(rules_by_day_of_year_are_understood),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
