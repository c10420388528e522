/* SPDX-License-Identifier: Apache-2.0 */
/* What of the HTTP layer can be configured. */
#include <unistd.h>

#include "base/http.h"

const struct option http_options[] = {
    {.name = "http.loops",
     .type = OPTION_INT,
     .fallback = "0",
     .min = 0,
     .max = 64,
     .about = "threads that serve HTTP; 0: one for every two processors"},
    {.name = "http.max_connections",
     .type = OPTION_INT,
     .fallback = "10000",
     .min = 1,
     .max = 1000000,
     .about = "connections served at once; more wait"},
    {.name = "http.request_timeout_ms",
     .type = OPTION_INT,
     .fallback = "10000",
     .min = 100,
     .max = 3600000,
     .about = "time for a request to arrive, and for an idle connection; behind a proxy more than "
              "its own idle time"},
    {.name = "http.drain_timeout_ms",
     .type = OPTION_INT,
     .fallback = "10000",
     .min = 1,
     .max = 600000,
     .about = "time for requests to be answered when the service stops"},
    {0},
};

enum { MAX_LOOPS = 64 };

/* Half of the processors: the writer, PostgreSQL, Redis and the views work at the same time, and
 * fewer loops bring more events into one commit (tests/bench: twice as many single events with one
 * loop on two processors as with two). */
void http_options_read(struct http_options *o, const struct config *c)
{
    long loops = (long)config_int(c, "http.loops"), half = sysconf(_SC_NPROCESSORS_ONLN) / 2;
    if (loops == 0)
        loops = half < 1 ? 1 : half > MAX_LOOPS ? MAX_LOOPS : half;
    o->n_loops = (unsigned)loops;
    o->max_connections = (unsigned)config_int(c, "http.max_connections");
    o->request_timeout_ms = config_int(c, "http.request_timeout_ms");
    o->drain_timeout_ms = config_int(c, "http.drain_timeout_ms");
}
