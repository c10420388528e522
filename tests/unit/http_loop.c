/* SPDX-License-Identifier: Apache-2.0 */
/* The loops of the HTTP layer: answers that come later and from other threads, messages, turns,
 * timers, watches. Limits and stopping are in http_stop.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/clock.h"
#include "tests/support/waiting_server.h"

/* ------------------------------------------------------------------ later */

static void an_answer_can_come_from_another_thread(void **state)
{
    struct fixture *f = *state;
    f->options.n_loops = 2;
    start(f);
    int fds[10];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 10; i++) {
            if (round == 0)
                fds[i] = wire_connect(http_server_address(f->server));
            wire_put(fds[i], GET_LATER);
        }
        wait_for_waiting(10);
        for (int i = 0; i < 10; i++)
            answer_one(f, NULL);
        for (int i = 0; i < 10; i++)
            says(fds[i], 202, "later");
    }
    for (int i = 0; i < 10; i++)
        close(fds[i]);
    wait_for_connections(0);
}

static void bytes_sent_while_a_request_waits_are_read_after_its_answer(void **state)
{
    struct fixture *f = *state;
    start(f);
    char head[100], body[LATER_BODY];
    memset(body, 'x', LATER_BODY - 5);
    memcpy(body + LATER_BODY - 5, "whole", 5);
    snprintf(head, sizeof(head), "POST /later HTTP/1.1\r\nContent-Length: %d\r\n\r\n", LATER_BODY);
    int fd = wire_connect(http_server_address(f->server));
    wire_put(fd, head);
    wire_send(fd, body, LATER_BODY);
    wait_for_waiting(1);
    char *hellos = mem_alloc(1000 * strlen(GET_HELLO) + 1);
    for (int i = 0; i < 1000; i++)
        strcpy(hellos + (size_t)i * strlen(GET_HELLO), GET_HELLO);
    wire_put(fd, hellos); /* enough for the body to move, were they read */
    free(hellos);
    int other = wire_connect(http_server_address(f->server));
    wire_put(other, GET_HELLO); /* the loop has been round: those bytes have been seen */
    says(other, 200, "hello");
    wire_put(fd, GET_LATER GET_HELLO);
    answer_one(f, NULL);
    says(fd, 202, "whole");
    for (int i = 0; i < 1000; i++)
        says(fd, 200, "hello");
    wait_for_waiting(1);
    answer_one(f, NULL);
    says(fd, 202, "later");
    says(fd, 200, "hello");
    close(fd);
    close(other);
}

static void a_client_may_leave_before_its_answer(void **state)
{
    struct fixture *f = *state;
    start(f);
    for (int reset = 0; reset < 2; reset++) {
        struct linger linger = {.l_onoff = reset};
        int fd = wire_connect(http_server_address(f->server));
        wire_put(fd, GET_LATER);
        wait_for_waiting(1);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
        close(fd);
        answer_one(f, NULL);
        wait_for_connections(0);
    }
}

static void a_half_closed_client_gets_its_late_answer(void **state)
{
    struct fixture *f = *state;
    start(f);
    int fd = wire_connect(http_server_address(f->server));
    wire_put(fd, GET_LATER);
    wait_for_waiting(1);
    shutdown(fd, SHUT_WR);
    answer_one(f, NULL);
    says(fd, 202, "later");
    assert_true(wire_closed(fd));
    close(fd);
}

static void a_large_answer_reaches_a_slow_reader_whole(void **state)
{
    struct fixture *f = *state;
    f->large = malloc(LARGE_BYTES);
    for (size_t i = 0; i < LARGE_BYTES; i++)
        f->large[i] = (char)(i * 7 >> 8);
    start(f);
    int fd = wire_connect(http_server_address(f->server));
    wire_put(fd, "GET /large HTTP/1.1\r\n\r\n" GET_HELLO);
    struct wire_answer a;
    assert_int_equal(wire_read_head(fd, &a), 200);
    char piece[100000];
    size_t at = 0;
    while (at < LARGE_BYTES) {
        size_t left = LARGE_BYTES - at;
        ssize_t n = recv(fd, piece, left < sizeof(piece) ? left : sizeof(piece), 0);
        assert_true(n > 0);
        assert_memory_equal(piece, f->large + at, (size_t)n);
        at += (size_t)n;
    }
    says(fd, 200, "hello");
    close(fd);
}

static bool some_are_gone(void *arg)
{
    return atomic_load(&fixture.waiting.gone) == *(unsigned *)arg;
}

/* Also one that has sent more meanwhile, which nobody has read. */
static void it_is_told_that_a_client_has_left(void **state)
{
    struct fixture *f = *state;
    static const char *const sent[] = {GET_WATCHED, GET_WATCHED GET_HELLO};
    start(f);
    int stays = wire_connect(http_server_address(f->server));
    wire_put(stays, GET_WATCHED);
    wait_for_waiting(1);
    for (unsigned i = 0; i < 2; i++) {
        int leaves = wire_connect(http_server_address(f->server));
        unsigned gone = i + 1;
        wire_put(leaves, sent[i]);
        wait_for_waiting(i + 2);
        close(leaves);
        wait_until(DEADLINE_MS, "it to be told", some_are_gone, &gone);
    }
    for (int i = 0; i < 3; i++)
        answer_one(f, NULL);
    says(stays, 202, "later");
    close(stays);
    wait_for_connections(0);
    assert_int_equal(atomic_load(&f->waiting.gone), 2);
}

/* ------------------------------------------------------------------ messages, turns, timers */

struct numbered {
    struct http_message message;
    int number;
};

struct turns {
    struct http_loop *loop;
    pthread_t thread;
    int seen[200], n_seen;
    int collected;        /* since the last turn's end */
    int batches, largest; /* what the hook saw */
    _Atomic int total;
    struct numbered messages[200];
    _Atomic bool stopped;
};
static struct turns turns;

static void on_number(struct http_message *m)
{
    assert_true(pthread_equal(pthread_self(), turns.thread));
    turns.seen[turns.n_seen++] = ((struct numbered *)m)->number;
    turns.collected++;
}

static void on_turn_end(void *context)
{
    struct turns *t = context;
    if (t->collected == 0)
        return;
    t->batches++;
    t->largest = t->collected > t->largest ? t->collected : t->largest;
    atomic_fetch_add(&t->total, t->collected);
    t->collected = 0;
}

static void start_turns(struct http_loop *l, void *context)
{
    (void)context;
    turns.loop = l;
    turns.thread = pthread_self();
    http_on_turn_end(l, on_turn_end, &turns);
}

static void stop_turns(struct http_loop *l, void *context)
{
    (void)context;
    assert_int_equal(http_loop_index(l), 0);
    atomic_store(&turns.stopped, true);
}

static bool all_seen(void *arg)
{
    return atomic_load(&turns.total) == *(int *)arg;
}

static void messages_arrive_in_order_and_before_the_turns_end(void **state)
{
    struct fixture *f = *state;
    int n = 200;
    turns = (struct turns){0};
    f->options.on_loop_start = start_turns;
    f->options.on_loop_stop = stop_turns;
    start(f);
    for (int i = 0; i < n; i++) {
        turns.messages[i] = (struct numbered){.message.on_arrive = on_number, .number = i};
        http_post(turns.loop, &turns.messages[i].message);
    }
    wait_until(DEADLINE_MS, "all messages", all_seen, &n);
    http_server_stop(f->server);
    assert_true(atomic_load(&turns.stopped));
    assert_true(turns.batches >= 1 && turns.largest <= n);
    for (int i = 0; i < n; i++)
        assert_int_equal(turns.seen[i], i);
    struct numbered late = {.message.on_arrive = on_number};
    http_post(turns.loop, &late.message); /* allowed, and never delivered */
    assert_int_equal(turns.n_seen, n);
}

/* Answers at the end of a turn, or in the next one when a timer fires: no socket takes part. */
struct collecting {
    struct waiting *waiting;
    struct http_timer *timer;
};

static void answer_all(void *context)
{
    struct waiting *w = ((struct collecting *)context)->waiting;
    for (unsigned i = 0; i < w->n; i++) {
        http_send(http_ticket_request(w->tickets[i]), &(struct http_answer){.status = 202});
        http_ticket_free(w->tickets[i]);
    }
    w->n = 0;
}

static void answer_soon(void *context)
{
    struct collecting *c = context;
    if (c->waiting->n != 0)
        http_timer_start(c->timer, 1);
}

static struct collecting collecting;

static void start_answering(struct http_loop *l, void *context)
{
    (void)context;
    http_on_turn_end(l, answer_all, &collecting);
}

static void start_answering_by_timer(struct http_loop *l, void *context)
{
    (void)context;
    collecting.timer = http_timer_new(l, answer_all, &collecting);
    http_on_turn_end(l, answer_soon, &collecting);
}

static void stop_answering_by_timer(struct http_loop *l, void *context)
{
    (void)l;
    (void)context;
    http_timer_free(collecting.timer);
}

/* Pipelined, so that only the answer's end makes the loop take the next one. */
static void do_not_stall(struct fixture *f)
{
    enum { N = 200 };
    collecting.waiting = &f->waiting;
    int fd = wire_connect(start(f));
    int64_t deadline_us = clock_monotonic_us() + DEADLINE_MS * INT64_C(1000);
    for (int i = 0; i < N; i++)
        wire_put(fd, GET_LATER);
    for (int i = 0; i < N && clock_monotonic_us() < deadline_us; i++)
        says(fd, 202, "");
    assert_true(clock_monotonic_us() < deadline_us); /* not one for each tick of some timer */
    close(fd);
}

static void answers_at_the_turns_end_do_not_stall_their_connections(void **state)
{
    struct fixture *f = *state;
    f->options.on_loop_start = start_answering;
    do_not_stall(f);
}

static void answers_from_a_timer_do_not_stall_their_connections(void **state)
{
    struct fixture *f = *state;
    f->options.on_loop_start = start_answering_by_timer;
    f->options.on_loop_stop = stop_answering_by_timer;
    do_not_stall(f);
}

struct timers {
    struct http_loop *loop;
    struct http_timer *timers[6];
    char order[16];
    int n;
    _Atomic bool done;
    struct http_message begin;
    int64_t began_us;
};
static struct timers timers;

static void fired(char letter)
{
    timers.order[timers.n++] = letter;
}

static void on_a(void *context)
{
    (void)context;
    fired('a');
    http_timer_start(timers.timers[4], 0); /* not in this turn's round for ever */
}

static void on_b(void *context)
{
    (void)context;
    fired('b');
    http_timer_free(timers.timers[1]); /* itself */
    timers.timers[1] = NULL;
}

static void on_c(void *context)
{
    (void)context;
    fired('c');
    assert_true(clock_monotonic_us() - timers.began_us >= 30000);
    atomic_store(&timers.done, true);
}

static void on_never(void *context)
{
    (void)context;
    fired('!');
}

static void on_e(void *context)
{
    (void)context;
    fired('e');
}

static void begin_timers(struct http_message *m)
{
    (void)m;
    timers.began_us = clock_monotonic_us();
    http_timer_start(timers.timers[2], 30);
    http_timer_start(timers.timers[1], 10000);
    http_timer_start(timers.timers[3], 5);
    http_timer_start(timers.timers[0], 0);
    http_timer_start(timers.timers[1], 15); /* moved */
    http_timer_stop(timers.timers[3]);
    http_timer_stop(timers.timers[3]);
}

static void make_timers(struct http_loop *l, void *context)
{
    static void (*const each[])(void *) = {on_a, on_b, on_c, on_never, on_e};
    for (int i = 0; i < 5; i++)
        timers.timers[i] = http_timer_new(l, each[i], context);
    timers.loop = l;
}

static void free_timers(struct http_loop *l, void *context)
{
    (void)l;
    (void)context;
    for (int i = 0; i < 6; i++)
        http_timer_free(timers.timers[i]);
}

static bool timers_done(void *arg)
{
    (void)arg;
    return atomic_load(&timers.done);
}

static void timers_fire_once_and_in_order(void **state)
{
    struct fixture *f = *state;
    timers = (struct timers){.begin.on_arrive = begin_timers};
    f->options.on_loop_start = make_timers;
    f->options.on_loop_stop = free_timers;
    start(f);
    http_post(timers.loop, &timers.begin);
    wait_until(DEADLINE_MS, "the last timer", timers_done, NULL);
    http_server_stop(f->server);
    assert_string_equal(timers.order, "aebc");
}

struct watches {
    struct http_watch *in, *out;
    int in_fd, test_fd; /* the loop reads in_fd; the test writes to test_fd */
    _Atomic int readable, writable;
};
static struct watches watches;

static void on_readable(void *context)
{
    struct watches *w = context;
    char byte;
    ssize_t n = read(w->in_fd, &byte, 1);
    assert_true(n >= 0);
    if (n == 0 || byte == 'q') {
        http_watch_free(w->in);
        w->in = NULL;
    }
    atomic_fetch_add(&w->readable, 1);
}

static void on_writable(void *context)
{
    struct watches *w = context;
    if (atomic_fetch_add(&w->writable, 1) == 0)
        http_watch_write(w->out); /* once more: each asks for one call */
}

static void make_watches(struct http_loop *l, void *context)
{
    (void)context;
    int pair[2], other[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, other), 0);
    watches.in_fd = pair[0];
    watches.test_fd = pair[1];
    watches.in = http_watch_new(l, pair[0], on_readable, NULL, &watches);
    watches.out = http_watch_new(l, other[0], on_readable, on_writable, &watches);
    close(other[1]);
    http_watch_read(watches.in, true);
    http_watch_read(watches.in, true);
    http_watch_write(watches.out);
    http_watch_write(watches.out);
}

static void free_watches(struct http_loop *l, void *context)
{
    (void)l;
    (void)context;
    http_watch_free(watches.in);
    http_watch_free(watches.out);
}

static bool watches_called(void *arg)
{
    return atomic_load(&watches.readable) == *(int *)arg && atomic_load(&watches.writable) == 2;
}

static void watches_tell_when_a_descriptor_is_ready(void **state)
{
    struct fixture *f = *state;
    watches = (struct watches){0};
    f->options.on_loop_start = make_watches;
    f->options.on_loop_stop = free_watches;
    start(f);
    int want = 1;
    assert_int_equal(write(watches.test_fd, "x", 1), 1);
    wait_until(DEADLINE_MS, "the byte", watches_called, &want);
    want = 3;
    assert_int_equal(write(watches.test_fd, "xq", 2), 2);
    wait_until(DEADLINE_MS, "the last byte", watches_called, &want);
    close(watches.test_fd);
    assert_int_equal(atomic_load(&watches.writable), 2);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(an_answer_can_come_from_another_thread),
        T(bytes_sent_while_a_request_waits_are_read_after_its_answer),
        T(a_client_may_leave_before_its_answer),
        T(it_is_told_that_a_client_has_left),
        T(a_half_closed_client_gets_its_late_answer),
        T(a_large_answer_reaches_a_slow_reader_whole),
        T(messages_arrive_in_order_and_before_the_turns_end),
        T(answers_at_the_turns_end_do_not_stall_their_connections),
        T(answers_from_a_timer_do_not_stall_their_connections),
        T(timers_fire_once_and_in_order),
        T(watches_tell_when_a_descriptor_is_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
