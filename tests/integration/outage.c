/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL frozen, away or without room: what senders are told, and that the service ends and
 * comes back. */
#include "tests/support/support.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "tests/support/service.h"

enum {
    DEADLINE_MS = 120000,
    SENDERS = 24,
    LARGE_EVENTS = 6000, /* no two fit into one append */
    MAX_BACKENDS = 64,
    DISK_BYTES = 160 << 20
};

/* ------------------------------------------------------------------ requests */

struct posting {
    const struct service *to;
    unsigned number, n_events;
    pthread_t thread;
    _Atomic int status; /* 0: not answered yet, or not at all */
    _Atomic bool retry_after;
};

static void put_request(struct buf *body, const struct posting *p)
{
    for (unsigned i = 0; i < p->n_events; i++)
        buf_printf(body,
                   "{\"pageUrl\":\"https://a.example/%u/%u\","
                   "\"eventId\":\"%08x-0000-4000-8000-%012x\"}\n",
                   p->number, i, p->number, i);
}

static void *post(void *context)
{
    struct posting *p = context;
    struct buf body = {0};
    char *url = mem_format("%s/v1/events", p->to->footfall.url);
    put_request(&body, p);
    struct support_answer a =
        support_http(&(struct support_http){.url = url,
                                            .token = p->to->footfall.admin_token,
                                            .headers = {"content-type: application/x-ndjson"},
                                            .body = buf_span(&body),
                                            .timeout_ms = DEADLINE_MS});
    p->retry_after = !span_absent(support_header(&a, "retry-after"));
    p->status = a.status;
    support_answer_clear(&a);
    buf_clear(&body);
    free(url);
    return NULL;
}

static int post_now(const struct service *to, unsigned number, unsigned n_events)
{
    struct posting p = {.to = to, .number = number, .n_events = n_events};
    post(&p);
    return p.status;
}

static bool is_taken(void *arg)
{
    post(arg);
    return ((struct posting *)arg)->status == 202;
}

static void post_until_taken(const struct service *to, unsigned number, unsigned n_events)
{
    struct posting p = {.to = to, .number = number, .n_events = n_events};
    wait_until(DEADLINE_MS, "events to be taken", is_taken, &p);
}

/* ------------------------------------------------------------------ PostgreSQL frozen */

static void start_outside(struct service *s)
{
    *s = (struct service){.postgres = support_postgres(),
                          .redis = (char *)(uintptr_t)support_redis()};
    const char *words[] = {"--postgres",   s->postgres, "--redis", s->redis,
                           "--http.loops", "1",         NULL};
    support_footfall_start(&s->footfall, NULL, words);
}

static void end_outside(struct service *s)
{
    support_footfall_clear(&s->footfall);
    free(s->postgres);
}

struct backends {
    pid_t pids[MAX_BACKENDS];
    unsigned n;
};

static struct backends find_backends(const struct service *s, const char *sql)
{
    struct backends b = {.n = 0};
    char *text = support_sql(s->postgres, sql);
    for (char *p = text; *p != '\0' && b.n < MAX_BACKENDS; p += strspn(p, ","))
        b.pids[b.n++] = (pid_t)strtol(p, &p, 10);
    assert_true(b.n > 0);
    free(text);
    return b;
}

static void signal_backends(const struct backends *b, int number)
{
    for (unsigned i = 0; i < b->n; i++)
        assert_int_equal(kill(b->pids[i], number), 0);
}

static bool some_are_refused(void *arg)
{
    unsigned refused = 0;
    for (const struct posting *p = arg; p < (struct posting *)arg + SENDERS; p++)
        refused += p->status == 503;
    return refused >= SENDERS / 2;
}

static void a_full_queue_is_said_and_passes(void **state)
{
    (void)state;
    struct service s;
    struct posting all[SENDERS];
    int64_t taken = 0, in_doubt = 0;
    start_outside(&s);
    struct backends writer = find_backends(&s, "SELECT backend_pid FROM log_owner");
    signal_backends(&writer, SIGSTOP);
    for (unsigned i = 0; i < SENDERS; i++) {
        all[i] = (struct posting){.to = &s, .number = i, .n_events = LARGE_EVENTS};
        assert_int_equal(pthread_create(&all[i].thread, NULL, post, &all[i]), 0);
    }
    wait_until(DEADLINE_MS, "half of the requests to be refused", some_are_refused, all);
    signal_backends(&writer, SIGCONT);
    for (unsigned i = 0; i < SENDERS; i++) {
        pthread_join(all[i].thread, NULL);
        assert_true(all[i].status == 202 || (all[i].status == 503 && all[i].retry_after));
        taken += all[i].status == 202 ? LARGE_EVENTS : 0;
        in_doubt += all[i].status == 503 ? LARGE_EVENTS : 0;
    }
    int64_t stored = support_sql_int(s.postgres, "SELECT count(*) FROM events");
    assert_in_range(stored, taken, taken + in_doubt);
    for (unsigned i = 0; i < SENDERS; i++)
        post_until_taken(&s, i, LARGE_EVENTS);
    assert_int_equal(support_sql_int(s.postgres, "SELECT count(*) FROM events"),
                     SENDERS * LARGE_EVENTS);
    end_outside(&s);
}

static void told_to_stop_while_postgresql_is_frozen_it_stops(void **state)
{
    (void)state;
    struct service s;
    start_outside(&s);
    assert_int_equal(post_now(&s, 1, 10), 202);
    struct backends all =
        find_backends(&s, "SELECT string_agg(pid::text, ',') FROM pg_stat_activity"
                          " WHERE datname = current_database()"
                          " AND application_name = 'footfall'");
    signal_backends(&all, SIGSTOP);
    struct posting waiting = {.to = &s, .number = 2, .n_events = 10};
    assert_int_equal(pthread_create(&waiting.thread, NULL, post, &waiting), 0);
    int status = support_footfall_stop(&s.footfall);
    signal_backends(&all, SIGCONT);
    pthread_join(waiting.thread, NULL);
    assert_int_equal(status, 0);
    assert_true(waiting.status == 503 || waiting.status == 0);
    end_outside(&s);
}

/* ------------------------------------------------------------------ the start */

static bool is_locked(void *arg)
{
    char *path = mem_format("%s/footfall.lock", ((struct support_footfall *)arg)->data_dir);
    bool there = file_exists(path);
    free(path);
    return there;
}

static void told_to_stop_while_it_starts_it_stops(void **state)
{
    (void)state;
    struct support_footfall f;
    support_footfall_spawn(&f, NULL, NULL);
    wait_until(DEADLINE_MS, "the start to have begun", is_locked, &f);
    assert_int_equal(support_footfall_stop(&f), 0);
    char *data_dir = mem_copy_text(f.data_dir);
    support_footfall_clear(&f);
    support_footfall_start(&f, data_dir, NULL);
    assert_int_equal(support_footfall_stop(&f), 0);
    support_footfall_clear(&f);
    free(data_dir);
}

/* ------------------------------------------------------------------ the disk */

struct small_disk {
    char *folder, *filler;
};

static bool mount_disk(struct small_disk *d)
{
    struct process_user u;
    struct err e = {0};
    char *options = mem_format("size=%d", DISK_BYTES);
    d->folder = support_folder();
    d->filler = mem_format("%s/filler", d->folder);
    bool mounted = mount("tmpfs", d->folder, "tmpfs", 0, options) == 0;
    free(options);
    if (mounted) {
        support_ok(process_find_user(&u, support_user(), &e), &e);
        support_ok(folder_give(d->folder, u.uid, u.gid, &e), &e);
    }
    return mounted;
}

static void unmount_disk(struct small_disk *d)
{
    assert_int_equal(umount2(d->folder, MNT_DETACH), 0);
    free(d->folder);
    free(d->filler);
}

/* Until not a byte more fits. */
static void fill_disk(const struct small_disk *d)
{
    static const char block[65536];
    FILE *f = fopen(d->filler, "w");
    assert_non_null(f);
    setvbuf(f, NULL, _IONBF, 0);
    while (fwrite(block, 1, sizeof(block), f) == sizeof(block))
        continue;
    while (fwrite(block, 1, 1, f) == 1)
        continue;
    fclose(f);
}

struct flood {
    const struct service *to;
    unsigned n_taken, next;
};

static bool is_full(void *arg)
{
    struct flood *f = arg;
    int status = post_now(f->to, f->next, 1000);
    assert_true(status == 202 || status == 503);
    f->next++;
    f->n_taken += status == 202;
    return status == 503;
}

static void a_full_disk_loses_nothing_that_was_acknowledged(void **state)
{
    (void)state;
    struct small_disk d;
    if (geteuid() != 0 || !mount_disk(&d)) {
        print_message("only root can mount a small disk\n");
        skip();
    }
    struct service s = {0};
    char *service_folder = mem_format("%s/data", d.folder);
    support_footfall_start(&s.footfall, service_folder, NULL);
    service_find_servers(&s);
    assert_int_equal(post_now(&s, 1, 1000), 202);
    fill_disk(&d);
    struct flood f = {.to = &s, .next = 2, .n_taken = 1};
    wait_until(DEADLINE_MS, "the disk to be full", is_full, &f);
    assert_int_equal(unlink(d.filler), 0);
    for (unsigned i = 1; i < f.next; i++)
        post_until_taken(&s, i, 1000);
    assert_int_equal(support_sql_int(s.postgres, "SELECT count(*) FROM events"),
                     (f.next - 1) * 1000);
    assert_int_equal(support_sql_int(s.postgres, "SELECT log_next_seq(0)"), (f.next - 1) * 1000);
    service_wait_caught_up(&s, DEADLINE_MS);
    service_stop(&s);
    free(service_folder);
    unmount_disk(&d);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, support_setup, support_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_full_queue_is_said_and_passes),
        TEST(told_to_stop_while_postgresql_is_frozen_it_stops),
        TEST(told_to_stop_while_it_starts_it_stops),
        TEST(a_full_disk_loses_nothing_that_was_acknowledged),
    };
    return support_run("outage", tests, sizeof(tests) / sizeof(tests[0]));
}
