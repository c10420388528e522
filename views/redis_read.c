/* SPDX-License-Identifier: Apache-2.0 */
/* One read goes out as
 *
 *   HGET PREFIX:current VIEW
 *   MULTI  HMGET state  HGET sites SITE  HGETALL page ...  HGETALL sub-page ...  EXEC
 *
 * with the generation and the sub-pages that were seen last. When the answers show another
 * generation, no state (it has just been deleted), or more sub-pages, the whole goes out again:
 * what is given to the caller is always one moment. */
#include "views/redis_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "views/store_internal.h"

enum { MAX_ATTEMPTS = 6, MAX_KNOWN = 128, MAX_SUB_PAGES = 1000 };

/* What is known of a view from its last read. */
struct known {
    const struct plan *plan;
    uint64_t generation; /* 0: not known */
    char definition[65];
};

struct view_reader {
    struct redis_async *redis;
    char *prefix;
    struct known known[MAX_KNOWN];
    unsigned n_known;
};

struct read {
    struct view_reader *reader;
    struct view_question question;
    struct known *known;
    char definition[65]; /* the plan's: what is known may become another view's meanwhile */
    uint64_t asked;      /* the generation that was asked; 0: the pointer alone */
    uint64_t current;    /* what the pointer says */
    unsigned attempts;
    unsigned awaited;   /* answers */
    struct err failure; /* of a part while others are awaited */
    uint32_t *parts;    /* of each page: Redis hashes to read, as far as known */
    uint32_t *first;    /* n_pages + 1: the first reply of each page in EXEC's answer */
    const redisReply *replies;
};

static struct known *known_of(struct view_reader *r, const struct plan *p)
{
    for (unsigned i = 0; i < r->n_known; i++)
        if (r->known[i].plan == p)
            return &r->known[i];
    if (r->n_known == MAX_KNOWN)
        r->n_known = 0; /* starts over: what is known is only a guess */
    struct known *k = &r->known[r->n_known++];
    *k = (struct known){.plan = p};
    plan_hash(p, k->definition);
    return k;
}

/* ------------------------------------------------------------------ sending */

/* A command with up to 2 + N_STATE_FIELDS words. */
struct words {
    struct span args[2 + N_STATE_FIELDS];
    unsigned n;
    redis_async_answer *on_answer;
};

static int send_words(struct read *d, const struct words *w, struct err *e)
{
    return redis_async_send(d->reader->redis,
                            &(struct redis_async_command){w->args, w->n, w->on_answer, d}, e);
}

static void on_pointer(void *context, const struct redisReply *reply, const struct err *e);
static void on_exec(void *context, const struct redisReply *reply, const struct err *e);

static int send_pointer(struct read *d, struct err *e)
{
    struct buf key = {0};
    layout_current_key(d->reader->prefix, &key);
    struct words w = {
        {span_of("HGET"), buf_span(&key), span_of(d->question.plan->name)}, 3, on_pointer};
    int result = send_words(d, &w, e);
    buf_clear(&key);
    d->awaited += result == 0;
    return result;
}

static int send_state(struct read *d, const struct view_ref *v, struct err *e)
{
    struct buf key = {0};
    layout_state_key(v, &key);
    struct words w = {{span_of("HMGET"), buf_span(&key)}, 2, NULL};
    for (int i = 0; i < N_STATE_FIELDS; i++)
        w.args[w.n++] = span_of(store_state_fields[i]);
    int result = send_words(d, &w, e);
    buf_clear(&key);
    return result;
}

static int send_site(struct read *d, const struct view_ref *v, struct err *e)
{
    struct buf key = {0};
    layout_sites_key(v, &key);
    struct words w = {{span_of("HGET"), buf_span(&key), d->question.site}, 3, NULL};
    int result = send_words(d, &w, e);
    buf_clear(&key);
    return result;
}

static int send_page(struct read *d, const struct view_ref *v, uint32_t page, struct err *e)
{
    const struct view_page_ref *p = &d->question.pages[page];
    struct buf key = {0};
    int result = 0;
    for (uint32_t part = 0; part < d->parts[page] && result == 0; part++) {
        buf_reset(&key);
        layout_page_key(v, d->question.site, d->question.plan->tiers[p->tier], p->start_us, part,
                        &key);
        struct words w = {{span_of("HGETALL"), buf_span(&key)}, 2, NULL};
        result = send_words(d, &w, e);
    }
    buf_clear(&key);
    return result;
}

static int send_transaction(struct read *d, struct err *e)
{
    struct view_ref v = {.prefix = d->reader->prefix,
                         .view = d->question.plan->name,
                         .generation = d->asked,
                         .partition = d->question.partition};
    struct words multi = {{span_of("MULTI")}, 1, NULL}, exec = {{span_of("EXEC")}, 1, on_exec};
    if (send_words(d, &multi, e) != 0 || send_state(d, &v, e) != 0)
        return -1;
    d->first[0] = 1;
    if (!span_absent(d->question.site)) {
        d->first[0]++;
        if (send_site(d, &v, e) != 0)
            return -1;
    }
    for (uint32_t i = 0; i < d->question.n_pages; i++) {
        d->first[i + 1] = d->first[i] + d->parts[i];
        if (send_page(d, &v, i, e) != 0)
            return -1;
    }
    int result = send_words(d, &exec, e);
    d->awaited += result == 0;
    return result;
}

/* Sends everything for one attempt. On -1 answers may still be awaited (d->awaited). */
static int attempt(struct read *d, struct err *e)
{
    d->attempts++;
    d->asked = d->known->generation;
    if (!redis_async_has_room(d->reader->redis, 2))
        return err_set(e, ERR_BUSY, "too many reads of views are under way");
    if (send_pointer(d, e) != 0)
        return -1;
    return d->asked == 0 ? 0 : send_transaction(d, e);
}

/* ------------------------------------------------------------------ answers */

static void free_read(struct read *d)
{
    free(d->parts);
    free(d->first);
    free(d);
}

static void finish(struct read *d, const struct view_answer *answer, const struct err *e)
{
    d->question.on_answer(d->question.context, answer, e);
    free_read(d);
}

static void fail(struct read *d, enum err_kind kind, const char *why)
{
    struct err e = {0};
    err_set(&e, kind, "view %s: %s", d->question.plan->name, why);
    finish(d, NULL, &e);
}

static void try_again(struct read *d)
{
    struct err e = {0};
    if (d->attempts >= MAX_ATTEMPTS) {
        fail(d, ERR_BUSY, "it is being changed; repeat");
        return;
    }
    if (attempt(d, &e) == 0)
        return;
    if (d->awaited == 0)
        finish(d, NULL, &e);
    else
        d->failure = e;
}

/* Whether a part has failed and all parts are in: then the read has ended. */
static bool part_failed(struct read *d, const struct err *e)
{
    d->awaited--;
    if (e != NULL && d->failure.kind == ERR_NONE)
        d->failure = *e;
    if (d->failure.kind == ERR_NONE)
        return false;
    if (d->awaited == 0) {
        struct err failure = d->failure;
        finish(d, NULL, &failure);
    }
    return true;
}

static void on_pointer(void *context, const struct redisReply *reply, const struct err *e)
{
    struct read *d = context;
    int64_t generation = 0;
    if (part_failed(d, e))
        return;
    if (reply->type == REDIS_REPLY_STRING && store_number(reply_span(reply), &generation) != 0)
        generation = 0;
    d->current = (uint64_t)generation;
    d->known->generation = d->current;
    if (d->awaited > 0)
        return; /* on_exec goes on */
    if (d->current == 0)
        fail(d, ERR_BUSY, "it is not built yet");
    else
        try_again(d);
}

/* Redis hashes a page is stored in, as the page itself says. */
static uint32_t parts_of(const redisReply *page)
{
    int64_t beyond = 0;
    for (size_t k = 0; k + 1 < page->elements; k += 2)
        if (page->element[k]->len == 0)
            return store_number(reply_span(page->element[k + 1]), &beyond) == 0 && beyond >= 0 &&
                           beyond <= MAX_SUB_PAGES
                       ? (uint32_t)beyond + 1
                       : 1;
    return 1;
}

/* Notes how many parts the pages have; whether that is more than were read. */
static bool has_more_parts(struct read *d)
{
    bool more = false;
    for (uint32_t i = 0; i < d->question.n_pages; i++) {
        uint32_t parts = parts_of(d->replies->element[d->first[i]]);
        more = more || parts > d->parts[i];
        d->parts[i] = parts > d->parts[i] ? parts : d->parts[i];
    }
    return more;
}

static int check_replies(struct read *d, struct err *e)
{
    const redisReply *r = d->replies;
    uint32_t wanted = d->first[d->question.n_pages];
    if (r->type != REDIS_REPLY_ARRAY || r->elements != wanted)
        return err_set(e, ERR_DATA, "redis: EXEC gave another number of answers");
    for (size_t i = 0; i < r->elements; i++)
        if (r->element[i]->type == REDIS_REPLY_ERROR)
            return store_reply_error(r->element[i], e);
    for (uint32_t i = d->first[0]; i < wanted; i++)
        if (!reply_is_pairs(r->element[i]))
            return err_set(e, ERR_DATA, "redis: a page is not a hash");
    return 0;
}

static bool state_missing(const redisReply *state)
{
    for (size_t i = 0; i < state->elements; i++)
        if (state->element[i]->type != REDIS_REPLY_NIL)
            return false;
    return true;
}

static void give(struct read *d)
{
    struct view_answer answer = {.generation = d->asked, .replies = d};
    const redisReply *site = d->first[0] == 2 ? d->replies->element[1] : NULL;
    store_read_state(d->replies->element[0], &answer.state);
    if (answer.state.format != PAGE_FORMAT) {
        fail(d, ERR_BUSY, "it is being rebuilt");
        return;
    }
    if (strcmp(answer.state.definition, d->definition) != 0) {
        struct err e = {0};
        err_set(&e, ERR_DATA, "view %s: it is being rebuilt", d->question.plan->name);
        finish(d, &answer, &e);
        return;
    }
    answer.site_known = site != NULL && site->type == REDIS_REPLY_STRING &&
                        store_number(reply_span(site), &answer.site_watermark_us) == 0;
    finish(d, &answer, NULL);
}

static void on_exec(void *context, const struct redisReply *reply, const struct err *e)
{
    struct read *d = context;
    struct err broken = {0};
    if (part_failed(d, e))
        return;
    d->replies = reply;
    if (d->current == 0)
        fail(d, ERR_BUSY, "it is not built yet");
    else if (d->current != d->asked)
        try_again(d);
    else if (check_replies(d, &broken) != 0)
        finish(d, NULL, &broken);
    else if (state_missing(reply->element[0]) || has_more_parts(d))
        try_again(d);
    else
        give(d);
}

int view_answer_each(const struct view_answer *a, uint32_t page,
                     int (*each)(void *context, struct span group, struct span value),
                     void *context)
{
    const struct read *d = a->replies;
    for (uint32_t i = d->first[page]; i < d->first[page + 1]; i++) {
        const redisReply *hash = d->replies->element[i];
        for (size_t k = 0; k + 1 < hash->elements; k += 2)
            if (hash->element[k]->len != 0 &&
                each(context, reply_span(hash->element[k]), reply_span(hash->element[k + 1])) != 0)
                return -1;
    }
    return 0;
}

int view_reader_ask(struct view_reader *r, const struct view_question *q, struct err *e)
{
    struct read *d = mem_alloc(sizeof *d);
    *d = (struct read){.reader = r, .question = *q, .known = known_of(r, q->plan)};
    memcpy(d->definition, d->known->definition, sizeof(d->definition));
    d->parts = mem_alloc((q->n_pages + 1) * sizeof *d->parts);
    d->first = mem_alloc((q->n_pages + 1) * sizeof *d->first);
    for (uint32_t i = 0; i < q->n_pages; i++)
        d->parts[i] = 1;
    struct err failure = {0};
    if (attempt(d, &failure) == 0)
        return 0;
    if (d->awaited > 0) { /* the answer comes with what is awaited */
        d->failure = failure;
        return 0;
    }
    free_read(d);
    return err_set(e, failure.kind, "%s", failure.text);
}

/* ------------------------------------------------------------------ the reader */

struct view_reader *view_reader_new(struct http_loop *l, const struct redis_async_options *redis,
                                    const char *prefix)
{
    struct view_reader *r = mem_alloc(sizeof *r);
    r->redis = redis_async_new(l, redis);
    r->prefix = mem_copy_text(prefix);
    return r;
}

void view_reader_free(struct view_reader *r)
{
    if (r == NULL)
        return;
    redis_async_free(r->redis);
    free(r->prefix);
    free(r);
}
