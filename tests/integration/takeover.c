/* SPDX-License-Identifier: Apache-2.0 */
/* Two services on one PostgreSQL and Redis: one works, the other stands by. */
#include "tests/support/support.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "tests/support/service.h"

enum { DEADLINE_MS = 120000, REQUEST_EVENTS = 20 };

struct pair {
    char *postgres;
    const char *redis;
    struct service first, second;
};

static void spawn(struct pair *p, struct service *s)
{
    const char *words[] = {"--postgres",   p->postgres, "--redis", p->redis,
                           "--http.loops", "1",         NULL};
    *s = (struct service){.postgres = p->postgres, .redis = (char *)(uintptr_t)p->redis};
    support_footfall_spawn(&s->footfall, NULL, words);
}

static void start_pair(struct pair *p)
{
    *p = (struct pair){.postgres = support_postgres(), .redis = support_redis()};
    spawn(p, &p->first);
    support_footfall_wait_ready(&p->first.footfall);
}

static void end_pair(struct pair *p)
{
    support_footfall_clear(&p->first.footfall);
    support_footfall_clear(&p->second.footfall);
    free(p->postgres);
}

static bool stands_by(void *arg)
{
    return support_footfall_said(arg, "standing by");
}

/* ------------------------------------------------------------------ requests */

/* The number-th request: events whose ids are its own. */
static void put_request(struct buf *body, unsigned number)
{
    for (unsigned i = 0; i < REQUEST_EVENTS; i++)
        buf_printf(body,
                   "{\"pageUrl\":\"https://a.example/%u/%u\","
                   "\"eventId\":\"%08x-0000-4000-8000-%012x\"}\n",
                   number, i, number, i);
}

struct posting {
    const struct service *to;
    unsigned number;
    pthread_t thread;
    int status;
};

static void *post(void *context)
{
    struct posting *p = context;
    struct buf body = {0};
    char *url = mem_format("%s/v1/events", p->to->footfall.url);
    put_request(&body, p->number);
    struct support_answer a =
        support_http(&(struct support_http){.url = url,
                                            .token = p->to->footfall.admin_token,
                                            .headers = {"content-type: application/x-ndjson"},
                                            .body = buf_span(&body),
                                            .timeout_ms = DEADLINE_MS});
    p->status = a.status;
    support_answer_clear(&a);
    buf_clear(&body);
    free(url);
    return NULL;
}

static int post_now(const struct service *to, unsigned number)
{
    struct posting p = {.to = to, .number = number};
    post(&p);
    return p.status;
}

static bool is_taken(void *arg)
{
    struct posting *p = arg;
    post(p);
    return p->status == 202;
}

static void log_holds(const struct pair *p, int64_t events)
{
    assert_int_equal(support_sql_int(p->postgres, "SELECT count(*) FROM events"), events);
    assert_int_equal(support_sql_int(p->postgres, "SELECT count(DISTINCT event_id) FROM events"),
                     events);
    assert_int_equal(support_sql_int(p->postgres, "SELECT log_next_seq(0)"), events);
}

static int readiness(struct service *s)
{
    struct support_answer a = service_get(s, "/readyz", NULL);
    int status = a.status;
    support_answer_clear(&a);
    return status;
}

static bool is_ready(void *arg)
{
    return readiness(arg) == 200;
}

static bool is_not_ready(void *arg)
{
    return readiness(arg) == 503;
}

/* ------------------------------------------------------------------ tests */

static void a_standby_takes_over_when_the_owner_is_killed(void **state)
{
    (void)state;
    struct pair p;
    start_pair(&p);
    assert_int_equal(post_now(&p.first, 1), 202);
    spawn(&p, &p.second);
    wait_until(DEADLINE_MS, "the second to stand by", stands_by, &p.second.footfall);
    assert_int_equal(post_now(&p.first, 2), 202);
    support_footfall_kill9(&p.first.footfall);
    support_footfall_wait_ready(&p.second.footfall);
    assert_int_equal(post_now(&p.second, 2), 202); /* known: the ids were read from the log */
    assert_int_equal(post_now(&p.second, 3), 202);
    log_holds(&p, 3 * REQUEST_EVENTS);
    service_wait_caught_up(&p.second, DEADLINE_MS);
    wait_until(DEADLINE_MS, "the second to be ready", is_ready, &p.second);
    end_pair(&p);
}

static void a_standby_ends_when_it_is_told_to(void **state)
{
    (void)state;
    struct pair p;
    start_pair(&p);
    spawn(&p, &p.second);
    wait_until(DEADLINE_MS, "the second to stand by", stands_by, &p.second.footfall);
    assert_int_equal(support_footfall_stop(&p.second.footfall), 0);
    assert_int_equal(post_now(&p.first, 1), 202);
    end_pair(&p);
}

/* Returns when all its threads have stopped. */
static void freeze(const struct service *s)
{
    int status;
    assert_int_equal(kill(s->footfall.pid, SIGSTOP), 0);
    assert_int_equal(waitpid(s->footfall.pid, &status, WUNTRACED), s->footfall.pid);
    assert_true(WIFSTOPPED(status));
}

/* Frozen long enough to be taken for dead, then alive again: whatever it was about to do is fenced,
 * and it takes over in its turn. */
static void a_frozen_owner_is_fenced_when_it_wakes_up(void **state)
{
    (void)state;
    struct pair p;
    start_pair(&p);
    for (unsigned i = 1; i <= 5; i++)
        assert_int_equal(post_now(&p.first, i), 202);
    freeze(&p.first);
    struct posting late = {.to = &p.first, .number = 6};
    assert_int_equal(pthread_create(&late.thread, NULL, post, &late), 0);
    spawn(&p, &p.second);
    support_footfall_wait_ready(&p.second.footfall);
    for (unsigned i = 1; i <= 7; i++)
        assert_int_equal(post_now(&p.second, i), 202);
    assert_int_equal(kill(p.first.footfall.pid, SIGCONT), 0);
    pthread_join(late.thread, NULL);
    assert_int_equal(late.status, 503);
    assert_int_equal(post_now(&p.first, 8), 503);
    wait_until(DEADLINE_MS, "the first to say that it is not ready", is_not_ready, &p.first);
    log_holds(&p, 7 * REQUEST_EVENTS);
    assert_int_equal(support_footfall_stop(&p.second.footfall), 0);
    struct posting again = {.to = &p.first, .number = 7};
    wait_until(DEADLINE_MS, "the first to take over", is_taken, &again);
    log_holds(&p, 7 * REQUEST_EVENTS);
    service_wait_caught_up(&p.first, DEADLINE_MS);
    wait_until(DEADLINE_MS, "the first to be ready", is_ready, &p.first);
    end_pair(&p);
}

static void one_folder_has_one_service(void **state)
{
    (void)state;
    struct pair p;
    struct buf out = {0}, err_out = {0};
    start_pair(&p);
    const char *words[] = {"serve",
                           "--data-dir",
                           p.first.footfall.data_dir,
                           "--listen",
                           "127.0.0.1:0",
                           "--postgres",
                           p.postgres,
                           "--redis",
                           p.redis,
                           support_user() == NULL ? NULL : "--user",
                           support_user(),
                           NULL};
    assert_int_equal(support_footfall_run(&out, &err_out, words), 1);
    assert_non_null(strstr((char *)err_out.p, "is held by process"));
    assert_int_equal(post_now(&p.first, 1), 202);
    buf_clear(&out);
    buf_clear(&err_out);
    end_pair(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_standby_takes_over_when_the_owner_is_killed,
                                        support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(a_standby_ends_when_it_is_told_to, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(a_frozen_owner_is_fenced_when_it_wakes_up, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(one_folder_has_one_service, support_setup,
                                        support_teardown),
    };
    return support_run("takeover", tests, sizeof(tests) / sizeof(tests[0]));
}
