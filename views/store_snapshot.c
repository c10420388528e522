/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots in Redis: the copies, and reading a page as it was. Only commands that take nothing are
 * used to take copies away, so that it works also when Redis is out of memory. */
#include <inttypes.h>
#include <stdlib.h>

#include "views/store_internal.h"

enum { DELETE_STEP = 100 }; /* pages a call */

static struct view_ref generation_of(const struct view_ref *copies)
{
    struct view_ref v = *copies;
    v.snapshot = 0;
    return v;
}

static void arg_id(struct store *s, const struct view_ref *copies)
{
    char id[17];
    snprintf(id, sizeof(id), "%016" PRIx64, copies->snapshot);
    store_arg_text(s, id);
}

/* ---- making copies */

static void put_copy_of_key(struct store *s, const struct view_ref *copies,
                            void (*make)(const struct view_ref *, struct buf *))
{
    struct view_ref v = generation_of(copies);
    store_command(s, "COPY");
    store_arg(s, store_key(s, &v, make));
    store_arg(s, store_key(s, copies, make));
    store_end_command(s);
}

void store_list_snapshot(struct store *s, const struct view_ref *copies)
{
    store_command(s, "SADD");
    store_arg(s, store_key(s, copies, layout_snapshots_key));
    arg_id(s, copies);
    store_end_command(s);
}

void store_put_snapshot(struct store *s, const struct view_ref *copies)
{
    store_list_snapshot(s, copies);
    store_command(s, "SET");
    store_arg(s, store_key(s, copies, layout_open_key));
    store_arg_text(s, "1");
    store_end_command(s);
    put_copy_of_key(s, copies, layout_index_key);
    put_copy_of_key(s, copies, layout_sites_key);
}

void store_put_copy(struct store *s, const struct view_ref *copies, const struct tier *t,
                    const struct page *p, size_t stored_rows)
{
    struct view_ref v = generation_of(copies);
    unsigned hashes = stored_rows == 0 ? 0 : store_sub_pages(stored_rows) + 1;
    for (unsigned n = 0; n < hashes; n++) {
        store_command(s, "COPY");
        store_arg(s, store_page_key(s, &v, page_site(p), t, page_start(p), n));
        store_arg(s, store_page_key(s, copies, page_site(p), t, page_start(p), n));
        store_end_command(s);
    }
    store_command(s, "ZADD");
    store_arg(s, store_key(s, copies, layout_kept_key));
    store_arg_unsigned(s, hashes);
    store_arg(s, store_page_name(s, t, p));
    store_end_command(s);
}

/* ---- reading */

static int is_kept(struct store *s, const struct view_ref *copies, const struct tier *t,
                   const struct page *p, bool *kept, struct err *e)
{
    redisReply *r;
    store_command(s, "ZSCORE");
    store_arg(s, store_key(s, copies, layout_kept_key));
    store_arg(s, store_page_name(s, t, p));
    store_end_command(s);
    if (store_reply(s, &r, e) != 0)
        return -1;
    *kept = r->type == REDIS_REPLY_STRING;
    freeReplyObject(r);
    return 0;
}

/* The page is read first and only then asked about: one that has not been copied by then had not
 * changed when it was read, however many commands that took. The copy of one that has does not
 * change any more. */
int store_load_kept(struct store *s, const struct view_ref *copies, const struct plan *p,
                    struct page **page, struct err *e)
{
    struct view_ref v = generation_of(copies);
    struct store_pages one = {page, 1};
    struct err failure = {0};
    bool kept = false;
    int result = store_load_pages(s, &v, p, &one, &failure);
    bool readable = result == 0 || failure.kind == ERR_DATA; /* it may be: half before a change */
    if (readable && is_kept(s, copies, p->tiers[page_tier(*page)], *page, &kept, e) != 0)
        return -1;
    if (!kept)
        return result == 0 ? 0 : err_set(e, failure.kind, "%s", failure.text);
    struct page *was = page_new(p, page_tier(*page), page_site(*page), page_start(*page));
    page_free(*page);
    *page = was;
    return store_load_pages(s, copies, p, &one, e);
}

int store_snapshot_is_open(struct store *s, const struct view_ref *copies, bool *open,
                           struct err *e)
{
    redisReply *r;
    store_command(s, "EXISTS");
    store_arg(s, store_key(s, copies, layout_state_key));
    store_arg(s, store_key(s, copies, layout_open_key));
    store_end_command(s);
    if (store_reply(s, &r, e) != 0)
        return -1;
    *open = r->type == REDIS_REPLY_INTEGER && r->integer == 2;
    freeReplyObject(r);
    return 0;
}

/* ---- taking them away */

static void unlink_page(struct store *s, const struct view_ref *copies, struct span name,
                        int64_t hashes)
{
    store_command(s, "UNLINK");
    for (int64_t n = 0; n < hashes; n++) {
        buf_reset(&s->key);
        layout_prefix(copies, &s->key);
        buf_put_span(&s->key, name);
        if (n > 0)
            buf_printf(&s->key, ":%" PRId64, n);
        store_arg(s, buf_span(&s->key));
    }
    store_end_command(s);
}

/* Of what ZRANGE ... WITHSCORES gave. */
static int delete_pages(struct store *s, const struct view_ref *copies, const redisReply *names,
                        struct err *e)
{
    size_t sent = 1;
    for (size_t i = 0; i + 1 < names->elements; i += 2) {
        int64_t hashes = 0;
        if (store_number(reply_span(names->element[i + 1]), &hashes) != 0 || hashes > 1000000)
            return err_set(e, ERR_DATA, "redis: a snapshot's pages have no numbers");
        if (hashes > 0) {
            unlink_page(s, copies, reply_span(names->element[i]), hashes);
            sent++;
        }
    }
    store_command(s, "ZREM");
    store_arg(s, store_key(s, copies, layout_kept_key));
    for (size_t i = 0; i + 1 < names->elements; i += 2)
        store_arg(s, reply_span(names->element[i]));
    store_end_command(s);
    return store_skip_replies(s, sent, e);
}

static int delete_rest(struct store *s, const struct view_ref *copies, struct err *e)
{
    store_command(s, "UNLINK");
    store_arg(s, store_key(s, copies, layout_index_key));
    store_arg(s, store_key(s, copies, layout_sites_key));
    store_arg(s, store_key(s, copies, layout_kept_key));
    store_end_command(s);
    store_command(s, "SREM");
    store_arg(s, store_key(s, copies, layout_snapshots_key));
    arg_id(s, copies);
    store_end_command(s);
    return store_skip_replies(s, 2, e);
}

int store_delete_copies_step(struct store *s, const struct view_ref *copies, bool *done,
                             struct err *e)
{
    redisReply *r;
    store_command(s, "UNLINK");
    store_arg(s, store_key(s, copies, layout_open_key));
    store_end_command(s);
    store_command(s, "ZRANGE");
    store_arg(s, store_key(s, copies, layout_kept_key));
    store_arg_number(s, 0);
    store_arg_number(s, DELETE_STEP - 1);
    store_arg_text(s, "WITHSCORES");
    store_end_command(s);
    if (store_skip_replies(s, 1, e) != 0 || store_reply(s, &r, e) != 0)
        return -1;
    *done = r->type != REDIS_REPLY_ARRAY || r->elements == 0;
    int result = *done ? delete_rest(s, copies, e) : delete_pages(s, copies, r, e);
    freeReplyObject(r);
    return result;
}

/* 0: it is no number as arg_id writes it. */
static uint64_t read_id(struct span text)
{
    char copy[17] = "";
    if (text.n != 16)
        return 0;
    memcpy(copy, text.p, 16);
    return strspn(copy, "0123456789abcdef") == 16 ? strtoull(copy, NULL, 16) : 0;
}

static int forget(struct store *s, const struct view_ref *v, struct span id, struct err *e)
{
    store_command(s, "SREM");
    store_arg(s, store_key(s, v, layout_snapshots_key));
    store_arg(s, id);
    store_end_command(s);
    return store_skip_replies(s, 1, e);
}

int store_delete_snapshots_step(struct store *s, const struct view_ref *v, bool *done,
                                struct err *e)
{
    struct view_ref copies = *v;
    bool copies_done;
    redisReply *r;
    store_command(s, "SRANDMEMBER");
    store_arg(s, store_key(s, v, layout_snapshots_key));
    store_end_command(s);
    if (store_reply(s, &r, e) != 0)
        return -1;
    int result = 0;
    *done = r->type != REDIS_REPLY_STRING;
    if (!*done) {
        copies.snapshot = read_id(reply_span(r));
        result = copies.snapshot == 0 ? forget(s, v, reply_span(r), e)
                                      : store_delete_copies_step(s, &copies, &copies_done, e);
    }
    freeReplyObject(r);
    return result;
}
