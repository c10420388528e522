/* SPDX-License-Identifier: Apache-2.0 */
#include "views/session.h"

#include "base/pack.h"

const enum event_column session_text_columns[N_SESSION_TEXTS] = {
    [SESSION_TEXT_ENTRY_PAGE] = EVENT_PATH,
    [SESSION_TEXT_EXIT_PAGE] = EVENT_PATH,
    [SESSION_TEXT_REFERRER] = EVENT_REFERRER,
    [SESSION_TEXT_REFERRER_HOST] = EVENT_REFERRER_HOST,
    [SESSION_TEXT_COUNTRY] = EVENT_COUNTRY,
    [SESSION_TEXT_REGION] = EVENT_REGION,
    [SESSION_TEXT_BROWSER] = EVENT_BROWSER,
    [SESSION_TEXT_OS] = EVENT_OS,
    [SESSION_TEXT_DEVICE] = EVENT_DEVICE,
    [SESSION_TEXT_UTM_SOURCE] = EVENT_UTM_SOURCE,
    [SESSION_TEXT_UTM_MEDIUM] = EVENT_UTM_MEDIUM,
    [SESSION_TEXT_UTM_CAMPAIGN] = EVENT_UTM_CAMPAIGN,
};

/* ---- merging ---- */

static bool touch(const struct session *earlier, const struct session *later)
{
    return later->start.time_us - earlier->end.time_us <= SESSION_GAP_US;
}

/* The entry is the first one's, the exit the last one's. */
static void merge(struct session *to, const struct session *from)
{
    struct span exit_page = to->texts[SESSION_TEXT_EXIT_PAGE];
    if (session_point_before(to->end, from->end)) {
        to->end = from->end;
        exit_page = from->texts[SESSION_TEXT_EXIT_PAGE];
    }
    if (session_point_before(from->start, to->start)) {
        to->start = from->start;
        memcpy(to->texts, from->texts, sizeof(to->texts));
    }
    to->texts[SESSION_TEXT_EXIT_PAGE] = exit_page;
    to->pageviews += from->pageviews;
    to->changed |= from->changed;
}

static void insert(struct session_list *l, uint32_t at, const struct session *s,
                   struct arena *memory)
{
    if (l->n == l->cap) {
        uint32_t cap = l->cap == 0 ? 1 : 2 * l->cap;
        struct session *sessions = arena_alloc(memory, cap * sizeof(*sessions));
        if (l->n > 0)
            memcpy(sessions, l->at, l->n * sizeof(*sessions));
        l->at = sessions;
        l->cap = cap;
    }
    memmove(l->at + at + 1, l->at + at, (l->n - at) * sizeof(*l->at));
    l->at[at] = *s;
    l->n++;
}

/* How many of the sessions lie before s without touching it. */
static uint32_t count_before(const struct session_list *l, const struct session *s)
{
    uint32_t low = 0, high = l->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (touch(&l->at[middle], s))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

void session_list_add(struct session_list *l, const struct session *s, struct arena *memory)
{
    uint32_t first = count_before(l, s), end = first;
    while (end < l->n && touch(s, &l->at[end]))
        end++;
    if (first == end) {
        insert(l, first, s, memory);
        return;
    }
    merge(&l->at[first], s);
    for (uint32_t i = first + 1; i < end; i++)
        merge(&l->at[first], &l->at[i]);
    memmove(l->at + first + 1, l->at + end, (l->n - end) * sizeof(*l->at));
    l->n -= end - first - 1;
}

void session_list_compare(const struct session_list *from, const struct session_list *to,
                          const struct session_observer *o)
{
    uint32_t k = 0;
    for (uint32_t i = 0; i < from->n; i++) {
        while (k < to->n && session_point_before(to->at[k].start, from->at[i].start))
            k++;
        if (k == to->n || to->at[k].changed ||
            session_point_before(from->at[i].start, to->at[k].start))
            o->on_change(o->context, SESSION_GONE, &from->at[i]);
    }
    for (k = 0; k < to->n; k++)
        if (to->at[k].changed)
            o->on_change(o->context, SESSION_NEW, &to->at[k]);
}

/* ---- stored form ---- */

enum { SESSION_NUMBERS = 5, SESSION_VALUES = SESSION_NUMBERS + N_SESSION_TEXTS };

static void encode(const struct session *s, struct buf *out)
{
    pack_int(out, s->end.time_us);
    pack_int(out, (int64_t)s->end.seq);
    pack_int(out, s->end.time_us - s->start.time_us);
    pack_int(out, (int64_t)s->start.seq);
    pack_int(out, s->pageviews);
    for (unsigned i = 0; i < N_SESSION_TEXTS; i++)
        pack_text(out, s->texts[i]);
}

bool session_list_encode(const struct session_list *l, int64_t day, struct buf *out)
{
    uint32_t first = 0, end;
    while (first < l->n && session_day(l->at[first].end.time_us) < day)
        first++;
    for (end = first; end < l->n && session_day(l->at[end].end.time_us) == day;)
        end++;
    if (first == end)
        return false;
    pack_array(out, 1 + (end - first) * SESSION_VALUES);
    pack_int(out, SESSION_FORMAT);
    for (uint32_t i = first; i < end; i++)
        encode(&l->at[i], out);
    return true;
}

/* Redis's bytes are not trusted: more than any session will ever have, so that sums of many stay
 * far from overflow. */
#define MAX_PAGEVIEWS (INT64_C(1) << 40)
#define MAX_LENGTH_US (INT64_C(1) << 60)
enum { MAX_TEXT_BYTES = 1 << 16 };

static bool read_numbers(struct span *in, struct session *s)
{
    int64_t end_seq, length_us, start_seq;
    if (!pack_read_int(in, &s->end.time_us) || !pack_read_int(in, &end_seq) ||
        !pack_read_int(in, &length_us) || !pack_read_int(in, &start_seq) ||
        !pack_read_int(in, &s->pageviews))
        return false;
    if (end_seq < 0 || start_seq < 0 || length_us < 0 || length_us > MAX_LENGTH_US ||
        s->pageviews < 1 || s->pageviews > MAX_PAGEVIEWS)
        return false;
    s->end.seq = (uint64_t)end_seq;
    s->start = (struct session_point){s->end.time_us - length_us, (uint64_t)start_seq};
    /* as many gaps as it takes: between n page views there are n - 1 */
    int64_t gaps = length_us / SESSION_GAP_US + (length_us % SESSION_GAP_US != 0);
    return gaps < s->pageviews && session_point_before(s->start, s->end) == (s->pageviews > 1) &&
           (s->pageviews > 1 || start_seq == end_seq);
}

static bool read_session(struct span *in, int64_t day, struct session *s)
{
    *s = (struct session){0};
    if (!read_numbers(in, s) || s->end.time_us < day * US_PER_DAY ||
        s->end.time_us >= (day + 1) * US_PER_DAY)
        return false;
    for (unsigned i = 0; i < N_SESSION_TEXTS; i++)
        if (!pack_read_text(in, &s->texts[i]) || s->texts[i].n > MAX_TEXT_BYTES)
            return false;
    return true;
}

static int refuse(const char *what, struct err *e)
{
    return err_set(e, ERR_DATA, "a visitor's stored sessions make no sense: %s", what);
}

int session_list_decode(struct span stored, int64_t day, struct session_list *l,
                        struct arena *memory, struct err *e)
{
    uint32_t n;
    int64_t format;
    struct session s;
    if (!pack_read_array(&stored, &n) || n <= 1 || (n - 1) % SESSION_VALUES != 0 ||
        n > 1 + SESSIONS_A_DAY * SESSION_VALUES)
        return refuse("not an array of sessions", e);
    if (!pack_read_int(&stored, &format) || format != SESSION_FORMAT)
        return refuse("unknown format", e);
    for (uint32_t i = 1; i < n; i += SESSION_VALUES) {
        if (!read_session(&stored, day, &s))
            return refuse("not a session of that day", e);
        if (l->n > 0 && touch(&l->at[l->n - 1], &s))
            return refuse("one touches the one before", e);
        insert(l, l->n, &s, memory);
    }
    return stored.n == 0 ? 0 : refuse("bytes behind the last", e);
}
