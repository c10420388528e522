/* SPDX-License-Identifier: Apache-2.0 */
/* footfall demo: traffic from the generator (demo_traffic.h) through the real endpoint: first some
 * days of history up to now, then, with --rate, live. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/demo_traffic.h"
#include "cli/progress.h"
#include "cli/service.h"

enum { BATCH_EVENTS = 5000, BATCH_BYTES = 4 * 1024 * 1024, TICK_MS = 200 };

const struct option demo_command_options[] = {
    {.name = "days",
     .type = OPTION_INT,
     .fallback = "7",
     .min = 0,
     .max = 3660,
     .about = "days of history to send first"},
    {.name = "per_day",
     .type = OPTION_INT,
     .fallback = "20000",
     .min = 1,
     .max = 100000000,
     .about = "events a day in that history, about"},
    {.name = "rate",
     .type = OPTION_INT,
     .fallback = "0",
     .min = 0,
     .max = 10000,
     .about = "then events a second, about, until Ctrl-C; 0: none"},
    {.name = "events",
     .type = OPTION_INT,
     .fallback = "0",
     .min = 0,
     .max = INT64_MAX,
     .about = "stop after so many; 0: no bound"},
    {.name = "seed",
     .type = OPTION_INT,
     .fallback = "1",
     .min = 0,
     .max = INT64_MAX,
     .about = "the same seed and times give the same events"},
    {.name = "until", .type = OPTION_TEXT, .about = "end of the history, RFC 3339 (default: now)"},
    {.name = "ndjson",
     .type = OPTION_BOOL,
     .fallback = "no",
     .about = "write the history's events to standard output, send nothing"},
    {0},
};

struct demo {
    struct service *service;
    struct demo_traffic *traffic;
    struct progress progress;
    struct buf body;
    uint64_t n_body; /* events in it */
    uint64_t left;   /* of --events */
    uint64_t n_batches, sent, accepted, duplicate, rejected;
    int64_t from_us, until_us, seed;
};

static uint64_t count_of(const struct service_json *answer, const char *name)
{
    struct json_value v;
    if (json_get(answer->parser, &answer->root, name, &v, NULL) != 1)
        return 0;
    if (v.type == JSON_ARRAY)
        return json_count(answer->parser, &v);
    return v.type == JSON_INT && v.integer > 0 ? (uint64_t)v.integer : 0;
}

/* History is sent with a key for each batch: one that was cut off is repeated without harm. */
static int post(struct demo *d, bool live, struct err *e)
{
    char key[160];
    const char *const headers[] = {key, NULL};
    struct service_json answer;
    if (d->n_body == 0)
        return 0;
    snprintf(key, sizeof(key), "Idempotency-Key: demo-%" PRId64 "-%" PRId64 "-%" PRId64 "-%" PRIu64,
             d->seed, d->from_us, d->until_us, d->n_batches++);
    struct http_call call = {.method = "POST",
                             .path = "/v1/events",
                             .content_type = "application/x-ndjson",
                             .body = buf_span(&d->body),
                             .headers = live ? NULL : headers};
    int failed = service_ask(d->service, &call, &answer, e);
    if (failed == 0) {
        d->sent += d->n_body;
        d->accepted += count_of(&answer, "accepted");
        d->duplicate += count_of(&answer, "duplicates");
        d->rejected += count_of(&answer, "rejected");
    }
    service_json_clear(&answer);
    buf_reset(&d->body);
    d->n_body = 0;
    return failed;
}

/* The next event into the body; false when none arrives before until_us or --events is reached. */
static bool take(struct demo *d, int64_t until_us)
{
    if (d->left == 0 || !demo_traffic_next(d->traffic, until_us, &d->body))
        return false;
    d->left--;
    d->n_body++;
    return true;
}

static bool is_full(const struct demo *d)
{
    return d->n_body == BATCH_EVENTS || d->body.n >= BATCH_BYTES;
}

/* ------------------------------------------------------------------ history */

static int write_history(struct demo *d, struct err *e)
{
    bool more = true;
    while (more) {
        more = take(d, d->until_us);
        if (more && !is_full(d))
            continue;
        if (fwrite(d->body.p, 1, d->body.n, stdout) != d->body.n)
            return err_set(e, ERR_DOWN, "cannot write to standard output");
        buf_reset(&d->body);
        d->n_body = 0;
    }
    return 0;
}

static int send_history(struct demo *d, struct err *e)
{
    while (take(d, d->until_us)) {
        if (!is_full(d))
            continue;
        if (post(d, false, e) != 0)
            return -1;
        progress_show(&d->progress, "history", 0, 0, "%" PRIu64 " events", d->sent);
    }
    return post(d, false, e);
}

/* ------------------------------------------------------------------ live */

/* Sends what arrives, five times a second, until a signal or --events ends it. */
static int send_live(struct demo *d, struct err *e)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    const struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};
    do {
        int64_t now_us = clock_now_us();
        while (!is_full(d) && take(d, now_us))
            ;
        if (post(d, true, e) != 0)
            return -1;
        progress_show(&d->progress, "live", 0, 0, "%" PRIu64 " events", d->sent);
    } while (d->left > 0 && sigtimedwait(&ends, NULL, &tick) < 0);
    return 0;
}

/* ------------------------------------------------------------------ the command */

static int send_all(struct demo *d, const struct config *c, struct err *e)
{
    uint64_t per_second = (uint64_t)config_int(c, "rate");
    if (service_open(&d->service, c, e) != 0)
        return -1;
    int failed = send_history(d, e);
    if (failed == 0 && per_second > 0 && d->left > 0) {
        demo_traffic_free(d->traffic);
        d->traffic = demo_traffic_new((uint64_t)d->seed, clock_now_us(), per_second * 86400);
        failed = send_live(d, e);
    }
    service_close(d->service);
    progress_hide(&d->progress);
    printf("sent=%" PRIu64 " accepted=%" PRIu64 " duplicate=%" PRIu64 " rejected=%" PRIu64 "\n",
           d->sent, d->accepted, d->duplicate, d->rejected);
    return failed;
}

/* The history ends now, or at --until, on a whole second. */
static int set_times(struct demo *d, const struct config *c, struct err *e)
{
    const char *until = config_text(c, "until");
    d->until_us = clock_now_us();
    if (until != NULL && clock_parse(until, strlen(until), &d->until_us) != 0)
        return err_set(e, ERR_INPUT, "--until: '%s' is not a time like 2026-11-23T10:00:00Z",
                       until);
    d->until_us = clock_floor(d->until_us, US_PER_SECOND);
    d->from_us = d->until_us - config_int(c, "days") * US_PER_DAY;
    return 0;
}

int demo_main(struct command_run *r, struct err *e)
{
    struct demo d = {.seed = config_int(r->config, "seed")};
    int64_t events = config_int(r->config, "events");
    d.left = events == 0 ? UINT64_MAX : (uint64_t)events;
    if (set_times(&d, r->config, e) != 0)
        return -1;
    d.traffic =
        demo_traffic_new((uint64_t)d.seed, d.from_us, (uint64_t)config_int(r->config, "per_day"));
    int failed =
        config_bool(r->config, "ndjson") ? write_history(&d, e) : send_all(&d, r->config, e);
    demo_traffic_free(d.traffic);
    buf_clear(&d.body);
    return failed;
}
