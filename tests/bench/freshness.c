/* SPDX-License-Identifier: Apache-2.0 */
/* How long it takes from the answer 202 to the event being in the rows of a view: sends one event
 * after another and reads a view until it shows it. usage: BENCH_TOKEN=... bench_freshness URL VIEW
 * SECONDS; prints "freshness SAMPLES P50_US P99_US". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/http_client.h"
#include "base/mem.h"

enum { MAX_SAMPLES = 20000, LOOK_US = 2000, BETWEEN_US = 10000, GIVE_UP_US = 20000000 };

struct probe {
    struct http_client *client;
    char *rows;
    struct http_reply reply;
    int64_t samples_us[MAX_SAMPLES];
    size_t n;
    long before; /* of a former run */
};

static void rest(int64_t us)
{
    nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

static void call(struct probe *p, const struct http_call *c)
{
    struct err e = {0};
    if (http_client_call(p->client, c, &p->reply, &e) == 0 && http_reply_check(&p->reply, &e) == 0)
        return;
    fprintf(stderr, "bench_freshness: %s\n", e.text);
    exit(1);
}

static void send_event(struct probe *p)
{
    static const char event[] =
        "{\"pageUrl\":\"https://fresh.example/\",\"userAgent\":\"Mozilla/5.0 "
        "(X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\"}";
    call(p, &(struct http_call){.method = "POST",
                                .path = "/v1/events",
                                .content_type = "application/json",
                                .body = span_of(event)});
}

static long shown(struct probe *p)
{
    static const char key[] = "\"totals\":{\"pageviews\":";
    call(p, &(struct http_call){.path = p->rows});
    buf_put_byte(&p->reply.body, 0);
    const char *totals = strstr((const char *)p->reply.body.p, key);
    return totals == NULL ? 0 : atol(totals + strlen(key));
}

static void sample(struct probe *p)
{
    send_event(p);
    int64_t answered_us = clock_monotonic_us(), waited_us = 0;
    while (shown(p) < p->before + (long)p->n + 1) {
        waited_us = clock_monotonic_us() - answered_us;
        if (waited_us > GIVE_UP_US) {
            fprintf(stderr, "bench_freshness: an event is not shown after 20 s\n");
            exit(1);
        }
        rest(LOOK_US);
    }
    p->samples_us[p->n++] = clock_monotonic_us() - answered_us;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static struct probe p;
    if (argc != 4) {
        fprintf(stderr, "usage: bench_freshness URL VIEW SECONDS\n");
        return 2;
    }
    p.client = http_client_new(argv[1], getenv("BENCH_TOKEN"));
    p.rows = mem_format("/v1/views/%s/rows?site=fresh.example&step=all&by=", argv[2]);
    p.before = shown(&p);
    int64_t end_us = clock_monotonic_us() + atol(argv[3]) * 1000000;
    while (clock_monotonic_us() < end_us && p.n < MAX_SAMPLES) {
        sample(&p);
        rest(BETWEEN_US);
    }
    qsort(p.samples_us, p.n, sizeof(p.samples_us[0]), by_value);
    printf("freshness %zu %lld %lld\n", p.n, (long long)p.samples_us[p.n / 2],
           (long long)p.samples_us[p.n * 99 / 100]);
    http_reply_clear(&p.reply);
    http_client_free(p.client);
    free(p.rows);
    return 0;
}
