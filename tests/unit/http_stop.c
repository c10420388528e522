/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of the HTTP layer on connections, descriptors and time, and how it stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <sys/resource.h>

#include "tests/support/waiting_server.h"

/* ------------------------------------------------------------------ limits */

/* Reads the answer of whichever of the clients has one, and closes that. */
static void finish_any(int fds[], nfds_t n)
{
    struct pollfd polled[8];
    for (nfds_t i = 0; i < n; i++)
        polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN}; /* -1 is passed over */
    assert_true(poll(polled, n, DEADLINE_MS) > 0);
    nfds_t at = 0;
    while (polled[at].revents == 0)
        at++;
    says(fds[at], 202, "later");
    close(fds[at]);
    fds[at] = -1;
}

static void connections_over_the_cap_wait_for_one_to_end(void **state)
{
    struct fixture *f = *state;
    f->options.n_loops = 2;
    f->options.max_connections = 5;
    start(f);
    int fds[8];
    for (int i = 0; i < 8; i++) {
        fds[i] = wire_connect(http_server_address(f->server));
        wire_put(fds[i], GET_LATER);
    }
    wait_for_waiting(5);
    assert_int_equal(http_server_connections(f->server), 5);
    for (int i = 0; i < 5; i++)
        answer_one(f, NULL);
    for (int i = 0; i < 8; i++) {
        finish_any(fds, 8);
        if (i < 3) { /* which lets one of the others in */
            wait_for_waiting(1);
            assert_true(http_server_connections(f->server) <= 5);
            answer_one(f, NULL);
        }
    }
    wait_for_connections(0);
}

static void without_descriptors_accepting_pauses_and_goes_on(void **state)
{
    struct fixture *f = *state;
    struct rlimit before, tight;
    struct sockaddr_in to;
    const char *address = start(f);
    int first = wire_connect(address), second;
    wire_put(first, GET_HELLO);
    says(first, 200, "hello");
    second = wire_socket(address, &to);
    int probe = dup(second); /* the lowest descriptor that is free */
    close(probe);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = (struct rlimit){(rlim_t)probe, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    assert_int_equal(connect(second, (struct sockaddr *)&to, sizeof(to)), 0);
    wire_put(second, GET_HELLO);
    for (int i = 0; i < 10; i++) { /* those connected are served meanwhile */
        wire_put(first, GET_HELLO);
        says(first, 200, "hello");
    }
    assert_int_equal(http_server_connections(f->server), 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    says(second, 200, "hello");
    close(first);
    close(second);
}

static void slow_and_idle_clients_are_cut_by_the_timeout(void **state)
{
    struct fixture *f = *state;
    f->options.request_timeout_ms = 200;
    const char *address = start(f);
    int half_head = wire_connect(address), half_body = wire_connect(address),
        idle = wire_connect(address), silent = wire_connect(address);
    wire_put(half_head, "GET /hel");
    wire_put(half_body, "POST /later HTTP/1.1\r\nContent-Length: 4\r\n\r\nbo");
    wire_put(idle, GET_HELLO);
    says(idle, 200, "hello");
    assert_true(wire_closed(half_head));
    assert_true(wire_closed(half_body));
    assert_true(wire_closed(idle));
    assert_true(wire_closed(silent));
    int later = wire_connect(address); /* but a request that waits is not */
    wire_put(later, GET_LATER);
    wait_for_waiting(1);
    int other = wire_connect(address);
    assert_true(wire_closed(other)); /* one timeout later */
    answer_one(f, NULL);
    says(later, 202, "later");
    int fds[] = {half_head, half_body, idle, silent, later, other};
    for (size_t i = 0; i < 6; i++)
        close(fds[i]);
    wait_for_connections(0);
}

static void too_many_bytes_on_their_way_cut_the_oldest_senders(void **state)
{
    struct fixture *f = *state;
    enum { N = 12, SENT = 90000, WHOLE = 100000 };
    int fds[N];
    char *body = calloc(1, WHOLE);
    f->options.max_buffered_bytes = 1
                                    << 20; /* 12 times 90,000 is more, the last one alone is not */
    start(f);
    for (int i = 0; i < N; i++) {
        fds[i] = wire_connect(http_server_address(f->server));
        wire_put(fds[i], "POST /large HTTP/1.1\r\nContent-Length: 100000\r\n\r\n");
        wire_send(fds[i], body, SENT);
    }
    assert_true(wire_closed(fds[0]));
    wire_send(fds[N - 1], body, WHOLE - SENT);
    assert_int_equal(wire_read(fds[N - 1], "POST").status, 200);
    for (int i = 0; i < N; i++)
        close(fds[i]);
    free(body);
    wait_for_connections(0);
}

/* ------------------------------------------------------------------ stopping */

static void *stop_server(void *arg)
{
    http_server_stop(arg);
    return NULL;
}

static bool is_refused(void *arg)
{
    struct sockaddr_in to;
    int fd = wire_socket(arg, &to);
    bool refused = connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0;
    close(fd);
    return refused;
}

static void a_stop_answers_what_waits_and_lets_the_rest_go(void **state)
{
    struct fixture *f = *state;
    f->options.n_loops = 2;
    start(f);
    char *address = mem_copy_text(http_server_address(f->server));
    int idle = wire_connect(address), waits = wire_connect(address), half = wire_connect(address);
    wire_put(idle, GET_HELLO);
    says(idle, 200, "hello");
    wire_put(waits, GET_LATER);
    wire_put(half, "GET /hel");
    wait_for_waiting(1);
    wait_for_connections(3);
    pthread_t stopper;
    pthread_create(&stopper, NULL, stop_server, f->server);
    wait_until(DEADLINE_MS, "the listener to close", is_refused, address);
    wire_put(half, "lo HTTP/1.1\r\n\r\n"); /* may be in time for the half second of grace */
    answer_one(f, NULL);
    struct wire_answer a = wire_read(waits, "GET");
    assert_int_equal(a.status, 202);
    wire_has(&a, "Connection: close\r\n");
    assert_true(wire_closed(waits));
    assert_true(wire_closed(idle));
    pthread_join(stopper, NULL);
    assert_int_equal(http_server_connections(f->server), 0);
    close(idle);
    close(waits);
    close(half);
    free(address);
}

static void a_stop_cuts_at_its_deadline_and_the_ticket_sees_it(void **state)
{
    struct fixture *f = *state;
    f->options.drain_timeout_ms = 300;
    f->large = calloc(1, LARGE_BYTES);
    const char *address = start(f);
    int waits = wire_connect(address), slow = wire_connect(address);
    wire_put(waits, GET_LATER);
    wait_for_waiting(1);
    wire_put(slow, "GET /large HTTP/1.1\r\n\r\n" GET_HELLO);
    struct wire_answer a;
    assert_int_equal(wire_read_head(slow, &a), 200); /* and reads no more */
    pthread_t stopper;
    pthread_create(&stopper, NULL, stop_server, f->server);
    assert_true(wire_closed(waits)); /* without an answer: the outcome is unknown */
    _Atomic bool was_gone = false;
    answer_one(f, &was_gone); /* the loop has waited for its ticket */
    pthread_join(stopper, NULL);
    assert_true(atomic_load(&was_gone));
    assert_int_equal(http_server_connections(f->server), 0);
    close(waits);
    close(slow);
}

static void a_ticket_that_is_never_freed_does_not_stop_the_stop(void **state)
{
    struct fixture *f = *state;
    f->options.drain_timeout_ms = 50;
    int fd = wire_connect(start(f));
    wire_put(fd, GET_LATER);
    wait_for_waiting(1);
    http_server_stop(f->server);
    assert_true(wire_closed(fd));
    http_ticket_free(f->waiting.tickets[0]); /* allowed when the loop has ended */
    close(fd);
}

static void two_servers_live_side_by_side(void **state)
{
    struct fixture *f = *state;
    struct http_server *second;
    struct err e = {0};
    start(f);
    struct http_options o = f->options;
    o.n_routes = 1;
    assert_int_equal(http_server_start(&second, &o, &e), 0);
    assert_string_not_equal(http_server_address(second), http_server_address(f->server));
    assert_int_equal(wire_ask(http_server_address(second), GET_HELLO).status, 200);
    assert_int_equal(wire_ask(http_server_address(second), GET_LATER).status, 404);
    http_server_free(second);
    assert_int_equal(wire_ask(http_server_address(f->server), GET_HELLO).status, 200);
}

static void listening_fails_naming_the_address(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *listen, *proxies, *reason;
    } cases[] = {
        {"nonsense", NULL, "'nonsense' is not HOST:PORT"},
        {"127.0.0.1:", NULL, "is not HOST:PORT"},
        {"127.0.0.1:http", NULL, "listen address '127.0.0.1:http'"},
        {"192.0.2.1:0", NULL, "cannot listen on 192.0.2.1:0"},
        {"127.0.0.1:0", "10.0.0.0/33", "trusted proxies: '10.0.0.0/33'"},
        {"127.0.0.1:0", "localhost", "'localhost' is not an address"},
    };
    struct http_server *s;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err e = {0};
        f->options.listen = cases[i].listen;
        f->options.trusted_proxies = cases[i].proxies;
        assert_int_equal(http_server_start(&s, &f->options, &e), -1);
        assert_null(s);
        if (strstr(e.text, cases[i].reason) == NULL)
            fail_msg("'%s' is not in '%s'", cases[i].reason, e.text);
    }
    f->options.listen = "127.0.0.1:0";
    f->options.trusted_proxies = NULL;
    f->options.listen = start(f);
    struct err e = {0};
    assert_int_equal(http_server_start(&s, &f->options, &e), -1);
    assert_non_null(strstr(e.text, "Address already in use"));
    assert_non_null(strstr(e.text, http_server_address(f->server)));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(connections_over_the_cap_wait_for_one_to_end),
        T(without_descriptors_accepting_pauses_and_goes_on),
        T(slow_and_idle_clients_are_cut_by_the_timeout),
        T(too_many_bytes_on_their_way_cut_the_oldest_senders),
        T(a_stop_answers_what_waits_and_lets_the_rest_go),
        T(a_stop_cuts_at_its_deadline_and_the_ticket_sees_it),
        T(a_ticket_that_is_never_freed_does_not_stop_the_stop),
        T(two_servers_live_side_by_side),
        T(listening_fails_naming_the_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
