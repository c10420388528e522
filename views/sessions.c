/* SPDX-License-Identifier: Apache-2.0 */
/* Sites are kept; visitors, their lists and the texts live in one arena until the next reset. Texts
 * are kept once however often they come. Most events go on with their visitor's last session. */
#include "views/sessions.h"

#include <assert.h>
#include <stdlib.h>

#include "base/table.h"

enum { TABLE_ENTRY_SHARE = 48 }; /* bytes an item takes in its table, half full at most */

struct site {
    struct span name; /* owned */
    uint64_t hash;
    bool has_watermark, changed; /* since the last reset */
    int64_t watermark_us;
    struct site *next;
};

struct visitor {
    const struct site *site;
    uint64_t id;
    struct session_list sessions;
    struct visitor *next;
};

struct sessions {
    struct sessions_options options;
    struct aggregate_counts counts;
    uint64_t seed;
    struct table sites, visitors;
    struct table known_texts; /* struct span, in the arena */
    struct site *first_site, **last_site;
    struct visitor *all_visitors;
    struct arena memory;
    size_t n_sessions;
};

struct sessions *sessions_new(const struct sessions_options *o)
{
    assert(o->max_sessions > 0 && o->max_bytes > 0);
    struct sessions *c = mem_alloc(sizeof(*c));
    c->options = *o;
    c->seed = hash_seed();
    c->last_site = &c->first_site;
    return c;
}

void sessions_free(struct sessions *c)
{
    if (c == NULL)
        return;
    for (struct site *s = c->first_site, *next; s != NULL; s = next) {
        next = s->next;
        free((char *)s->name.p);
        free(s);
    }
    table_clear(&c->sites);
    table_clear(&c->visitors);
    table_clear(&c->known_texts);
    arena_clear(&c->memory);
    free(c);
}

void sessions_reset(struct sessions *c)
{
    table_reset(&c->visitors);
    table_reset(&c->known_texts);
    arena_reset(&c->memory);
    c->all_visitors = NULL;
    c->n_sessions = 0;
    for (struct site *s = c->first_site; s != NULL; s = s->next)
        s->changed = false;
}

size_t sessions_bytes(const struct sessions *c)
{
    return c->memory.used_bytes + (c->visitors.n + c->known_texts.n) * TABLE_ENTRY_SHARE;
}

void sessions_limit(struct sessions *c, struct aggregate_limits limits)
{
    c->options.max_sessions = limits.max_cells;
    c->options.max_bytes = limits.max_bytes;
}

bool sessions_full(const struct sessions *c)
{
    return c->n_sessions >= c->options.max_sessions || sessions_bytes(c) >= c->options.max_bytes;
}

size_t sessions_visitors(const struct sessions *c)
{
    return c->visitors.n;
}

struct aggregate_counts sessions_counts(const struct sessions *c)
{
    return c->counts;
}

column_set sessions_columns(session_text_set texts)
{
    column_set columns = COLUMN_BIT(EVENT_SITE) | COLUMN_BIT(EVENT_TIME) | COLUMN_BIT(EVENT_TYPE) |
                         COLUMN_BIT(EVENT_BOT) | COLUMN_BIT(EVENT_VISITOR);
    for (unsigned i = 0; i < N_SESSION_TEXTS; i++)
        if (texts & SESSION_TEXT_BIT(i))
            columns |= COLUMN_BIT(session_text_columns[i]);
    return columns;
}

/* ---- sites ---- */

static bool site_has_name(const void *item, const void *key)
{
    return span_equal(((const struct site *)item)->name, *(const struct span *)key);
}

static struct site *site_of(struct sessions *c, struct span name)
{
    uint64_t hash = hash_bytes(c->seed, name);
    struct site *s = table_find(&c->sites, hash, &name, site_has_name);
    if (s != NULL)
        return s;
    s = mem_alloc(sizeof(*s));
    s->name = (struct span){mem_copy_span(name), name.n};
    s->hash = hash;
    table_put(&c->sites, hash, s);
    *c->last_site = s;
    c->last_site = &s->next;
    return s;
}

static inline void move_watermark(struct site *s, int64_t time_us)
{
    if (s->has_watermark && time_us <= s->watermark_us)
        return;
    s->has_watermark = s->changed = true;
    s->watermark_us = time_us;
}

void sessions_set_watermark(struct sessions *c, struct span site, int64_t time_us)
{
    struct site *s = site_of(c, site);
    s->has_watermark = true;
    s->watermark_us = time_us;
}

bool sessions_watermark(const struct sessions *c, struct span site, int64_t *time_us)
{
    const struct site *s = table_find(&c->sites, hash_bytes(c->seed, site), &site, site_has_name);
    if (s == NULL || !s->has_watermark)
        return false;
    *time_us = s->watermark_us;
    return true;
}

void sessions_each_watermark(const struct sessions *c, enum watermark_choice choice,
                             void (*each)(void *context, struct span site, int64_t time_us),
                             void *context)
{
    for (const struct site *s = c->first_site; s != NULL; s = s->next)
        if (s->has_watermark && (choice == WATERMARKS_ALL || s->changed))
            each(context, s->name, s->watermark_us);
}

/* ---- visitors and texts ---- */

struct visitor_key {
    const struct site *site;
    uint64_t id;
};

static bool visitor_has_key(const void *item, const void *key)
{
    const struct visitor *v = item;
    const struct visitor_key *k = key;
    return v->id == k->id && v->site == k->site;
}

static struct visitor *visitor_of(struct sessions *c, const struct site *site, uint64_t id)
{
    struct visitor_key k = {site, id};
    uint64_t hash = hash_step(site->hash, id);
    struct visitor *v = table_find(&c->visitors, hash, &k, visitor_has_key);
    if (v != NULL)
        return v;
    v = arena_alloc(&c->memory, sizeof(*v));
    *v = (struct visitor){.site = site, .id = id, .next = c->all_visitors};
    c->all_visitors = v;
    table_put(&c->visitors, hash, v);
    return v;
}

static bool is_text(const void *item, const void *key)
{
    return span_equal(*(const struct span *)item, *(const struct span *)key);
}

static struct span keep_text(struct sessions *c, struct span text)
{
    if (span_absent(text))
        return text;
    uint64_t hash = hash_bytes(c->seed, text);
    struct span *known = table_find(&c->known_texts, hash, &text, is_text);
    if (known == NULL) {
        known = arena_alloc(&c->memory, sizeof(*known));
        *known = arena_copy(&c->memory, text);
        table_put(&c->known_texts, hash, known);
    }
    return *known;
}

/* ---- walking a slice ---- */

struct run {
    struct sessions *c;
    struct column_cursor site_at, time, type, bot, visitor, texts[N_SESSION_TEXTS];
    uint64_t seq;
    struct span site_name; /* that `site` was found by */
    bool wanted;           /* events of it */
    struct site *site;
    struct span values[N_SESSION_TEXTS];
};

static void start(struct run *r, struct sessions *c, const struct log_slice *slice)
{
    *r = (struct run){.c = c, .seq = slice->first_seq};
    r->site_at = column_cursor_of(&slice->columns[EVENT_SITE]);
    r->time = column_cursor_of(&slice->columns[EVENT_TIME]);
    r->type = column_cursor_of(&slice->columns[EVENT_TYPE]);
    r->bot = column_cursor_of(&slice->columns[EVENT_BOT]);
    r->visitor = column_cursor_of(&slice->columns[EVENT_VISITOR]);
    for (unsigned i = 0; i < N_SESSION_TEXTS; i++)
        r->texts[i] = c->options.texts & SESSION_TEXT_BIT(i)
                          ? column_cursor_of(&slice->columns[session_text_columns[i]])
                          : (struct column_cursor){NULL, FORM_NULL};
}

static inline void next_site(struct run *r)
{
    struct span name = column_next(&r->site_at);
    const struct span only = r->c->options.site;
    if (!span_absent(r->site_name) && span_equal(name, r->site_name))
        return;
    r->site_name = name;
    r->wanted = span_absent(only) || span_equal(name, only);
    if (r->wanted)
        r->site = site_of(r->c, name);
}

static inline void next_texts(struct run *r)
{
    for (unsigned i = 0; i < N_SESSION_TEXTS; i++)
        r->values[i] = column_next(&r->texts[i]);
}

/* ---- one page view ---- */

/* The visitor's last session, when the page view goes on with it. */
static inline struct session *session_to_go_on(const struct visitor *v, struct session_point at)
{
    struct session *last = v->sessions.n == 0 ? NULL : &v->sessions.at[v->sessions.n - 1];
    return last != NULL && session_point_before(last->end, at) &&
                   at.time_us - last->end.time_us <= SESSION_GAP_US
               ? last
               : NULL;
}

static void add_session(struct run *r, struct visitor *v, struct session_point at)
{
    struct session one = {.start = at, .end = at, .pageviews = 1, .changed = true};
    uint32_t before = v->sessions.n;
    for (unsigned i = 0; i < N_SESSION_TEXTS; i++)
        one.texts[i] = keep_text(r->c, r->values[i]);
    session_list_add(&v->sessions, &one, &r->c->memory);
    r->c->n_sessions = r->c->n_sessions + v->sessions.n - before; /* it may join two */
}

static void take(struct run *r, struct session_point at, uint64_t visitor)
{
    struct aggregate_counts *counts = &r->c->counts;
    int64_t late_us = r->site->watermark_us - at.time_us;
    counts->matched++;
    if (late_us > SESSION_LATENESS_US) {
        counts->late++;
        counts->max_late_us = late_us > counts->max_late_us ? late_us : counts->max_late_us;
        return;
    }
    struct visitor *v = visitor_of(r->c, r->site, visitor);
    struct session *last = session_to_go_on(v, at);
    if (last == NULL) {
        add_session(r, v, at);
        return;
    }
    last->end = at;
    last->pageviews++;
    last->texts[SESSION_TEXT_EXIT_PAGE] = keep_text(r->c, r->values[SESSION_TEXT_EXIT_PAGE]);
}

static uint32_t run_over(struct run *r, uint32_t n)
{
    uint32_t i = 0;
    for (; i < n && !sessions_full(r->c); i++, r->seq++) {
        struct session_point at = {element_time_us(column_next(&r->time)), r->seq};
        struct span type = column_next(&r->type), bot = column_next(&r->bot);
        uint64_t visitor = (uint64_t)element_int8(column_next(&r->visitor));
        next_site(r);
        next_texts(r);
        if (!r->wanted)
            continue;
        move_watermark(r->site, at.time_us);
        if (span_equal(type, SPAN_LITERAL("PageViewEvent")) && !element_bool(bot))
            take(r, at, visitor);
    }
    r->c->counts.events += i;
    return i;
}

uint32_t sessions_add(struct sessions *c, const struct log_slice *slice, uint32_t from)
{
    struct log_slice rest = *slice;
    struct run r;
    if (from == slice->count || sessions_full(c))
        return from;
    slice_cut(&rest, from, slice->count - from);
    start(&r, c, &rest);
    return from + run_over(&r, rest.count);
}

/* ---- what was collected ---- */

static int by_site_and_id(const void *x, const void *y)
{
    const struct visitor *a = *(struct visitor *const *)x, *b = *(struct visitor *const *)y;
    if (a->site != b->site) {
        struct span p = a->site->name, q = b->site->name;
        int by_bytes = memcmp(p.p, q.p, p.n < q.n ? p.n : q.n);
        return by_bytes != 0 ? by_bytes : (p.n > q.n) - (p.n < q.n);
    }
    return (a->id > b->id) - (a->id < b->id);
}

int sessions_each(const struct sessions *c,
                  int (*each)(void *context, const struct sessions_visitor *v), void *context)
{
    struct visitor **all = mem_resize(NULL, (c->visitors.n + 1) * sizeof(struct visitor *));
    size_t n = 0;
    int result = 0;
    for (struct visitor *v = c->all_visitors; v != NULL; v = v->next)
        all[n++] = v;
    qsort(all, n, sizeof(struct visitor *), by_site_and_id);
    for (size_t i = 0; i < n && result == 0; i++)
        result = each(context,
                      &(struct sessions_visitor){all[i]->site->name, all[i]->id, all[i]->sessions});
    free(all);
    return result;
}
