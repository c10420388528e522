/* SPDX-License-Identifier: Apache-2.0 */
/* Pages in Redis: a hash for the first 5,000 groups, sub-pages for the others, the index. */
#include <stdlib.h>

#include "base/clock.h"
#include "views/store_internal.h"

enum {
    LOAD_WINDOW = 64,           /* pages asked for at a time */
    COMMAND_BYTES = 256 * 1024, /* of rows in one HSET */
    INDEX_STEP = 1000
};

/* ---- loading */

struct load {
    struct store *store;
    const struct view_ref *view;
    const struct plan *plan;
};

static void ask_page(const struct load *l, const struct page *p, unsigned sub_page)
{
    struct store *s = l->store;
    store_command(s, "HGETALL");
    store_arg(s, store_page_key(s, l->view, page_site(p), l->plan->tiers[page_tier(p)],
                                page_start(p), sub_page));
    store_end_command(s);
}

static int load_row(struct page *p, struct span field, struct span value, int64_t *sub_pages,
                    struct err *e)
{
    if (field.n != 0)
        return page_load(p, field, value, e);
    if (store_number(value, sub_pages) != 0 || *sub_pages < 0 || *sub_pages > 1000000)
        return err_set(e, ERR_DATA, "the number of sub-pages is %.*s",
                       (int)(value.n < 32 ? value.n : 32), value.p);
    return 0;
}

/* The number of sub-pages beyond the first stays as it is when the hash does not say it. */
static int take_page(struct store *s, struct page *p, int64_t *sub_pages, struct err *e)
{
    redisReply *r;
    if (store_reply(s, &r, e) != 0)
        return -1;
    int result = reply_is_pairs(r) ? 0 : err_set(e, ERR_DATA, "a page is not a hash");
    for (size_t i = 0; result == 0 && i < r->elements; i += 2)
        result =
            load_row(p, reply_span(r->element[i]), reply_span(r->element[i + 1]), sub_pages, e);
    freeReplyObject(r);
    return result;
}

/* Every sub-page but the last is full: that is how a row's place is known from its ordinal. */
static int load_sub_pages(const struct load *l, struct page *p, int64_t sub_pages, struct err *e)
{
    int64_t said = sub_pages;
    for (unsigned n = 1; n <= sub_pages; n++) {
        if (page_rows(p) != (size_t)n * SUB_PAGE_GROUPS)
            break;
        ask_page(l, p, n);
        if (take_page(l->store, p, &said, e) != 0)
            return -1;
    }
    return store_sub_pages(page_rows(p)) == sub_pages && said == sub_pages
               ? 0
               : err_set(e, ERR_DATA, "%zu groups do not fill %lld sub-pages", page_rows(p),
                         (long long)sub_pages);
}

static int name_page(const struct load *l, const struct page *p, struct err *e)
{
    struct span key = store_page_key(l->store, l->view, page_site(p), l->plan->tiers[page_tier(p)],
                                     page_start(p), 0);
    return err_context(e, "page %.*s", (int)(key.n > 200 ? 200 : key.n), key.p);
}

static int load_window(const struct load *l, struct page *const *pages, size_t n, struct err *e)
{
    int64_t sub_pages[LOAD_WINDOW] = {0};
    for (size_t i = 0; i < n; i++)
        ask_page(l, pages[i], 0);
    for (size_t i = 0; i < n; i++)
        if (take_page(l->store, pages[i], &sub_pages[i], e) != 0)
            return name_page(l, pages[i], e);
    for (size_t i = 0; i < n; i++)
        if (load_sub_pages(l, pages[i], sub_pages[i], e) != 0)
            return name_page(l, pages[i], e);
    return 0;
}

int store_load_pages(struct store *s, const struct view_ref *v, const struct plan *p,
                     const struct store_pages *pages, struct err *e)
{
    struct load l = {s, v, p};
    for (size_t i = 0; i < pages->n; i += LOAD_WINDOW) {
        size_t n = pages->n - i < LOAD_WINDOW ? pages->n - i : LOAD_WINDOW;
        if (load_window(&l, pages->pages + i, n, e) != 0)
            return -1;
    }
    return 0;
}

/* ---- writing */

struct put {
    struct store *store;
    const struct view_ref *view;
    const struct tier *tier;
    const struct page *page;
    struct buf value;
    unsigned sub_page;
    bool open; /* an HSET of that sub-page is being made */
};

static void start_rows(struct put *put, unsigned sub_page)
{
    store_command(put->store, "HSET");
    store_arg(put->store, store_page_key(put->store, put->view, page_site(put->page), put->tier,
                                         page_start(put->page), sub_page));
    put->sub_page = sub_page;
    put->open = true;
}

static void end_rows(struct put *put)
{
    if (put->open)
        store_end_command(put->store);
    put->open = false;
}

static int put_row(void *context, const struct page_row *row)
{
    struct put *put = context;
    unsigned sub_page = page_row_ordinal(row) / SUB_PAGE_GROUPS;
    if (put->open && (sub_page != put->sub_page || put->store->args.n > COMMAND_BYTES))
        end_rows(put);
    if (!put->open)
        start_rows(put, sub_page);
    buf_reset(&put->value);
    page_row_encode(put->page, row, &put->value);
    store_arg(put->store, page_row_group(row));
    store_arg(put->store, buf_span(&put->value));
    return 0;
}

static void take_row(const struct put *put, const struct page_row *row)
{
    struct store *s = put->store;
    store_command(s, "HDEL");
    store_arg(s, store_page_key(s, put->view, page_site(put->page), put->tier,
                                page_start(put->page), page_row_stored(row) / SUB_PAGE_GROUPS));
    store_arg(s, page_row_group(row));
    store_end_command(s);
}

static int take_vanished(void *context, const struct page_row *row)
{
    take_row(context, row);
    return 0;
}

static int take_moved(void *context, const struct page_row *row)
{
    uint32_t stored = page_row_stored(row);
    if (stored != PAGE_NOT_STORED &&
        stored / SUB_PAGE_GROUPS != page_row_ordinal(row) / SUB_PAGE_GROUPS)
        take_row(context, row);
    return 0;
}

static void put_sub_page_count(struct put *put, unsigned sub_pages)
{
    struct store *s = put->store;
    store_command(s, sub_pages == 0 ? "HDEL" : "HSET");
    store_arg(
        s, store_page_key(s, put->view, page_site(put->page), put->tier, page_start(put->page), 0));
    store_arg_text(s, "");
    if (sub_pages != 0)
        store_arg_unsigned(s, sub_pages);
    store_end_command(s);
}

struct span store_page_name(struct store *s, const struct tier *t, const struct page *p)
{
    buf_reset(&s->key);
    layout_page_suffix(page_site(p), t, page_start(p), &s->key);
    return buf_span(&s->key);
}

static void drop_page(const struct put *put, size_t stored_rows)
{
    struct store *s = put->store;
    const struct page *p = put->page;
    store_command(s, "UNLINK");
    for (unsigned n = 0; n <= store_sub_pages(stored_rows); n++)
        store_arg(s, store_page_key(s, put->view, page_site(p), put->tier, page_start(p), n));
    store_end_command(s);
    store_command(s, "ZREM");
    store_arg(s, store_key(s, put->view, layout_index_key));
    store_arg(s, store_page_name(s, put->tier, p));
    store_end_command(s);
}

void store_put_page(struct store *s, const struct view_ref *v, const struct tier *t,
                    const struct page *p, size_t stored_rows)
{
    struct put put = {.store = s, .view = v, .tier = t, .page = p};
    if (page_rows(p) == 0) {
        if (stored_rows > 0)
            drop_page(&put, stored_rows);
        return;
    }
    (void)page_each_vanished(p, take_vanished, &put); /* these never stop */
    (void)page_each_changed(p, take_moved, &put);
    (void)page_each_changed(p, put_row, &put);
    end_rows(&put);
    buf_clear(&put.value);
    if (store_sub_pages(page_rows(p)) != store_sub_pages(stored_rows))
        put_sub_page_count(&put, store_sub_pages(page_rows(p)));
    if (stored_rows == 0) {
        store_command(s, "ZADD");
        store_arg(s, store_key(s, v, layout_index_key));
        store_arg_number(s, page_start(p) / US_PER_SECOND);
        store_arg(s, store_page_name(s, t, p));
        store_end_command(s);
    }
}

void store_drop_page(struct store *s, const struct view_ref *v, const struct tier *t,
                     const struct page *p)
{
    drop_page(&(struct put){.store = s, .view = v, .tier = t, .page = p}, page_rows(p));
}

/* ---- the index */

static void arg_bound(struct store *s, int64_t time_us, bool excluded)
{
    char text[32];
    if (time_us == INT64_MIN || time_us == INT64_MAX) {
        store_arg_text(s, time_us == INT64_MIN ? "-inf" : "+inf");
        return;
    }
    int n = snprintf(text, sizeof(text), "%s%lld", excluded ? "(" : "",
                     (long long)(time_us / US_PER_SECOND));
    store_arg(s, (struct span){text, (size_t)n});
}

static void ask_index(struct store *s, const struct view_ref *v, const struct store_each_page *each,
                      size_t from)
{
    store_command(s, "ZRANGEBYSCORE");
    store_arg(s, store_key(s, v, layout_index_key));
    arg_bound(s, each->from_us, false);
    arg_bound(s, each->to_us, true);
    store_arg_text(s, "LIMIT");
    store_arg_unsigned(s, from);
    store_arg_number(s, INDEX_STEP);
    store_end_command(s);
}

static int each_name(const redisReply *r, const struct plan *p, const struct store_each_page *each,
                     struct err *e)
{
    struct page_address page;
    for (size_t i = 0; i < r->elements; i++)
        if (r->element[i]->type != REDIS_REPLY_STRING ||
            layout_read_suffix(p, reply_span(r->element[i]), &page, e) != 0 ||
            each->each(each->context, &page, e) != 0)
            return -1;
    return 0;
}

int store_each_page(struct store *s, const struct view_ref *v, const struct plan *p,
                    const struct store_each_page *each, struct err *e)
{
    for (size_t from = 0, n = INDEX_STEP; n == INDEX_STEP; from += n) {
        redisReply *r;
        ask_index(s, v, each, from);
        if (store_reply(s, &r, e) != 0)
            return -1;
        n = r->type == REDIS_REPLY_ARRAY ? r->elements : 0;
        int result = n == 0 ? 0 : each_name(r, p, each, e);
        freeReplyObject(r);
        if (result != 0)
            return -1;
    }
    return 0;
}
