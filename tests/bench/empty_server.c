/* SPDX-License-Identifier: Apache-2.0 */
/* The reference of ingest-single: the same HTTP layer, answering 202 from an empty handler.
 * usage: bench_empty_server LOOPS; prints its address, runs until SIGTERM. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/http.h"

static void on_event(struct http_request *r, void *context)
{
    (void)context;
    http_send(r, &(struct http_answer){.status = 202,
                                       .content_type = "application/json",
                                       .body = SPAN_LITERAL("{}"),
                                       .owner = BODY_STATIC});
}

static bool allow_all(struct http_request *r, enum http_scope needed, void *context)
{
    (void)r;
    (void)needed;
    (void)context;
    return true;
}

int main(int argc, char **argv)
{
    const struct http_route route = {.method = "POST",
                                     .pattern = "/v1/events",
                                     .handler = on_event,
                                     .max_body = 1 << 20,
                                     .operation = "postEvents",
                                     .summary = "answers 202"};
    struct http_options o = {.listen = "127.0.0.1:0",
                             .n_loops = argc > 1 ? (unsigned)atoi(argv[1]) : 2,
                             .max_connections = 1000,
                             .request_timeout_ms = 10000,
                             .drain_timeout_ms = 1000,
                             .routes = &route,
                             .n_routes = 1,
                             .authorize = allow_all};
    struct http_server *s;
    struct err e = {0};
    sigset_t signals;
    int signal_number;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (http_server_start(&s, &o, &e) != 0) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    printf("http://%s\n", http_server_address(s));
    fflush(stdout);
    sigwait(&signals, &signal_number);
    http_server_free(s);
    return 0;
}
