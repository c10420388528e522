/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <assert.h>

#include "api/api.h"
#include "base/http.h"
#include "ingest/ingest.h"
#include "log/jobs.h"

static const struct option service_options[] = {
    {.name = "data_dir",
     .type = OPTION_TEXT,
     .fallback = "./var",
     .about = "folder of the embedded servers, the admin token and service.json"},
    {.name = "listen",
     .type = OPTION_TEXT,
     .fallback = "127.0.0.1:8080",
     .about = "address and port to serve HTTP on; port 0 picks a free one"},
    {.name = "metrics_listen",
     .type = OPTION_TEXT,
     .about = "address and port to serve /metrics on without a token"},
    {.name = "postgres",
     .type = OPTION_TEXT,
     .about = "URI of a PostgreSQL to use instead of the embedded one"},
    {.name = "redis",
     .type = OPTION_TEXT,
     .about = "URI of a Redis to use instead of the embedded one"},
    {.name = "redis.prefix",
     .type = OPTION_TEXT,
     .fallback = "ff",
     .about = "what the names of all keys in Redis start with"},
    {.name = "roles",
     .type = OPTION_TEXT,
     .fallback = "ingest,views,api",
     .about = "what this process does"},
    {.name = "user",
     .type = OPTION_TEXT,
     .about = "user to become when started as root (default: footfall, else nobody)"},
    {0},
};

static const struct option views_options[] = {
    {.name = "views.flush_ms",
     .type = OPTION_INT,
     .fallback = "50",
     .min = 1,
     .max = 60000,
     .about = "views show an event this soon, in milliseconds"},
    {.name = "views.replay_threads",
     .type = OPTION_INT,
     .fallback = "1",
     .min = 1,
     .max = JOB_MAX_THREADS,
     .about = "threads over which a replay spreads its views, unless it is told otherwise"},
    {.name = "views.replay_rate",
     .type = OPTION_INT,
     .fallback = "0",
     .min = 0,
     .max = JOB_MAX_RATE,
     .about = "events a second that a replay reads at most, unless it is told otherwise; 0: no "
              "limit"},
    {.name = "views.self_check",
     .type = OPTION_INT,
     .fallback = "1",
     .min = 0,
     .max = 100,
     .about =
         "share of one processor, in per cent, for comparing random recent pages of views with "
         "SQL; 0: none"},
    {0},
};

const struct option *const options_of_service[] = {
    service_options, ingest_options, views_options, http_options, api_options, NULL,
};

const struct option options_of_clients[] = {
    {.name = "url",
     .type = OPTION_TEXT,
     .about = "address of a running service, instead of the one of the data folder"},
    {.name = "token",
     .type = OPTION_TEXT,
     .about = "token to show it (default: the data folder's)"},
    {.name = "json", .type = OPTION_BOOL, .fallback = "no", .about = "print JSON"},
    {0},
};

void options_collect(const struct option *own, const struct option *out[OPTIONS_MAX_TABLES])
{
    int n = 0;
    for (; options_of_service[n] != NULL; n++)
        out[n] = options_of_service[n];
    assert(n + 3 <= OPTIONS_MAX_TABLES);
    out[n++] = options_of_clients;
    if (own != NULL)
        out[n++] = own;
    out[n] = NULL;
}
