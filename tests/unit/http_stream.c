/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that go on, over real sockets: what arrives, clients that leave, flood, read slowly or
 * send more requests, the cap, and a stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <semaphore.h>

#include "tests/support/waiting_server.h"

#define GET_STREAM "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"
#define FIRST "retry: 2000\n\n"

/* ------------------------------------------------------------------ the server */

static struct {
    struct http_loop *loop;
    struct http_stream *stream; /* the newest, until it is gone; the loop's */
    struct http_stream **mine;  /* its context */
    _Atomic unsigned begun, gone;
} at;

static void on_stream_gone(void *context)
{
    if (at.stream == *(struct http_stream **)context)
        at.stream = NULL;
    free(context);
    atomic_fetch_add(&at.gone, 1);
}

static void on_stream(struct http_request *r, void *context)
{
    const struct http_answer head = {
        .status = 200, .content_type = "text/event-stream", .body = SPAN_LITERAL(FIRST)};
    struct http_stream **mine = mem_alloc(sizeof(struct http_stream *));
    (void)context;
    *mine = http_stream_begin(r, &head, on_stream_gone, mine);
    if (*mine == NULL) {
        free(mine);
        return;
    }
    at.stream = *mine;
    at.mine = mine;
    atomic_fetch_add(&at.begun, 1);
}

static void on_loop_start(struct http_loop *l, void *context)
{
    (void)context;
    at.loop = l;
}

static const struct http_route stream_routes[] = {
    {.method = "GET", .pattern = "/hello", .handler = on_hello},
    {.method = "GET", .pattern = "/stream", .handler = on_stream},
};

static int set_up_streams(void **state)
{
    set_up(state);
    memset(&at, 0, sizeof(at));
    fixture.options.routes = stream_routes;
    fixture.options.n_routes = 2;
    fixture.options.on_loop_start = on_loop_start;
    return 0;
}

/* ------------------------------------------------------------------ doing things on the loop */

struct deed {
    struct http_message message;
    void (*run)(struct deed *d);
    const char *text;
    unsigned times;
    bool result;
    _Atomic bool done;
};

static void on_deed(struct http_message *m)
{
    struct deed *d = (struct deed *)m;
    d->run(d);
    atomic_store(&d->done, true);
}

static bool is_done(void *arg)
{
    return atomic_load(&((struct deed *)arg)->done);
}

static void begin_on_loop(struct deed *d)
{
    d->message.on_arrive = on_deed;
    http_post(at.loop, &d->message);
}

static bool run_on_loop(struct deed *d)
{
    begin_on_loop(d);
    wait_until(DEADLINE_MS, "the loop", is_done, d);
    return d->result;
}

static void run_write(struct deed *d)
{
    d->result = at.stream != NULL && http_stream_write(at.stream, span_of(d->text));
}

static bool write_text(const char *text)
{
    return run_on_loop(&(struct deed){.run = run_write, .text = text});
}

static void run_end(struct deed *d)
{
    (void)d;
    http_stream_end(at.stream);
    free(at.mine);
    at.stream = NULL;
}

static void end_stream(void)
{
    run_on_loop(&(struct deed){.run = run_end});
}

static struct {
    sem_t held, let_go;
} hold;

static void run_hold(struct deed *d)
{
    (void)d;
    sem_post(&hold.held);
    sem_wait(&hold.let_go);
}

static void run_idle(struct deed *d)
{
    d->result = http_stream_idle(at.stream);
}

static bool is_idle(void *arg)
{
    (void)arg;
    return run_on_loop(&(struct deed){.run = run_idle});
}

static bool counts(void *arg)
{
    const unsigned *wanted = arg;
    return atomic_load(&at.begun) == wanted[0] && atomic_load(&at.gone) == wanted[1];
}

static void wait_for(unsigned begun, unsigned gone)
{
    unsigned wanted[] = {begun, gone};
    wait_until(DEADLINE_MS, "the streams", counts, wanted);
}

/* ------------------------------------------------------------------ the client */

/* Reads the head and the first bytes. */
static int open_stream(const char *request)
{
    struct wire_answer a;
    int fd = wire_connect(http_server_address(fixture.server));
    wire_put(fd, request);
    assert_int_equal(wire_read_head(fd, &a), 200);
    wire_has(&a, "content-type: text/event-stream\r\n");
    wire_has(&a, "Connection: close\r\n");
    wire_has_not(&a, "ontent-length");
    return fd;
}

/* Whether exactly this comes next. */
static void comes(int fd, const char *text)
{
    char got[256];
    size_t n = 0, wanted = strlen(text);
    while (n < wanted) {
        ssize_t more = recv(fd, got + n, wanted - n, 0);
        if (more <= 0)
            fail_msg("'%.*s' comes, not '%s'", (int)n, got, text);
        n += (size_t)more;
    }
    got[n] = '\0';
    assert_string_equal(got, text);
}

static int open_and_read(void)
{
    int fd = open_stream(GET_STREAM);
    comes(fd, "d\r\n" FIRST "\r\n");
    return fd;
}

static void reset(int fd)
{
    struct linger at_once = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(fd);
}

/* ------------------------------------------------------------------ tests */

static void what_is_written_arrives_at_once(void **state)
{
    start(*state);
    int fd = open_and_read();
    assert_true(write_text("data: 1\n\n"));
    comes(fd, "9\r\ndata: 1\n\n\r\n");
    assert_true(write_text("data: 22\n\n"));
    comes(fd, "a\r\ndata: 22\n\n\r\n");
    wait_until(DEADLINE_MS, "all to be taken", is_idle, NULL);
    assert_int_equal(http_server_streams(fixture.server), 1);
    end_stream();
    comes(fd, "0\r\n\r\n");
    assert_true(wire_closed(fd));
    close(fd);
    wait_for_connections(0);
    assert_int_equal(http_server_streams(fixture.server), 0);
    assert_int_equal(atomic_load(&at.gone), 0); /* it was ended here */
}

static void what_is_written_in_one_turn_arrives_in_order(void **state)
{
    start(*state);
    int fd = open_and_read();
    for (int i = 0; i < 3; i++)
        assert_true(write_text("x"));
    end_stream();
    char got[256];
    size_t n = 0;
    for (ssize_t more; (more = recv(fd, got + n, sizeof(got) - 1 - n, 0)) > 0;)
        n += (size_t)more;
    got[n] = '\0';
    unsigned letters = 0;
    for (size_t i = 0; i < n; i++)
        letters += got[i] == 'x';
    assert_int_equal(letters, 3);
    assert_non_null(strstr(got, "0\r\n\r\n"));
    close(fd);
}

static void clients_of_http_1_0_read_until_the_end(void **state)
{
    start(*state);
    int fd = open_stream("GET /stream HTTP/1.0\r\n\r\n");
    comes(fd, FIRST);
    assert_true(write_text("data: 1\n\n"));
    comes(fd, "data: 1\n\n");
    end_stream();
    assert_true(wire_closed(fd));
    close(fd);
}

static void head_is_answered_without_a_stream(void **state)
{
    const char *address = start(*state);
    struct wire_answer a = wire_ask(address, "HEAD /stream HTTP/1.1\r\n\r\n");
    assert_int_equal(a.status, 200);
    wire_has(&a, "content-type: text/event-stream\r\n");
    assert_int_equal(atomic_load(&at.begun), 0);
    assert_int_equal(http_server_streams(fixture.server), 0);
}

static void a_client_that_leaves_is_noticed_without_a_write(void **state)
{
    start(*state);
    int by_fin = open_and_read(), by_half = open_and_read(), by_reset = open_and_read();
    close(by_fin);
    wait_for(3, 1);
    shutdown(by_half, SHUT_WR);
    wait_for(3, 2);
    assert_true(wire_closed(by_half));
    close(by_half);
    reset(by_reset);
    wait_for(3, 3);
    wait_for_connections(0);
    assert_int_equal(http_server_streams(fixture.server), 0);
}

static void a_client_that_leaves_while_it_is_written_to_is_noticed(void **state)
{
    start(*state);
    char *large = mem_alloc(50001);
    memset(large, 'x', 50000);
    int fd = open_and_read();
    while (write_text(large)) {
    }
    reset(fd);
    wait_for(1, 1);
    wait_for_connections(0);
    free(large);
}

/* The loop learns of both in one turn: the write, which succeeds, comes first. */
static void a_client_that_leaves_as_it_is_written_to_is_noticed(void **state)
{
    struct deed holding = {.run = run_hold}, writing = {.run = run_write, .text = "data: 1\n\n"};
    struct fixture *f = *state;
    f->options.n_loops = 1;
    start(f);
    sem_init(&hold.held, 0, 0);
    sem_init(&hold.let_go, 0, 0);
    int fd = open_and_read();
    begin_on_loop(&holding);
    sem_wait(&hold.held);
    begin_on_loop(&writing);
    shutdown(fd, SHUT_WR);
    sem_post(&hold.let_go);
    wait_until(DEADLINE_MS, "the write", is_done, &writing);
    assert_true(writing.result);
    wait_for(1, 1);
    wait_for_connections(0);
    close(fd);
}

static void requests_behind_a_stream_are_never_looked_at(void **state)
{
    start(*state);
    int fd = open_stream(GET_STREAM GET_HELLO GET_STREAM);
    comes(fd, "d\r\n" FIRST "\r\n");
    wire_put(fd, GET_HELLO);
    assert_true(write_text("data: 1\n\n"));
    comes(fd, "9\r\ndata: 1\n\n\r\n");
    assert_int_equal(atomic_load(&at.begun), 1);
    end_stream();
    wait_for_connections(0);
    assert_int_equal(atomic_load(&at.begun), 1);
    close(fd);
}

/* Bytes that come early keep the end from being seen: it is looked for before each write. */
static void a_client_that_sends_more_and_leaves_is_noticed_by_a_write(void **state)
{
    start(*state);
    int fd = open_stream(GET_STREAM "more");
    comes(fd, "d\r\n" FIRST "\r\n");
    wire_put(fd, "and more");
    assert_true(write_text("data: 1\n\n"));
    comes(fd, "9\r\ndata: 1\n\n\r\n");
    shutdown(fd, SHUT_WR);
    while (atomic_load(&at.gone) == 0)
        (void)write_text("data: 2\n\n");
    wait_for_connections(0);
    close(fd);
}

static void a_flood_is_not_read(void **state)
{
    start(*state);
    char bytes[65536] = {0};
    int fd = open_and_read();
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0) {
    } /* until neither kernel takes more */
    fcntl(fd, F_SETFL, 0);
    assert_true(write_text("data: 1\n\n"));
    comes(fd, "9\r\ndata: 1\n\n\r\n");
    int other = wire_connect(http_server_address(fixture.server));
    wire_put(other, GET_HELLO);
    says(other, 200, "hello");
    close(other);
    reset(fd);
    while (atomic_load(&at.gone) == 0)
        (void)write_text("data: 2\n\n");
    wait_for_connections(0);
}

static void a_slow_reader_is_written_to_within_bounds(void **state)
{
    start(*state);
    char *large = mem_alloc(20001), got[65536];
    memset(large, 'x', 20000);
    int fd = open_stream("GET /stream HTTP/1.0\r\n\r\n");
    comes(fd, FIRST);
    size_t written = 0, read = 0;
    while (write_text(large))
        written += 20000;
    assert_false(write_text(large)); /* and stays so */
    assert_false(is_idle(NULL));
    while (read < written) {
        ssize_t more = recv(fd, got, sizeof(got), 0);
        assert_true(more > 0);
        read += (size_t)more;
    }
    assert_int_equal(read, written);
    wait_until(DEADLINE_MS, "all to be taken", is_idle, NULL);
    assert_true(write_text("data: 1\n\n"));
    comes(fd, "data: 1\n\n");
    close(fd);
    free(large);
    wait_for(1, 1);
}

static void streams_over_the_cap_are_refused_until_one_ends(void **state)
{
    fixture.options.max_streams = 2;
    const char *address = start(*state);
    int first = open_and_read(), second = open_and_read();
    struct wire_answer a = wire_ask(address, GET_STREAM);
    assert_int_equal(a.status, 503);
    wire_has(&a, "retry-after: 5\r\n");
    wire_has(&a, "/busy\"");
    assert_int_equal(wire_ask(address, GET_HELLO).status, 200);
    close(first);
    wait_for(2, 1);
    wait_for_connections(1);
    first = open_and_read();
    close(first);
    close(second);
    wait_for(3, 3);
}

static void a_stop_ends_streams_at_once(void **state)
{
    struct fixture *f = *state;
    f->options.n_loops = 1;
    start(f);
    int fd = open_and_read(), old = open_stream("GET /stream HTTP/1.0\r\n\r\n"),
        other = open_and_read();
    comes(old, FIRST);
    http_server_stop(f->server); /* long before the deadline, which would fail the test */
    comes(fd, "0\r\n\r\n");
    assert_true(wire_closed(fd));
    assert_true(wire_closed(old));
    comes(other, "0\r\n\r\n");
    assert_int_equal(atomic_load(&at.gone), 3);
    assert_int_equal(http_server_streams(f->server), 0);
    close(fd);
    close(old);
    close(other);
}

static void a_stop_cuts_who_does_not_read(void **state)
{
    struct fixture *f = *state;
    f->options.drain_timeout_ms = 200;
    start(f);
    char *large = mem_alloc(50001);
    memset(large, 'x', 50000);
    int fd = open_and_read();
    while (write_text(large)) {
    }
    http_server_stop(f->server);
    assert_int_equal(http_server_connections(f->server), 0);
    assert_int_equal(atomic_load(&at.gone), 1);
    close(fd);
    free(large);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up_streams, tear_down)
    const struct CMUnitTest tests[] = {
        T(what_is_written_arrives_at_once),
        T(what_is_written_in_one_turn_arrives_in_order),
        T(clients_of_http_1_0_read_until_the_end),
        T(head_is_answered_without_a_stream),
        T(a_client_that_leaves_is_noticed_without_a_write),
        T(a_client_that_leaves_while_it_is_written_to_is_noticed),
        T(a_client_that_leaves_as_it_is_written_to_is_noticed),
        T(requests_behind_a_stream_are_never_looked_at),
        T(a_client_that_sends_more_and_leaves_is_noticed_by_a_write),
        T(a_flood_is_not_read),
        T(a_slow_reader_is_written_to_within_bounds),
        T(streams_over_the_cap_are_refused_until_one_ends),
        T(a_stop_ends_streams_at_once),
        T(a_stop_cuts_who_does_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
