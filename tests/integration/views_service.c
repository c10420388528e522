/* SPDX-License-Identifier: Apache-2.0 */
/* Views change in the real service, which is killed outright in the midst of it: it is the old or
 * the new, and what can be read is what SQL says. */
#include "tests/support/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { DEADLINE_MS = 120000, EVENTS = 3000 };

#define MINE(column_)                                                                              \
    "CREATE MATERIALIZED VIEW mine AS\n"                                                           \
    "SELECT site, date_bin('15 minutes', event_time, 'epoch') AS time, " column_ ",\n"             \
    "       count(*) AS pageviews, count(DISTINCT visitor) AS visitors\n"                          \
    "FROM events\n"                                                                                \
    "WHERE event_type = 'PageViewEvent' AND NOT bot\n"                                             \
    "GROUP BY 1, 2, 3;\n"
#define TOTAL "/v1/views/mine/rows?site=a.example&step=all&by=&from=" TRAFFIC_FROM "&to=" TRAFFIC_TO

/* ---- asking */

static struct support_answer change(struct service *s, const char *method, const char *sql)
{
    char *url = mem_format("%s/v1/admin/views%s", s->footfall.url, sql == NULL ? "/mine" : "");
    struct support_http request = {
        .method = method,
        .url = url,
        .token = s->footfall.admin_token,
        .headers = {sql == NULL ? NULL : "content-type: application/sql"},
        .body = span_of(sql)};
    struct support_answer a = support_http(&request);
    free(url);
    return a;
}

static int add(struct service *s, const char *sql)
{
    struct support_answer a = change(s, "POST", sql);
    int status = a.status;
    support_answer_clear(&a);
    return status;
}

static int drop(struct service *s)
{
    struct support_answer a = change(s, "DELETE", NULL);
    int status = a.status;
    support_answer_clear(&a);
    return status;
}

static bool answer_has(struct service *s, const char *path, int status, const char *text)
{
    struct support_answer a = service_get(s, path, NULL);
    bool has = a.status == status && strstr((char *)a.body.p, text) != NULL;
    support_answer_clear(&a);
    return has;
}

static bool is_by_os(void *s)
{
    return answer_has(s, TOTAL, 200, "\"pageviews\"") &&
           answer_has(s, "/v1/admin/views/mine", 200, "\"dimensions\":[\"os\"]") &&
           answer_has(s, "/v1/admin/views/mine", 200, "\"changing\":false");
}

static bool is_by_browser(void *s)
{
    return answer_has(s, TOTAL, 200, "\"pageviews\"") &&
           answer_has(s, "/v1/admin/views/mine", 200, "\"dimensions\":[\"browser\"]") &&
           answer_has(s, "/v1/admin/views/mine", 200, "\"changing\":false");
}

static bool is_dropped(void *s)
{
    return answer_has(s, TOTAL, 404, "mine");
}

static bool a_job_runs(void *s)
{
    return answer_has(s, "/v1/admin/replays", 200, "\"running\"");
}

static bool all_jobs_are_done(void *s)
{
    return !a_job_runs(s) && !answer_has(s, "/v1/admin/replays", 200, "\"waiting\"");
}

static bool at_once(void *s)
{
    (void)s;
    return true;
}

/* ---- killed */

/* What is waited for before the kill; whichever the machine gets to, all must end the same. */
static bool (*const moments[])(void *s) = {at_once, a_job_runs, all_jobs_are_done};

static bool job_was_seen(void *arg)
{
    struct service *s = arg;
    return a_job_runs(s) || is_by_os(s) || is_by_browser(s);
}

static void kill_at(struct service *s, int moment)
{
    bool (*is_there)(void *s) = moments[moment] == a_job_runs ? job_was_seen : moments[moment];
    wait_until(DEADLINE_MS, "the moment to kill", is_there, s);
    service_kill9(s);
    service_restart(s);
}

static void assert_right(struct service *s, const char *view)
{
    const char *words[] = {"verify", view, "--data-dir", s->footfall.data_dir, NULL};
    struct buf out = {0}, err_out = {0};
    service_wait_caught_up(s, DEADLINE_MS);
    if (support_footfall_run(&out, &err_out, words) != 0)
        fail_msg("%s%s", (char *)out.p, (char *)err_out.p);
    buf_clear(&out);
    buf_clear(&err_out);
}

static void a_view_that_was_being_added_when_the_service_was_killed_comes(void **state)
{
    (void)state;
    struct service s;
    struct traffic traffic = {.seed = 11};
    service_start(&s);
    service_post_all(&s, &traffic, EVENTS);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(add(&s, MINE("os")), 202);
        kill_at(&s, i);
        wait_until(DEADLINE_MS, "the view to be read", is_by_os, &s);
        assert_int_equal(drop(&s), 204);
        assert_true(is_dropped(&s));
    }
    assert_int_equal(add(&s, MINE("os")), 202);
    service_post_all(&s, &traffic, 500);
    wait_until(DEADLINE_MS, "the view to be read", is_by_os, &s);
    assert_right(&s, "mine");
    service_stop(&s);
}

static void a_view_that_was_being_changed_when_the_service_was_killed_is_changed(void **state)
{
    (void)state;
    struct service s;
    struct traffic traffic = {.seed = 12};
    service_start(&s);
    service_post_all(&s, &traffic, EVENTS);
    assert_int_equal(add(&s, MINE("os")), 202);
    wait_until(DEADLINE_MS, "the view to be read", is_by_os, &s);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(add(&s, i % 2 == 0 ? MINE("browser") : MINE("os")), 202);
        kill_at(&s, i);
        wait_until(DEADLINE_MS, "the new definition to be read",
                   i % 2 == 0 ? is_by_browser : is_by_os, &s);
    }
    service_post_all(&s, &traffic, 500);
    assert_right(&s, "mine");
    service_stop(&s);
}

static void a_view_that_was_dropped_when_the_service_was_killed_is_gone(void **state)
{
    (void)state;
    struct service s;
    struct traffic traffic = {.seed = 13};
    service_start(&s);
    service_post_all(&s, &traffic, EVENTS);
    assert_int_equal(add(&s, MINE("os")), 202);
    wait_until(DEADLINE_MS, "the view to be read", is_by_os, &s);
    assert_int_equal(drop(&s), 204);
    service_kill9(&s);
    service_restart(&s);
    assert_true(is_dropped(&s));
    assert_int_equal(add(&s, MINE("browser")), 202);
    assert_int_equal(drop(&s), 204); /* while it waits or is built */
    service_kill9(&s);
    service_restart(&s);
    assert_true(is_dropped(&s));
    assert_right(&s, "pageviews");
    service_stop(&s);
}

/* ---- read all the while */

struct watching {
    struct service *service;
    bool (*until)(void *s);
    char total[40];
};

/* The total of the range stands in every answer, and is the same in both definitions. */
static bool reads_the_same_until(void *arg)
{
    struct watching *w = arg;
    struct support_answer a = service_get(w->service, TOTAL, NULL);
    const char *total = strstr((char *)a.body.p, "\"totals\":");
    if (a.status != 200 || total == NULL)
        fail_msg("status %d while the view was changed: %s", a.status, (char *)a.body.p);
    char now[40];
    snprintf(now, sizeof(now), "%.*s", (int)strcspn(total, ","), total);
    if (w->total[0] == '\0')
        memcpy(w->total, now, sizeof(now));
    assert_string_equal(now, w->total);
    support_answer_clear(&a);
    return w->until(w->service);
}

static void a_view_is_read_without_a_gap_while_it_is_changed(void **state)
{
    (void)state;
    struct service s;
    struct traffic traffic = {.seed = 14};
    service_start(&s);
    service_post_all(&s, &traffic, EVENTS);
    assert_int_equal(add(&s, MINE("os")), 202);
    wait_until(DEADLINE_MS, "the view to be read", is_by_os, &s);
    service_wait_caught_up(&s, DEADLINE_MS);
    struct watching w = {.service = &s, .until = is_by_browser};
    assert_int_equal(add(&s, MINE("browser")), 202);
    wait_until(DEADLINE_MS, "the new definition to be read", reads_the_same_until, &w);
    w.until = is_by_os;
    assert_int_equal(add(&s, MINE("os")), 202);
    wait_until(DEADLINE_MS, "the old definition to be back", reads_the_same_until, &w);
    service_stop(&s);
}

/* ---- another process */

static void another_process_sees_the_change(void **state)
{
    (void)state;
    struct service s, api;
    struct traffic traffic = {.seed = 15};
    service_start(&s);
    const char *words[] = {"--roles", "api", "--postgres", s.postgres, "--redis", s.redis, NULL};
    api = (struct service){0};
    support_footfall_start(&api.footfall, NULL, words);
    free(api.footfall.admin_token); /* tokens are the database's */
    api.footfall.admin_token = mem_copy_text(s.footfall.admin_token);
    service_post_all(&s, &traffic, EVENTS);
    assert_int_equal(add(&api, MINE("os")), 202);
    wait_until(DEADLINE_MS, "the view to be read", is_by_os, &s);
    wait_until(DEADLINE_MS, "the view to be read there", is_by_os, &api);
    struct watching w = {.service = &api, .until = is_by_browser};
    service_wait_caught_up(&s, DEADLINE_MS);
    assert_int_equal(add(&s, MINE("browser")), 202);
    wait_until(DEADLINE_MS, "the new definition to be read there", reads_the_same_until, &w);
    assert_int_equal(drop(&s), 204);
    wait_until(DEADLINE_MS, "the view to be gone there", is_dropped, &api);
    support_footfall_clear(&api.footfall);
    service_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_view_that_was_being_added_when_the_service_was_killed_comes, support_setup,
            support_teardown),
        cmocka_unit_test_setup_teardown(
            a_view_that_was_being_changed_when_the_service_was_killed_is_changed, support_setup,
            support_teardown),
        cmocka_unit_test_setup_teardown(a_view_that_was_dropped_when_the_service_was_killed_is_gone,
                                        support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(a_view_is_read_without_a_gap_while_it_is_changed,
                                        support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(another_process_sees_the_change, support_setup,
                                        support_teardown),
    };
    return support_run("views that change in the service", tests, sizeof(tests) / sizeof(tests[0]));
}
