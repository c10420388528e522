/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "views/catalog.h"
#include "views/layout.h"

static const struct view_ref view = {
    .prefix = "ff", .view = "visitors", .generation = 3, .partition = 1};

static void assert_text(struct buf *b, const char *expected)
{
    assert_true(span_is(buf_span(b), expected));
    buf_reset(b);
}

static void keys_are_as_documented(void **state)
{
    (void)state;
    struct buf b = {0};
    layout_state_key(&view, &b);
    assert_text(&b, "ff:{visitors:3:1}:state");
    layout_sites_key(&view, &b);
    assert_text(&b, "ff:{visitors:3:1}:sites");
    layout_index_key(&view, &b);
    assert_text(&b, "ff:{visitors:3:1}:index");
    layout_current_key("ff", &b);
    assert_text(&b, "ff:current");
    layout_page_key(&view, SPAN_LITERAL("example.com"), &TIER_QUARTERS, 86400 * US_PER_SECOND, 0,
                    &b);
    assert_text(&b, "ff:{visitors:3:1}:example.com:15m:86400");
    layout_page_key(&view, SPAN_LITERAL("example.com"), &TIER_DAYS, -31 * US_PER_DAY, 2, &b);
    assert_text(&b, "ff:{visitors:3:1}:example.com:1d:-2678400:2");
    buf_clear(&b);
}

static void copies_of_a_snapshot_lie_apart_from_the_pages(void **state)
{
    (void)state;
    struct buf b = {0};
    struct view_ref copies = view;
    copies.snapshot = 0xabc;
    layout_snapshots_key(&copies, &b);
    assert_text(&b, "ff:{visitors:3:1}:snapshots");
    layout_state_key(&copies, &b);
    assert_text(&b, "ff:{visitors:3:1}:state");
    layout_open_key(&copies, &b);
    assert_text(&b, "ff:{visitors:3:1}:@0000000000000abc:open");
    layout_kept_key(&copies, &b);
    assert_text(&b, "ff:{visitors:3:1}:@0000000000000abc:kept");
    layout_index_key(&copies, &b);
    assert_text(&b, "ff:{visitors:3:1}:@0000000000000abc:index");
    layout_sites_key(&copies, &b);
    assert_text(&b, "ff:{visitors:3:1}:@0000000000000abc:sites");
    layout_page_key(&copies, SPAN_LITERAL("example.com"), &TIER_DAYS, 0, 2, &b);
    assert_text(&b, "ff:{visitors:3:1}:@0000000000000abc:example.com:1d:0:2");
    buf_clear(&b);
}

static void the_index_leads_back_to_the_page(void **state)
{
    (void)state;
    const struct plan *p = plan_find(SPAN_LITERAL("visitors"));
    static const char *const sites[] = {"example.com", "localhost:8080", "a:1m:60"};
    for (int i = 0; i < 3; i++)
        for (unsigned tier = 0; tier < 3; tier++)
            for (int64_t at = -100 * US_PER_DAY; at < 100 * US_PER_DAY; at += 7 * US_PER_DAY) {
                struct buf b = {0};
                struct page_address a;
                struct err e = {0};
                int64_t start = tier_slot_of(p->tiers[tier], at).page_start_us;
                layout_page_suffix(span_of(sites[i]), p->tiers[tier], start, &b);
                assert_int_equal(layout_read_suffix(p, buf_span(&b), &a, &e), 0);
                assert_true(span_is(a.site, sites[i]));
                assert_true(a.tier == tier && a.start_us == start);
                buf_clear(&b);
            }
}

static void other_texts_in_the_index_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      ":",
                                      "::",
                                      "example.com",
                                      "example.com:1m",
                                      "example.com:1m:",
                                      "example.com:1m:-",
                                      "example.com:1m:61",
                                      "example.com:5m:3600",
                                      "example.com:1m:3600:1",
                                      "example.com:1m:36 00",
                                      "example.com:1m:99999999999999999999",
                                      "example.com:1d:86400",
                                      "1m:3600"};
    const struct plan *p = plan_find(SPAN_LITERAL("visitors"));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct page_address a;
        struct err e = {0};
        assert_int_equal(layout_read_suffix(p, span_of(bad[i]), &a, &e), -1);
        assert_int_equal(e.kind, ERR_DATA);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_as_documented),
        cmocka_unit_test(copies_of_a_snapshot_lie_apart_from_the_pages),
        cmocka_unit_test(the_index_leads_back_to_the_page),
        cmocka_unit_test(other_texts_in_the_index_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
