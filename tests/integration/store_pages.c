/* SPDX-License-Identifier: Apache-2.0 */
/* Pages in Redis whose rows come and go: what is loaded is what was put, whatever happened between;
 * sub-pages stay full but for the last, and what is empty is gone. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/pack.h"
#include "base/random.h"
#include "tests/support/view_plans.h"
#include "tests/support/view_rig.h"
#include "views/page.h"

enum { MAX_GROUPS = 3 * SUB_PAGE_GROUPS };

/* A page as a builder has it, and what should be in it. */
struct kept {
    struct store *store;
    struct view_state state;
    struct page *page;
    size_t stored_rows;
    uint8_t rows[MAX_GROUPS]; /* per group */
};

static const struct view_ref ref = {.prefix = "ff", .view = "signed", .generation = 1};

static struct page *new_page(void)
{
    return page_new(&test_signed_plan, 0, SPAN_LITERAL("a.example"), 0);
}

static void add(struct kept *k, uint32_t group, int rows)
{
    union measure_value values[7] = {{0}};
    struct buf packed = {0};
    pack_array(&packed, 2);
    pack_int(&packed, group);
    pack_text(&packed, SPAN_ABSENT);
    measure_add(AGGREGATE_SUM, &values[1], rows, (int128)rows * group);
    struct delta d = {.site = page_site(k->page),
                      .group = buf_span(&packed),
                      .at = {0, group % 60},
                      .rows = rows,
                      .values = values};
    page_apply(k->page, &d, NULL);
    k->rows[group] = (uint8_t)(k->rows[group] + rows);
    buf_clear(&packed);
}

static void flush(struct kept *k)
{
    struct err e = {0};
    support_ok(page_finish(k->page, &e), &e);
    store_begin(k->store);
    store_put_page(k->store, &ref, &TIER_MINUTES, k->page, k->stored_rows);
    k->state.offset++;
    support_ok(store_commit(k->store, &ref, &k->state, &e), &e);
    page_clean(k->page);
    k->stored_rows = page_rows(k->page);
}

struct found {
    const struct kept *kept;
    size_t n;
};

static int check_row(void *context, const struct page_row *row)
{
    struct found *f = context;
    struct group_value d[PLAN_MAX_DIMENSIONS];
    struct err e = {0};
    support_ok(page_read_group(page_row_group(row), &test_signed_plan, d, &e), &e);
    assert_true(f->kept->rows[d[0].integer] > 0);
    f->n++;
    return 0;
}

static void reload(struct kept *k)
{
    struct err e = {0};
    struct page *page = new_page();
    struct store_pages one = {&page, 1};
    struct found found = {k, 0};
    support_ok(store_load_pages(k->store, &ref, &test_signed_plan, &one, &e), &e);
    assert_true(digest_equal(page_digest(page), page_digest(k->page)));
    (void)page_each_row(page, check_row, &found);
    size_t expected = 0;
    for (uint32_t i = 0; i < MAX_GROUPS; i++)
        expected += k->rows[i] > 0;
    assert_int_equal(found.n, expected);
    page_free(k->page);
    k->page = page; /* go on with what was loaded */
    k->stored_rows = page_rows(page);
}

static long count(struct view_rig *r, const char *command, const char *key)
{
    return strtol(rig_redis(r, command, key, NULL), NULL, 10);
}

static void assert_stored(struct view_rig *r, const struct kept *k)
{
    size_t n = page_rows(k->page), sub_pages = n == 0 ? 0 : (n - 1) / SUB_PAGE_GROUPS;
    static const char *const keys[] = {
        "ff:{signed:1:0}:a.example:1m:0", "ff:{signed:1:0}:a.example:1m:0:1",
        "ff:{signed:1:0}:a.example:1m:0:2", "ff:{signed:1:0}:a.example:1m:0:3"};
    for (size_t i = 0; i < 4; i++) {
        size_t before = i * SUB_PAGE_GROUPS, rows = n > before ? n - before : 0;
        rows = rows > SUB_PAGE_GROUPS ? SUB_PAGE_GROUPS : rows;
        assert_int_equal(count(r, "HLEN", keys[i]), rows + (i == 0 && sub_pages > 0));
    }
    assert_int_equal(count(r, "ZCARD", "ff:{signed:1:0}:index"), n > 0);
}

static void kept_open(struct view_rig *r, struct kept *k)
{
    struct err e = {0};
    bool found;
    *k = (struct kept){.page = new_page(), .state.format = PAGE_FORMAT};
    memset(k->state.definition, 'a', 64);
    memset(k->state.log_id, 'b', 36);
    support_ok(store_open(&k->store, &r->options.store, &e), &e);
    support_ok(store_watch_state(k->store, &ref, &(struct view_state){0}, &found, &e), &e);
}

static void kept_close(struct kept *k)
{
    store_close(k->store);
    page_free(k->page);
    free(k);
}

static void pages_shrink_and_grow_by_whole_sub_pages(void **state)
{
    struct view_rig *r = *state;
    struct kept *k = mem_alloc(sizeof *k);
    kept_open(r, k);
    for (uint32_t i = 0; i < 2 * SUB_PAGE_GROUPS + 10; i++)
        add(k, i, 1);
    flush(k);
    assert_stored(r, k);
    for (uint32_t i = 0; i < 11; i++) /* of the first sub-page: the third goes */
        add(k, i, -1);
    flush(k);
    assert_stored(r, k);
    reload(k);
    for (uint32_t i = 20; i < SUB_PAGE_GROUPS; i++)
        add(k, i, -1);
    add(k, 5, 1);
    flush(k);
    assert_stored(r, k);
    reload(k);
    for (uint32_t i = 0; i < MAX_GROUPS; i++)
        if (k->rows[i] > 0)
            add(k, i, -1);
    flush(k);
    assert_stored(r, k);
    assert_int_equal(page_rows(k->page), 0);
    add(k, 7, 2);
    flush(k);
    assert_stored(r, k);
    reload(k);
    kept_close(k);
}

static void any_coming_and_going_is_loaded_back(void **state)
{
    struct view_rig *r = *state;
    struct kept *k = mem_alloc(sizeof *k);
    uint64_t seed = 11;
    kept_open(r, k);
    for (int round = 0; round < 12; round++) {
        bool growing = round % 4 < 2;
        for (int i = 0; i < 9000; i++) {
            uint32_t group = random_below(&seed, MAX_GROUPS);
            if (growing && k->rows[group] < 3)
                add(k, group, 1);
            else if (!growing && k->rows[group] > 0)
                add(k, group, -1);
        }
        flush(k);
        assert_stored(r, k);
        if (round % 3 == 0)
            reload(k);
    }
    reload(k);
    kept_close(k);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pages_shrink_and_grow_by_whole_sub_pages),
        TEST(any_coming_and_going_is_loaded_back),
    };
    return support_run("store_pages", tests, sizeof(tests) / sizeof(tests[0]));
}
