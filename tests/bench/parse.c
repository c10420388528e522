/* SPDX-License-Identifier: Apache-2.0 */
/* Time per event from NDJSON bytes to columns, everything included: parsing, rules, enrichment with
 * warm caches, the batch. Prints a JSON line per step; the goal is 400 ns an event for the whole.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/random.h"
#include "ingest/intake.h"

enum { EVENTS = 1000, ROUNDS = 200, RUNS = 5 };
#define NOW_US INT64_C(1764000000000000)

static bool salt(void *context, int64_t day, struct siphash_key *out)
{
    (void)context;
    *out = (struct siphash_key){(uint64_t)day, 7};
    return true;
}

static const char *open_gate(void *context, const struct sender *s, struct span site)
{
    (void)context;
    (void)s;
    (void)site;
    return NULL;
}

/* Page views of about 310 bytes, 200 visitors. */
static void make_body(struct buf *out)
{
    uint64_t seed = 1;
    for (int i = 0; i < EVENTS; i++) {
        uint32_t visitor = random_below(&seed, 200);
        buf_printf(
            out,
            "{\"eventType\":\"PageViewEvent\",\"timestamp\":%lld,\"ipAddress\":\"203.0.%u.%u\","
            "\"sessionId\":\"s-%08x\",\"pageUrl\":\"https://shop.example/category/item-%u?"
            "utm_source=news&page=%u\",\"referrer\":\"https://www.google.com/\","
            "\"userAgent\":\"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/1%u.0 "
            "Safari/537.36\"}\n",
            (long long)(NOW_US / US_PER_SECOND - i % 60), visitor / 200, visitor % 250,
            visitor * 7919, random_below(&seed, 500), i % 9, visitor % 40);
    }
}

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Of the processor, not of the clock: other work on the machine does not count. */
static double best_ns(void (*run)(void *context), void *context)
{
    double best = 1e18;
    for (int i = 0; i < RUNS; i++) {
        double start = cpu_ns();
        for (int j = 0; j < ROUNDS; j++)
            run(context);
        double ns = (cpu_ns() - start) / ((double)ROUNDS * EVENTS);
        best = ns < best ? ns : best;
    }
    return best;
}

struct bench {
    struct buf body;
    struct payload *payload;
    struct fields fields;
    struct draft draft;
    struct intake *intake;
    struct batch *batch;
    struct sender sender;
    bool with_rules;
};

static void run_parser(void *context)
{
    struct bench *b = context;
    struct rejection r;
    struct err e = {0};
    struct buf *room = payload_room(b->payload);
    buf_put_span(room, buf_span(&b->body));
    if (payload_open(b->payload, PAYLOAD_NDJSON, &e) != 0)
        abort();
    while (payload_next(b->payload, &b->fields, &r) == PAYLOAD_EVENT)
        if (b->with_rules && event_rules_apply(&b->fields, &b->sender, &b->draft, &r) != 0)
            abort();
    payload_close(b->payload);
}

static void run_intake(void *context)
{
    struct bench *b = context;
    struct intake_tally tally;
    struct err e = {0};
    batch_reset(b->batch);
    if (intake_open(b->intake, buf_span(&b->body), BODY_PLAIN, PAYLOAD_NDJSON, &e) != INTAKE_OK)
        abort();
    intake_read(b->intake, &b->sender, b->batch, &tally);
    if (tally.valid != EVENTS)
        abort();
}

static void print(const char *name, double ns)
{
    printf("{\"name\": \"%s\", \"value\": %.0f, \"unit\": \"ns/event\"}\n", name, ns);
}

int main(int argc, char **argv)
{
    struct enrich_sources sources = {.recent = recent_visitors_new(), .salt = salt};
    struct err e = {0};
    if (geo_open(&sources.geo, argc > 1 ? argv[1] : NULL, &e) != 0 ||
        user_agent_rules_load(&sources.user_agents, "/usr/share/uap-core/regexes.yaml", &e) != 0)
        fprintf(stderr, "%s\n", e.text);
    struct bench *b = mem_alloc(sizeof(*b));
    b->payload = payload_new();
    b->batch = batch_new();
    b->intake = intake_new(&sources, open_gate, NULL);
    b->sender = (struct sender){.trusted = true, .received_us = NOW_US};
    make_body(&b->body);
    print("parse: NDJSON to fields", best_ns(run_parser, b));
    b->with_rules = true;
    print("parse: NDJSON to valid events", best_ns(run_parser, b));
    print("parse: NDJSON to enriched columns", best_ns(run_intake, b));
    printf("{\"name\": \"parse: body\", \"value\": %zu, \"unit\": \"bytes/event\"}\n",
           b->body.n / EVENTS);
    intake_free(b->intake);
    payload_free(b->payload);
    batch_free(b->batch);
    buf_clear(&b->body);
    fields_clear(&b->fields);
    free(b);
    geo_close(sources.geo);
    user_agent_rules_free(sources.user_agents);
    recent_visitors_free(sources.recent);
    return 0;
}
