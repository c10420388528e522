/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/chaos/account.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/table.h"

enum { SOME_COMPLAINTS = 20 };

/* A path in the log: each is to be there once at most. */
struct stored {
    const char *path; /* ends with '\n' */
    size_t n;
    int64_t seq;
    uint32_t count, wanted;
};

struct account {
    struct table table;
    struct stored *all;
    size_t n;
    unsigned complaints;
    uint64_t acknowledged, unknown, events;
};

static bool is_path(const void *item, const void *key)
{
    const struct stored *s = item;
    return span_equal((struct span){s->path, s->n}, *(const struct span *)key);
}

static struct stored *find(const struct account *a, struct span path)
{
    return table_find(&a->table, hash_bytes(1, path), &path, is_path);
}

static void complain(struct account *a, const struct sender *s, const struct sent *sent,
                     const char *what)
{
    char path[SENDER_PATH_BYTES];
    sender_path(s, sent->number, 0, path);
    if (a->complaints++ < SOME_COMPLAINTS)
        print_message("%s: %u events, %s: %s\n", path, (unsigned)sent->n,
                      sent->outcome == SENT_ACKNOWLEDGED ? "acknowledged"
                      : sent->outcome == SENT_UNKNOWN    ? "unknown"
                                                         : "not stored",
                      what);
}

/* ------------------------------------------------------------------ the log */

/* Lines "seq path". */
static void read_log(struct account *a, char *text)
{
    size_t lines = 0;
    for (const char *p = text; *p != '\0'; p++)
        lines += *p == '\n';
    a->all = mem_alloc((lines + 1) * sizeof(*a->all));
    for (char *p = text; *p != '\0';) {
        char *path;
        int64_t seq = strtoll(p, &path, 10);
        struct span name = {path + 1, strcspn(path + 1, "\n")};
        struct stored *known = find(a, name);
        if (known == NULL) {
            known = &a->all[a->n++];
            *known = (struct stored){.path = name.p, .n = name.n, .seq = seq};
            table_put(&a->table, hash_bytes(1, name), known);
        }
        known->count++;
        p = path + 1 + name.n + 1;
    }
}

/* ------------------------------------------------------------------ requests */

static void check_request(struct account *a, const struct sender *s, const struct sent *sent)
{
    uint32_t there = 0, twice = 0, elsewhere = 0;
    int64_t first = -1;
    for (uint32_t i = 0; i < sent->n; i++) {
        char path[SENDER_PATH_BYTES];
        sender_path(s, sent->number, i, path);
        struct stored *e = find(a, span_of(path));
        if (e == NULL)
            continue;
        there++;
        e->wanted++;
        twice += e->count > 1;
        first = i == 0 ? e->seq : first;
        elsewhere += e->seq != first + i || (sent->first_seq >= 0 && first != sent->first_seq);
    }
    a->events += there;
    a->acknowledged += sent->outcome == SENT_ACKNOWLEDGED ? sent->n : 0;
    a->unknown += sent->outcome == SENT_UNKNOWN ? sent->n : 0;
    if (there != 0 && there != sent->n)
        complain(a, s, sent, "only a part of it is in the log");
    if (twice > 0)
        complain(a, s, sent, "some of it is in the log twice");
    if (there == sent->n && elsewhere > 0)
        complain(a, s, sent, "it is not where it was said to be, in order");
    if (there == 0 && sent->outcome == SENT_ACKNOWLEDGED)
        complain(a, s, sent, "it is not in the log");
    if (there > 0 && sent->outcome == SENT_NOT_STORED)
        complain(a, s, sent, "it is in the log");
}

/* What the service says of the source is what was acknowledged, or what may have been. */
static void check_source(struct account *a, const struct sender *s, struct service *service)
{
    char name[SENDER_PATH_BYTES];
    sender_source(s, name);
    char *path = mem_format("/v1/sources/%s", name);
    struct support_answer answer = service_get(service, path, NULL);
    const char *at = answer.status == 200 ? strstr((char *)answer.body.p, "\"position\":") : NULL;
    int64_t position = at == NULL ? -1 : strtoll(at + strlen("\"position\":"), NULL, 10);
    if (position != s->position && position != s->position_end) {
        print_message("%s is at %" PRId64 ", acknowledged was %" PRId64 "\n", name, position,
                      s->position);
        a->complaints++;
    }
    support_answer_clear(&answer);
    free(path);
}

static void check_sender(struct account *a, const struct sender *s, struct service *service)
{
    if (s->complaint.n > 0) {
        print_message("%.*s", (int)s->complaint.n, (char *)s->complaint.p);
        a->complaints++;
    }
    for (size_t i = 0; i < s->n; i++)
        check_request(a, s, &s->sent[i]);
    if (s->kind == SENDER_SOURCE)
        check_source(a, s, service);
}

void account_check(struct crew *c, struct service *s)
{
    struct account a = {0};
    char *text =
        support_sql(s->postgres,
                    "SELECT coalesce(string_agg(seq || ' ' || path || E'\\n', '' ORDER BY seq), '')"
                    " FROM events");
    read_log(&a, text);
    for (unsigned i = 0; i < CREW_SENDERS; i++)
        check_sender(&a, &c->senders[i], s);
    for (size_t i = 0; i < a.n; i++)
        if (a.all[i].wanted != 1 && a.complaints++ < SOME_COMPLAINTS)
            print_message("%.*s is in the log and nobody sent it\n", (int)a.all[i].n,
                          a.all[i].path);
    int64_t gap = support_sql_int(s->postgres, "SELECT count(*) - log_next_seq(0) FROM events");
    print_message("acknowledged %" PRIu64 ", unknown %" PRIu64 ", in the log %" PRIu64 "\n",
                  a.acknowledged, a.unknown, a.events);
    free(a.all);
    table_clear(&a.table);
    free(text);
    assert_int_equal(gap, 0); /* dense */
    assert_int_equal(a.complaints, 0);
}
