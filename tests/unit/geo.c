/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "ingest/geo.h"
#include "tests/support/data.h"
#include "tests/support/mmdb.h"

static struct address address(const char *text)
{
    struct address a;
    assert_int_equal(address_parse(span_of(text), &a), 0);
    return a;
}

static void check(struct geo_finder *f, const char *text, const char *region)
{
    struct address a = address(text);
    for (int round = 0; round < 2; round++) { /* the second comes from the cache */
        const struct place *p = geo_find(f, &a);
        if (!span_is(place_region(p), region))
            fail_msg("%s is in %.*s, not %s", text, SPAN_ARGS(place_region(p)), region);
    }
}

static void write_database(char path[], const struct buf *record)
{
    struct buf b = {0};
    struct err e = {0};
    mmdb_build(&b, (const uint8_t[]){192, 0, 2}, buf_span(record));
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(file_write(path, buf_span(&b), 0600, &e), 0);
    buf_clear(&b);
}

static void flat_record(struct buf *record, const char *code)
{
    buf_reset(record);
    mmdb_map(record, 1);
    mmdb_text(record, "country_code");
    mmdb_text(record, code);
}

static void a_flat_database_gives_countries(void **state)
{
    (void)state;
    char path[] = "/tmp/footfall-test-XXXXXX";
    struct buf record = {0};
    flat_record(&record, "DE");
    write_database(path, &record);
    struct geo *g;
    assert_int_equal(geo_open(&g, path, NULL), 0);
    struct geo_finder *f = geo_finder_new(g);
    check(f, "192.0.2.7", "DE");
    check(f, "192.0.3.7", "ZZ");
    check(f, "2001:db8::1", "ZZ");
    geo_finder_free(f);
    geo_close(g);
    unlink(path);
    buf_clear(&record);
}

static void a_city_database_gives_regions(void **state)
{
    (void)state;
    char path[] = "/tmp/footfall-test-XXXXXX";
    struct buf record = {0};
    mmdb_map(&record, 2);
    mmdb_text(&record, "country");
    mmdb_map(&record, 1);
    mmdb_text(&record, "iso_code");
    mmdb_text(&record, "US");
    mmdb_text(&record, "subdivisions");
    buf_put(&record, "\x01\x04", 2); /* an array of one */
    mmdb_map(&record, 1);
    mmdb_text(&record, "iso_code");
    mmdb_text(&record, "CA");
    write_database(path, &record);
    struct geo *g;
    assert_int_equal(geo_open(&g, path, NULL), 0);
    struct geo_finder *f = geo_finder_new(g);
    check(f, "192.0.2.7", "US-CA");
    assert_true(span_is(region_country(SPAN_LITERAL("US-CA")), "US"));
    assert_true(span_absent(region_country(SPAN_LITERAL("ZZ"))));
    geo_finder_free(f);
    geo_close(g);
    unlink(path);
    buf_clear(&record);
}

static void a_strange_code_is_nowhere(void **state)
{
    (void)state;
    static const char *const codes[] = {"de", "DEU", "D", "D1", ""};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        char path[] = "/tmp/footfall-test-XXXXXX";
        struct buf record = {0};
        flat_record(&record, codes[i]);
        write_database(path, &record);
        struct geo *g;
        assert_int_equal(geo_open(&g, path, NULL), 0);
        struct geo_finder *f = geo_finder_new(g);
        check(f, "192.0.2.7", "ZZ");
        geo_finder_free(f);
        geo_close(g);
        unlink(path);
        buf_clear(&record);
    }
}

static void a_reload_reaches_finders_in_use(void **state)
{
    (void)state;
    char first[] = "/tmp/footfall-test-XXXXXX", second[] = "/tmp/footfall-test-XXXXXX";
    struct buf record = {0};
    flat_record(&record, "DE");
    write_database(first, &record);
    flat_record(&record, "FR");
    write_database(second, &record);
    struct geo *g;
    struct err e = {0};
    assert_int_equal(geo_open(&g, NULL, &e), 0);
    struct geo_finder *f = geo_finder_new(g);
    check(f, "192.0.2.7", "ZZ");
    assert_int_equal(geo_reload(g, first, &e), 0);
    check(f, "192.0.2.7", "DE");
    assert_int_equal(geo_reload(g, "/nonexistent.mmdb", &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    check(f, "192.0.2.7", "DE");
    assert_int_equal(geo_reload(g, second, &e), 0);
    check(f, "192.0.2.7", "FR");
    geo_finder_free(f);
    geo_close(g);
    unlink(first);
    unlink(second);
    buf_clear(&record);
}

/* ---- MaxMind's test data: [{"network": {record}}, ...] ---- */

static void expected_region(const struct json *j, const struct json_value *record, char out[8])
{
    struct json_value country, list, code;
    struct json_member first;
    strcpy(out, "ZZ");
    if (json_get(j, record, "country", &country, NULL) != 1 &&
        json_get(j, record, "registered_country", &country, NULL) != 1)
        return;
    if (json_get(j, &country, "iso_code", &code, NULL) != 1 &&
        (json_get(j, record, "registered_country", &country, NULL) != 1 ||
         json_get(j, &country, "iso_code", &code, NULL) != 1))
        return;
    snprintf(out, 8, "%.*s", SPAN_ARGS(code.text));
    if (json_get(j, record, "subdivisions", &list, NULL) != 1)
        return;
    struct json_walk w = json_enter(j, &list);
    if (json_next(&w, &first) && json_get(j, &first.value, "iso_code", &code, NULL) == 1)
        snprintf(out + 2, 6, "-%.*s", SPAN_ARGS(code.text));
}

static int check_network(struct geo_finder *f, const struct json *j, const struct json_member *m)
{
    char text[64], region[8];
    snprintf(text, sizeof(text), "%.*s", SPAN_ARGS(m->key));
    *strchr(text, '/') = '\0';
    expected_region(j, &m->value, region);
    check(f, text, region);
    return 1;
}

static void maxminds_test_database_gives_what_it_must(void **state)
{
    (void)state;
    char database[512], answers[512];
    if (!data_path(database, sizeof(database), "geo/GeoIP2-City-Test.mmdb") ||
        !data_path(answers, sizeof(answers), "geo/GeoIP2-City-Test.json"))
        skip();
    struct geo *g;
    assert_int_equal(geo_open(&g, database, NULL), 0);
    struct geo_finder *f = geo_finder_new(g);
    struct buf text = {0};
    assert_true(data_read(answers, &text));
    struct json *j = json_new(16 << 20, 32);
    struct json_value root;
    assert_int_equal(json_parse(j, buf_span(&text), &root, NULL), 0);
    struct json_walk w = json_enter(j, &root);
    struct json_member item, network;
    int n = 0;
    while (json_next(&w, &item)) {
        struct json_walk inside = json_enter(j, &item.value);
        while (json_next(&inside, &network))
            n += check_network(f, j, &network);
    }
    assert_true(n > 200);
    json_free(j);
    buf_clear(&text);
    geo_finder_free(f);
    geo_close(g);
}

static void the_flat_country_database_is_read(void **state)
{
    (void)state;
    char database[512];
    if (!data_path(database, sizeof(database), "geo/iptoasn-country.mmdb"))
        skip();
    struct geo *g;
    assert_int_equal(geo_open(&g, database, NULL), 0);
    struct geo_finder *f = geo_finder_new(g);
    check(f, "8.8.8.8", "US");
    check(f, "193.0.6.139", "NL"); /* ripe.net */
    check(f, "2001:67c:2e8:22::1", "NL");
    check(f, "127.0.0.1", "ZZ");
    geo_finder_free(f);
    geo_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flat_database_gives_countries),
        cmocka_unit_test(a_city_database_gives_regions),
        cmocka_unit_test(a_strange_code_is_nowhere),
        cmocka_unit_test(a_reload_reaches_finders_in_use),
        cmocka_unit_test(maxminds_test_database_gives_what_it_must),
        cmocka_unit_test(the_flat_country_database_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
