/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/traffic.h"

#include <inttypes.h>

#include "base/clock.h"

/* An event is a function of seed and number, so a repeat is the same event. */
static uint64_t draw(uint64_t seed, uint64_t number, unsigned what)
{
    uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + number * UINT64_C(0xd1b54a32d192ed03) + what;
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static void put_time(struct buf *out, uint64_t seed, uint64_t number)
{
    int64_t from_us = 0, span_s = 3 * 86400;
    if (clock_parse(TRAFFIC_FROM, sizeof(TRAFFIC_FROM) - 1, &from_us) != 0)
        return;
    int64_t at_s = (int64_t)(number * 60 + draw(seed, number, 1) % 90) % span_s;
    if (draw(seed, number, 2) % 20 == 0) /* late, by up to three days */
        at_s = (int64_t)(draw(seed, number, 3) % (uint64_t)(at_s + 1));
    char text[CLOCK_TEXT_BYTES];
    clock_format(text, from_us + at_s * US_PER_SECOND, 0);
    buf_printf(out, ",\"timestamp\":\"%s\"", text);
}

static void put_visitor(struct buf *out, uint64_t seed, uint64_t number)
{
    static const char *const agents[] = {
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:120.0) Gecko/20100101 Firefox/120.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
        "Gecko) Version/16.6 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", NULL};
    const char *agent = agents[draw(seed, number, 4) % 4];
    if (agent != NULL)
        buf_printf(out, ",\"userAgent\":\"%s\"", agent);
    buf_printf(out, ",\"ipAddress\":\"198.51.100.%u\"", (unsigned)(draw(seed, number, 5) % 250));
    if (draw(seed, number, 17) % 4 == 0) /* they come back within a session */
        buf_printf(out, ",\"userId\":\"regular %u\"", (unsigned)(draw(seed, number, 18) % 4));
    else if (draw(seed, number, 6) % 3 == 0)
        buf_printf(out, ",\"userId\":\"user %u\"", (unsigned)(draw(seed, number, 7) % 400));
}

static void put_page(struct buf *out, uint64_t seed, uint64_t number)
{
    static const char *const sites[] = {"a.example", "b.example", "c.example"};
    static const char *const regions[] = {"DE", "US-CA", "US-NY", "FR", "JP"};
    buf_printf(out, ",\"pageUrl\":\"https://%s/p/%u%s\"", sites[draw(seed, number, 8) % 3],
               (unsigned)(draw(seed, number, 9) % 300),
               draw(seed, number, 10) % 8 == 0 ? "?utm_source=news&utm_campaign=\xc3\xbc%20x" : "");
    buf_printf(out, ",\"region\":\"%s\"", regions[draw(seed, number, 11) % 5]);
    if (draw(seed, number, 12) % 2 == 0)
        buf_printf(out, ",\"referrer\":\"https://ref%u.example/x\"",
                   (unsigned)(draw(seed, number, 13) % 20));
    if (draw(seed, number, 14) % 10 == 0)
        buf_put_text(out, ",\"eventType\":\"signup\"");
}

static void put_event(struct buf *out, uint64_t seed, uint64_t number)
{
    buf_printf(out, "{\"eventId\":\"%08x-%04x-4000-8000-%012" PRIx64 "\"", (unsigned)seed,
               (unsigned)(seed >> 32) & 0xffff, number);
    put_time(out, seed, number);
    put_visitor(out, seed, number);
    put_page(out, seed, number);
    buf_put_text(out, "}\n");
}

void traffic_put(struct traffic *t, struct buf *out, unsigned n)
{
    for (unsigned i = 0; i < n; i++, t->n++) {
        uint64_t number = (uint64_t)t->n_distinct;
        if (number >= 64 && draw(t->seed, t->n, 15) % 20 == 0)
            number = t->recent[draw(t->seed, t->n, 16) % 64];
        else
            t->recent[t->n_distinct++ % 64] = number;
        put_event(out, t->seed, number);
    }
}
