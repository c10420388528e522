/* SPDX-License-Identifier: Apache-2.0 */
/* Making requests, sending them until it is known what became of them, writing that down. */
#include "tests/chaos/sender.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/thread.h"
#include "tests/support/support.h"
#include "tests/support/traffic.h"

enum {
    ANSWER_MS = 60000, /* no answer for so long is a stall */
    SOME_EVENTS = 40,
    MANY_EVENTS = 1500,
    PAUSE_MS = 20
};

/* ------------------------------------------------------------------ requests */

void sender_path(const struct sender *s, uint32_t number, uint32_t i, char out[SENDER_PATH_BYTES])
{
    static const char kinds[N_SENDER_KINDS] = {'i', 'k', 's', 'p'};
    snprintf(out, SENDER_PATH_BYTES, "/%c%u/%" PRIu32 "/%" PRIu32, kinds[s->kind], s->id, number,
             i);
}

void sender_source(const struct sender *s, char out[SENDER_PATH_BYTES])
{
    snprintf(out, SENDER_PATH_BYTES, "source-%u", s->id);
}

/* Three days, some of it late, so that slots of distinct counts expire while it is received. */
static void put_time(struct buf *out, uint64_t *random, uint32_t number)
{
    int64_t from_us = 0;
    char text[CLOCK_TEXT_BYTES];
    (void)clock_parse(TRAFFIC_FROM, sizeof(TRAFFIC_FROM) - 1, &from_us);
    int64_t at_s = (int64_t)number * 600 % (3 * 86400) + random_below(random, 600);
    if (random_below(random, 20) == 0)
        at_s = random_below(random, (uint32_t)at_s + 1);
    clock_format(text, from_us + at_s % (3 * 86400) * US_PER_SECOND, 0);
    buf_printf(out, ",\"timestamp\":\"%s\"", text);
}

static void put_event(struct buf *out, struct sender *s, uint32_t number, uint32_t i)
{
    static const char *const regions[] = {"DE", "US-CA", "FR", "JP"};
    char path[SENDER_PATH_BYTES];
    sender_path(s, number, i, path);
    buf_printf(out, "{\"pageUrl\":\"https://%c.example%s\"", 'a' + (int)random_below(&s->random, 3),
               path);
    buf_printf(out, ",\"region\":\"%s\",\"userId\":\"u%u\"", regions[random_below(&s->random, 4)],
               (unsigned)random_below(&s->random, 300));
    put_time(out, &s->random, number);
    if (s->kind == SENDER_IDS)
        buf_printf(out, ",\"eventId\":\"%08x-%04x-4000-8000-%012" PRIx32 "\"", (unsigned)number,
                   s->id, i);
    buf_put_text(out, "}\n");
}

struct attempt {
    struct sender *sender;
    struct sent *sent;
    struct buf body;
    char headers[2][96];
    struct buf first_answer; /* SENDER_KEYS: that of the first acknowledgement */
};

static void make_headers(struct attempt *a)
{
    char source[SENDER_PATH_BYTES];
    const struct sender *s = a->sender;
    a->headers[0][0] = a->headers[1][0] = '\0';
    if (s->kind == SENDER_KEYS)
        snprintf(a->headers[0], sizeof(a->headers[0]), "idempotency-key: key-%u-%" PRIu32, s->id,
                 a->sent->number);
    if (s->kind != SENDER_SOURCE)
        return;
    sender_source(s, source);
    snprintf(a->headers[0], sizeof(a->headers[0]), "footfall-source: %s", source);
    snprintf(a->headers[1], sizeof(a->headers[1]), "footfall-position: %" PRId64 "-%" PRId64,
             s->position, s->position + a->sent->n);
}

/* ------------------------------------------------------------------ answers */

static void complain(struct attempt *a, const struct support_answer *answer, const char *what)
{
    struct sender *s = a->sender;
    if (s->complaint.n > 8192)
        return;
    char path[SENDER_PATH_BYTES];
    sender_path(s, a->sent->number, 0, path);
    buf_printf(&s->complaint, "%s (%u events): %s: %d %.*s\n", path, (unsigned)a->sent->n, what,
               answer->status, (int)(answer->body.n < 400 ? answer->body.n : 400),
               answer->body.n == 0 ? "" : (char *)answer->body.p);
}

static int64_t number_in(const struct support_answer *answer, const char *name)
{
    const char *at = answer->body.n == 0 ? NULL : strstr((char *)answer->body.p, name);
    return at == NULL ? -1 : strtoll(at + strlen(name), NULL, 10);
}

static void take_acknowledgement(struct attempt *a, const struct support_answer *answer)
{
    int64_t accepted = number_in(answer, "\"accepted\": ");
    int64_t duplicates = number_in(answer, "\"duplicates\": "), n = a->sent->n;
    bool all = accepted == n && duplicates == 0, none = accepted == 0 && duplicates == n;
    bool may_repeat = a->sender->kind == SENDER_IDS || a->sender->kind == SENDER_SOURCE;
    if (!all && !(none && may_repeat))
        complain(a, answer, "acknowledged in part");
    bool again = a->sent->outcome == SENT_ACKNOWLEDGED;
    if (again && all && a->sender->kind != SENDER_KEYS)
        complain(a, answer, "stored once more");
    if (a->sender->kind == SENDER_KEYS && again &&
        !span_equal(buf_span(&a->first_answer), buf_span(&answer->body)))
        complain(a, answer, "another answer to the same key");
    if (!again && all)
        a->sent->first_seq = number_in(answer, "\"first_seq\": ");
    if (!again)
        buf_put_span(&a->first_answer, buf_span(&answer->body));
    a->sent->outcome = SENT_ACKNOWLEDGED;
}

/* One try. Returns whether it was acknowledged. */
static bool try_once(struct attempt *a)
{
    struct crew *c = a->sender->crew;
    pthread_mutex_lock(&c->mutex);
    char *url = mem_format("%s/v1/events", c->url), *token = mem_copy_text(c->token);
    pthread_mutex_unlock(&c->mutex);
    struct support_http request = {.url = url,
                                   .token = token,
                                   .headers = {"content-type: application/x-ndjson"},
                                   .body = buf_span(&a->body),
                                   .timeout_ms = ANSWER_MS};
    for (int i = 0; i < 2 && a->headers[i][0] != '\0'; i++)
        request.headers[i + 1] = a->headers[i];
    int64_t since_us = clock_monotonic_us();
    struct support_answer answer = support_http(&request);
    bool in_doubt =
        answer.status == 0 || (answer.status == 503 && answer.body.n > 0 &&
                               strstr((char *)answer.body.p, "outcome-unknown") != NULL);
    bool key_in_use = answer.status == 409 && a->sender->kind == SENDER_KEYS;
    if (answer.status == 202)
        take_acknowledgement(a, &answer);
    else if (answer.status != 0 && answer.status != 503 && !key_in_use)
        complain(a, &answer, "unexpected answer");
    else if (in_doubt && a->sent->outcome == SENT_NOT_STORED)
        a->sent->outcome = SENT_UNKNOWN;
    if (answer.status == 0 && clock_monotonic_us() - since_us >= (ANSWER_MS - 1000) * INT64_C(1000))
        complain(a, &answer, "no answer in time");
    if (answer.status == 503 && span_absent(support_header(&answer, "retry-after")))
        complain(a, &answer, "503 without Retry-After");
    bool acknowledged = answer.status == 202;
    support_answer_clear(&answer);
    free(url);
    free(token);
    return acknowledged;
}

/* Between the attempts of one sender, as a real one paces itself; no check depends on it. */
static void pause_ms(int64_t ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* A plain sender may repeat only what is known not to be stored. The others give up now and then.
 */
static bool may_try_again(struct attempt *a)
{
    struct sender *s = a->sender;
    if (s->complaint.n > 0)
        return false;
    if (s->kind == SENDER_PLAIN)
        return a->sent->outcome == SENT_NOT_STORED;
    return s->kind == SENDER_SOURCE || random_below(&s->random, 400) != 0;
}

/* A sender that cannot repeat asks first whether there is somebody. */
static void wait_for_service(struct sender *s)
{
    for (bool there = false; !there;) {
        pthread_mutex_lock(&s->crew->mutex);
        char *url = mem_format("%s/healthz", s->crew->url);
        pthread_mutex_unlock(&s->crew->mutex);
        struct support_answer answer = support_http(&(struct support_http){.url = url});
        there = answer.status == 200;
        support_answer_clear(&answer);
        free(url);
        if (!there)
            pause_ms(PAUSE_MS);
    }
}

static void send_one(struct sender *s, struct sent *sent)
{
    struct attempt a = {.sender = s, .sent = sent};
    uint32_t most = random_below(&s->random, 12) == 0 ? MANY_EVENTS : SOME_EVENTS;
    sent->n = 1 + random_below(&s->random, most);
    sent->outcome = SENT_NOT_STORED;
    sent->first_seq = -1;
    for (uint32_t i = 0; i < sent->n; i++)
        put_event(&a.body, s, sent->number, i);
    make_headers(&a);
    s->position_end = s->position + sent->n;
    if (s->kind == SENDER_PLAIN)
        wait_for_service(s);
    while (!try_once(&a) && may_try_again(&a))
        pause_ms(PAUSE_MS);
    bool repeat = s->kind != SENDER_PLAIN && random_below(&s->random, 5) == 0;
    if (repeat && sent->outcome == SENT_ACKNOWLEDGED)
        (void)try_once(&a); /* however that ends */
    if (sent->outcome == SENT_ACKNOWLEDGED)
        s->position = s->position_end;
    buf_clear(&a.body);
    buf_clear(&a.first_answer);
}

/* ------------------------------------------------------------------ threads */

/* Waits for leave to send one more; false: it is over. */
static bool may_send(struct sender *s)
{
    struct crew *c = s->crew;
    pthread_mutex_lock(&c->mutex);
    c->n_waiting++;
    while (!c->stopping && s->n >= c->granted)
        pthread_cond_wait(&c->changed, &c->mutex);
    c->n_waiting--;
    bool go_on = !c->stopping;
    pthread_mutex_unlock(&c->mutex);
    return go_on;
}

static void *sender_main(void *context)
{
    struct sender *s = context;
    while (may_send(s)) {
        if (s->n == s->cap) {
            s->cap = s->cap == 0 ? 64 : s->cap * 2;
            s->sent = mem_resize(s->sent, s->cap * sizeof(*s->sent));
        }
        struct sent *sent = &s->sent[s->n];
        *sent = (struct sent){.number = (uint32_t)s->n};
        if (s->complaint.n == 0)
            send_one(s, sent);
        s->n++;
    }
    return NULL;
}

void crew_start(struct crew *c, uint64_t seed)
{
    struct err e = {0};
    *c = (struct crew){0};
    pthread_mutex_init(&c->mutex, NULL);
    thread_condition_init(&c->changed);
    for (unsigned i = 0; i < CREW_SENDERS; i++) {
        struct sender *s = &c->senders[i];
        *s = (struct sender){.crew = c,
                             .kind = (enum sender_kind)(i % N_SENDER_KINDS),
                             .id = i,
                             .random = seed + i * UINT64_C(0x9e3779b97f4a7c15)};
        support_ok(thread_start(&s->thread, sender_main, s, &e), &e);
    }
}

void crew_point(struct crew *c, const char *url, const char *token)
{
    pthread_mutex_lock(&c->mutex);
    free(c->url);
    free(c->token);
    c->url = mem_copy_text(url);
    c->token = mem_copy_text(token);
    pthread_mutex_unlock(&c->mutex);
}

void crew_grant(struct crew *c, unsigned n_requests)
{
    pthread_mutex_lock(&c->mutex);
    c->granted += n_requests;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->mutex);
}

bool crew_is_idle(struct crew *c)
{
    bool idle = true;
    pthread_mutex_lock(&c->mutex);
    for (unsigned i = 0; i < CREW_SENDERS; i++)
        idle = idle && c->n_waiting == CREW_SENDERS && c->senders[i].n >= c->granted;
    pthread_mutex_unlock(&c->mutex);
    return idle;
}

void crew_stop(struct crew *c)
{
    pthread_mutex_lock(&c->mutex);
    c->stopping = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->mutex);
    for (unsigned i = 0; i < CREW_SENDERS; i++)
        pthread_join(c->senders[i].thread, NULL);
}

void crew_clear(struct crew *c)
{
    for (unsigned i = 0; i < CREW_SENDERS; i++) {
        free(c->senders[i].sent);
        buf_clear(&c->senders[i].complaint);
    }
    free(c->url);
    free(c->token);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->mutex);
}
