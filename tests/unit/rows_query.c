/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "api/accept.h"
#include "api/rows_query.h"
#include "views/catalog.h"

struct parsed {
    int result;
    struct rows_query query;
    struct refusal refusal;
    struct query_param params[300];
    char text[4000];
};

static void parse(struct parsed *p, const char *view, const char *text)
{
    struct query q;
    p->refusal = (struct refusal){0};
    assert_int_equal(query_parse(&q, span_of(text), p->params, p->text, &p->refusal.err), 0);
    p->result = rows_query_parse(&p->query, plan_find(span_of(view)), q.params, q.n, &p->refusal);
}

static void without_parameters_everything_has_its_default(void **state)
{
    (void)state;
    struct parsed p;
    parse(&p, "pageviews_by_campaign", "");
    assert_int_equal(p.result, 0);
    assert_int_equal(p.query.n_by, 3);
    assert_int_equal(p.query.limit, 1000);
    assert_int_equal(p.query.order[0].column, ROWS_TIME);
    assert_true(p.query.order[1].column == ROWS_MEASURE && p.query.order[1].descending);
    assert_true(span_absent(p.query.site) && !p.query.fill);
}

static void all_parameters_are_understood(void **state)
{
    (void)state;
    struct parsed p;
    parse(&p, "pageviews_by_campaign",
          "site=a.b&from=1&to=2&step=day&tz=UTC&by=utm_medium,utm_source&filter%5Butm_source%5D=x%"
          "2Cy&"
          "filter[utm_source]=&filter[utm_medium]!=mail&null[utm_campaign]=true&order=-visitors,"
          "utm_medium,time&limit=10&offset=20&fill=0");
    assert_int_equal(p.result, 0);
    assert_int_equal(p.query.n_by, 2);
    assert_int_equal(p.query.by[0], 1);
    assert_int_equal(p.query.n_conditions, 4);
    assert_true(span_is(p.query.conditions[0].value.text, "x,y"));
    assert_true(p.query.conditions[2].excludes && p.query.conditions[2].dimension == 1);
    assert_true(p.query.conditions[3].value.null);
    assert_int_equal(p.query.n_order, 3);
    assert_true(p.query.order[0].descending && p.query.order[0].index == 1);
    assert_true(p.query.order[1].column == ROWS_DIMENSION && p.query.order[1].index == 0);
    assert_true(p.query.limit == 10 && p.query.offset == 20 && p.query.fill);
}

static void an_empty_by_keeps_no_dimension(void **state)
{
    (void)state;
    struct parsed p;
    parse(&p, "pageviews_by_region", "by=");
    assert_int_equal(p.result, 0);
    assert_int_equal(p.query.n_by, 0);
}

static void bad_parameters_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"by=country", "by"},
        {"by=region,region", "by"},
        {"by=region,", "by"},
        {"filter[country]=DE", "filter[country]"},
        {"filter[]=DE", "filter[]"},
        {"filter[country]!=DE", "filter[country]!"},
        {"filter=DE", "filter"},
        {"null[region]=1", "null[region]"},
        {"null[x]=true", "null[x]"},
        {"order=visitors", "order"},
        {"order=", "order"},
        {"order=-", "order"},
        {"by=&order=region", "order"},
        {"limit=10001", "limit"},
        {"limit=-1", "limit"},
        {"limit=", "limit"},
        {"limit=1e3", "limit"},
        {"offset=1000001", "offset"},
        {"offset=99999999999999999999", "offset"},
        {"fill=1", "fill"},
        {"window=1h&window=2h", "window"},
        {"site=a&site=b", "site"},
        {"limit=1&limit=1", "limit"},
        {"bogus=1", "bogus"},
        {"Site=a", "Site"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct parsed p;
        parse(&p, "pageviews_by_region", cases[i][0]);
        if (p.result == 0)
            fail_msg("%s was taken", cases[i][0]);
        assert_string_equal(p.refusal.field, cases[i][1]);
        assert_int_equal(p.refusal.err.kind, ERR_INPUT);
    }
}

static void conditions_are_bounded(void **state)
{
    (void)state;
    struct parsed p;
    char text[101 * 18 + 1] = "";
    for (int i = 0; i < 101; i++)
        strcat(text, "filter[region]=DE&");
    text[strlen(text) - 1] = '\0';
    parse(&p, "pageviews_by_region", text);
    assert_int_equal(p.result, -1);
    assert_string_equal(p.refusal.field, "filter[region]");
}

static bool wants(const char *text, const char *region)
{
    struct parsed p;
    struct group_value dimension = {
        .type = VALUE_TEXT, .null = region == NULL, .text = span_of(region)};
    parse(&p, "pageviews_by_region", text);
    assert_int_equal(p.result, 0);
    return rows_query_wants(&p.query, &dimension);
}

static void conditions_choose_groups(void **state)
{
    (void)state;
    assert_true(wants("", "DE") && wants("", NULL));
    assert_true(wants("filter[region]=DE&filter[region]=FR", "FR"));
    assert_false(wants("filter[region]=DE&filter[region]=FR", "US"));
    assert_false(wants("filter[region]=DE", NULL));
    assert_true(wants("filter[region]=DE&null[region]=true", NULL));
    assert_true(wants("filter[region]!=DE", "FR") && wants("filter[region]!=DE", NULL));
    assert_false(wants("filter[region]!=DE", "DE"));
    assert_false(wants("null[region]=false", NULL));
    assert_true(wants("null[region]=false", ""));
    assert_true(wants("filter[region]=", ""));
    assert_false(wants("filter[region]=", NULL));
    assert_false(wants("filter[region]=DE&filter[region]!=DE", "DE"));
}

static const char *const offers[] = {"application/json", "application/msgpack", "text/csv", NULL};

static void the_best_accepted_form_is_chosen(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        int chosen;
    } cases[] = {
        {NULL, 0},
        {"", 0},
        {"*/*", 0},
        {"text/csv", 2},
        {"Text/CSV", 2},
        {"text/*", 2},
        {"text/html,application/xhtml+xml,*/*;q=0.8", 0},
        {"text/csv;q=0.5, application/msgpack", 1},
        {"text/csv;q=0.5,application/json;q=0.4", 2},
        {"image/png", -1},
        {"text/csv;q=0", -1},
        {"application/json;q=0, */*", 1},
        {"application/json ; charset=utf-8 ; q=0.9, text/csv", 2},
        {",,,", -1},
        {";;q=1", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (accept_choose(span_of(cases[i].accept), offers) != cases[i].chosen)
            fail_msg("Accept: %s", cases[i].accept);
}

static void entity_tags_are_found_in_a_list(void **state)
{
    (void)state;
    struct span tag = span_of("\"ab\"");
    assert_true(accept_has_tag(span_of("\"x\", \"ab\""), tag));
    assert_true(accept_has_tag(span_of("W/\"ab\""), tag));
    assert_true(accept_has_tag(span_of("*"), tag));
    assert_false(accept_has_tag(span_of("\"abc\", ab"), tag));
    assert_false(accept_has_tag(SPAN_ABSENT, tag));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_parameters_everything_has_its_default),
        cmocka_unit_test(all_parameters_are_understood),
        cmocka_unit_test(an_empty_by_keeps_no_dimension),
        cmocka_unit_test(bad_parameters_are_refused_by_name),
        cmocka_unit_test(conditions_are_bounded),
        cmocka_unit_test(conditions_choose_groups),
        cmocka_unit_test(the_best_accepted_form_is_chosen),
        cmocka_unit_test(entity_tags_are_found_in_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
