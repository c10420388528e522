/* SPDX-License-Identifier: Apache-2.0 */
/* What the sessions of a log are, by sorting it: gaps and islands, and nothing else. */
#ifndef TESTS_SESSION_ORACLE_H
#define TESTS_SESSION_ORACLE_H

#include <stdlib.h>

#include "base/mem.h"
#include "views/session.h"

/* ---- a set of sessions as text: one line each, sorted ---- */

struct session_lines {
    char **lines;
    size_t n;
};

static inline char *session_line(struct span site, uint64_t visitor, const struct session *s)
{
    struct buf text = {0};
    buf_printf(&text, "%.*s %016llx %lld/%llu %lld/%llu %lld", SPAN_ARGS(site),
               (unsigned long long)visitor, (long long)s->start.time_us,
               (unsigned long long)s->start.seq, (long long)s->end.time_us,
               (unsigned long long)s->end.seq, (long long)s->pageviews);
    for (unsigned i = 0; i < N_SESSION_TEXTS; i++) {
        buf_put_text(&text, " ");
        buf_put_json(&text, s->texts[i]);
    }
    char *line = mem_copy_span(buf_span(&text));
    buf_clear(&text);
    return line;
}

static inline void session_lines_put(struct session_lines *l, char *line)
{
    l->lines = mem_resize(l->lines, (l->n + 1) * sizeof(char *));
    l->lines[l->n++] = line;
}

/* Whether it was there. */
static inline bool session_lines_take(struct session_lines *l, char *line)
{
    size_t i = l->n;
    while (i > 0 && strcmp(l->lines[i - 1], line) != 0)
        i--;
    free(line);
    if (i == 0)
        return false;
    free(l->lines[i - 1]);
    l->lines[i - 1] = l->lines[--l->n];
    return true;
}

static inline int session_lines_order(const void *x, const void *y)
{
    return strcmp(*(char *const *)x, *(char *const *)y);
}

static inline void session_lines_clear(struct session_lines *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->lines[i]);
    free(l->lines);
    *l = (struct session_lines){0};
}

/* Fails the test at the first line that only one of them has. */
static inline void session_lines_assert_equal(struct session_lines *a, struct session_lines *b)
{
    if (a->n > 0 && b->n > 0) {
        qsort(a->lines, a->n, sizeof(char *), session_lines_order);
        qsort(b->lines, b->n, sizeof(char *), session_lines_order);
    }
    for (size_t i = 0; i < a->n && i < b->n; i++)
        assert_string_equal(a->lines[i], b->lines[i]);
    assert_int_equal(a->n, b->n);
}

/* ---- the oracle ---- */

struct session_event {
    struct event event;
    uint64_t seq;
    bool accepted;
};

static inline bool session_oracle_accepts(const struct session_event *events, size_t i)
{
    const struct event *e = &events[i].event;
    int64_t latest_us = e->time_us;
    for (size_t k = 0; k < i; k++)
        if (span_equal(events[k].event.site, e->site) && events[k].event.time_us > latest_us)
            latest_us = events[k].event.time_us;
    return span_is(e->type, "PageViewEvent") && !e->bot &&
           latest_us - e->time_us <= 48 * US_PER_HOUR;
}

static inline int session_event_order(const void *x, const void *y)
{
    const struct session_event *a = x, *b = y;
    int by_site = a->event.site.n != b->event.site.n
                      ? (a->event.site.n > b->event.site.n) - (a->event.site.n < b->event.site.n)
                      : memcmp(a->event.site.p, b->event.site.p, a->event.site.n);
    if (by_site != 0)
        return by_site;
    if (a->event.visitor != b->event.visitor)
        return a->event.visitor < b->event.visitor ? -1 : 1;
    if (a->event.time_us != b->event.time_us)
        return a->event.time_us < b->event.time_us ? -1 : 1;
    return a->seq < b->seq ? -1 : 1;
}

static inline struct session session_of_run(const struct session_event *first,
                                            const struct session_event *last)
{
    const struct event *e = &first->event;
    return (struct session){.start = {e->time_us, first->seq},
                            .end = {last->event.time_us, last->seq},
                            .pageviews = last - first + 1,
                            .texts = {e->path, last->event.path, e->referrer, e->referrer_host,
                                      e->country, e->region, e->browser, e->os, e->device,
                                      e->utm_source, e->utm_medium, e->utm_campaign}};
}

/* Whether lines name the seqs, too: SQL's relation does not. */
enum session_line_choice { SESSION_LINE_ALL, SESSION_LINE_TIMES };

/* The sessions of a log, by sorting it. */
static inline struct session_lines session_oracle(const struct session_event *events, size_t n,
                                                  enum session_line_choice choice)
{
    struct session_lines lines = {0};
    struct session_event *sorted = mem_resize(NULL, (n + 1) * sizeof(*sorted));
    size_t accepted = 0;
    for (size_t i = 0; i < n; i++)
        if (session_oracle_accepts(events, i))
            sorted[accepted++] = events[i];
    qsort(sorted, accepted, sizeof(*sorted), session_event_order);
    for (size_t i = 0, end; i < accepted; i = end) {
        const struct event *e = &sorted[i].event;
        for (end = i + 1; end < accepted; end++)
            if (!span_equal(sorted[end].event.site, e->site) ||
                sorted[end].event.visitor != e->visitor ||
                sorted[end].event.time_us - sorted[end - 1].event.time_us > 30 * US_PER_MINUTE)
                break;
        struct session s = session_of_run(&sorted[i], &sorted[end - 1]);
        if (choice == SESSION_LINE_TIMES)
            s.start.seq = s.end.seq = 0;
        session_lines_put(&lines, session_line(e->site, e->visitor, &s));
    }
    free(sorted);
    return lines;
}

#endif
