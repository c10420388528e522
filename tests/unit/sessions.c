/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions, streamed: however a log is cut, batched and interrupted, they are those that sorting
 * all of it gives. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/support/session_log.h"
#include "tests/support/session_world.h"

static const struct sessions_options ample = {ALL_SESSION_TEXTS, 1 << 20, 1 << 28, {0}};

/* ---- logs by hand ---- */

#define NOON SESSION_LOG_START_US

static struct session_event *add(struct session_log *l, int64_t time_us, const char *path)
{
    assert_true(l->n < SESSION_LOG_MAX);
    l->events[l->n] = (struct session_event){.seq = l->n,
                                             .event = {.type = SPAN_LITERAL("PageViewEvent"),
                                                       .site = SPAN_LITERAL("example.com"),
                                                       .region = SPAN_LITERAL("DE"),
                                                       .visitor = 7,
                                                       .path = span_of(path),
                                                       .time_us = time_us,
                                                       .received_us = time_us}};
    return &l->events[l->n++];
}

/* Hands events [from, to) of a log to a collector; flushes when that is full. */
static void take(const struct session_log *l, size_t from, size_t to, struct sessions *c,
                 struct session_world *w)
{
    struct batch *b = batch_new();
    struct log_slice slice;
    for (size_t i = from; i < to; i++)
        batch_add(b, &l->events[i].event);
    batch_slice(b, &slice);
    slice.first_seq = l->events[from].seq;
    for (uint32_t at = 0; at < slice.count;) {
        at = sessions_add(c, &slice, at);
        if (at == slice.count)
            break;
        assert_true(sessions_full(c));
        session_world_flush(w, c);
    }
    batch_free(b);
}

/* Streams the log, an event a flush, and all in one; both must give what the oracle says. Returns
 * those sessions. */
static struct session_lines stream(const struct session_log *l)
{
    struct session_lines expected = session_oracle(l->events, l->n, SESSION_LINE_ALL);
    for (size_t step = 1; step <= l->n; step = step == 1 && l->n > 1 ? l->n : l->n + 1) {
        struct sessions *c = sessions_new(&ample);
        struct session_world w;
        session_world_init(&w);
        for (size_t i = 0; i < l->n; i += step) {
            take(l, i, i + step, c, &w);
            session_world_flush(&w, c);
        }
        session_lines_assert_equal(&w.rows, &expected);
        session_world_clear(&w);
        sessions_free(c);
    }
    return expected;
}

static void assert_sessions(const struct session_log *l, size_t n, const char *first)
{
    struct session_lines lines = stream(l);
    assert_int_equal(lines.n, n);
    if (n > 0 && strstr(lines.lines[0], first) == NULL)
        fail_msg("no %s in %s", first, lines.lines[0]);
    session_lines_clear(&lines);
}

static void a_gap_of_thirty_minutes_is_within_a_session(void **state)
{
    (void)state;
    struct session_log l = {0};
    add(&l, NOON, "/a");
    add(&l, NOON + 30 * US_PER_MINUTE, "/b");
    assert_sessions(&l, 1, " 2 \"/a\" \"/b\"");
}

static void a_microsecond_more_splits_it(void **state)
{
    (void)state;
    struct session_log l = {0};
    add(&l, NOON, "/a");
    add(&l, NOON + 30 * US_PER_MINUTE + 1, "/b");
    assert_sessions(&l, 2, " 1 \"/a\" \"/a\"");
}

static void a_late_page_view_joins_two_sessions(void **state)
{
    (void)state;
    struct session_log l = {0};
    add(&l, NOON, "/a");
    add(&l, NOON + 50 * US_PER_MINUTE, "/c");
    add(&l, NOON + 90 * US_PER_MINUTE, "/d");
    add(&l, NOON + 25 * US_PER_MINUTE, "/b");
    assert_sessions(&l, 2, " 3 \"/a\" \"/c\"");
}

static void a_late_page_view_may_become_the_entry(void **state)
{
    (void)state;
    struct session_log l = {0};
    add(&l, NOON, "/b")->event.browser = SPAN_LITERAL("Firefox");
    add(&l, NOON + US_PER_MINUTE, "/c");
    struct session_event *first = add(&l, NOON - US_PER_MINUTE, "/a");
    first->event.utm_source = SPAN_LITERAL("letter");
    assert_sessions(&l, 1, " 3 \"/a\" \"/c\" null null null \"DE\" null null null \"letter\"");
}

static void page_views_of_one_time_stand_in_log_order(void **state)
{
    (void)state;
    struct session_log l = {0};
    add(&l, NOON, "/a");
    add(&l, NOON, "/b");
    add(&l, NOON, "/c");
    assert_sessions(&l, 1, "/0 1728043200000000/2 3 \"/a\" \"/c\"");
}

static void what_is_up_to_two_days_late_counts_and_what_is_later_does_not(void **state)
{
    (void)state;
    struct session_log l = {0};
    add(&l, NOON, "/now");
    add(&l, NOON - 48 * US_PER_HOUR, "/late");
    add(&l, NOON - 48 * US_PER_HOUR - 1, "/too-late");
    assert_sessions(&l, 2, " 1 \"/late\" \"/late\"");
}

static void bots_and_other_events_are_no_part_of_a_session_but_move_the_time(void **state)
{
    (void)state;
    struct session_log l = {0};
    add(&l, NOON, "/a");
    add(&l, NOON + US_PER_MINUTE, "/robot")->event.bot = true;
    add(&l, NOON + 49 * US_PER_HOUR, "/x")->event.type = SPAN_LITERAL("signup");
    add(&l, NOON + 2 * US_PER_MINUTE, "/b");
    add(&l, NOON + 49 * US_PER_HOUR, "/c");
    assert_sessions(&l, 2, " 1 \"/a\" \"/a\"");
}

static void another_site_does_not_make_a_page_view_late(void **state)
{
    (void)state;
    struct session_log l = {0};
    add(&l, NOON, "/a")->event.site = SPAN_LITERAL("another.example");
    add(&l, NOON - 30 * US_PER_DAY, "/b");
    assert_sessions(&l, 2, "another.example");
}

static void a_session_goes_on_over_midnight_and_for_days(void **state)
{
    (void)state;
    struct session_log l = {0};
    for (int i = 0; i < 400; i++)
        add(&l, NOON + i * 25 * US_PER_MINUTE, i == 399 ? "/last" : "/again");
    add(&l, NOON + 399 * 25 * US_PER_MINUTE - 47 * US_PER_HOUR, "/between");
    assert_sessions(&l, 1, " 401 \"/again\" \"/last\"");
}

static void visitors_and_sites_have_sessions_of_their_own(void **state)
{
    (void)state;
    struct session_log l = {0};
    for (uint64_t i = 0; i < 300; i++) {
        struct session_event *e = add(&l, NOON + (int64_t)i * US_PER_MINUTE, "/a");
        e->event.visitor = UINT64_C(0xfedcba9876543210) + i % 100;
        if (i % 2)
            e->event.site = SPAN_LITERAL("another.example");
    }
    assert_sessions(&l, 300, "another.example fedcba9876543211");
}

/* ---- random logs ---- */

/* Batches of up to so many events; a flush after so many batches on average, and a new collector,
 * as after a restart, after every so many flushes. */
struct cut {
    uint32_t max_batch, flush_every, restart_every;
    size_t max_sessions;
};

static void set_watermark(void *context, struct span site, int64_t time_us)
{
    sessions_set_watermark(context, site, time_us);
}

static struct sessions *restart(struct sessions *c, const struct session_world *w, struct cut cut)
{
    sessions_free(c);
    c = sessions_new(&(struct sessions_options){ALL_SESSION_TEXTS, cut.max_sessions, 1 << 28, {0}});
    sessions_each_watermark(w->flushed, WATERMARKS_ALL, set_watermark, c);
    return c;
}

static void stream_cut(const struct session_log *l, struct cut cut, struct session_world *w)
{
    struct sessions *c = restart(NULL, w, cut);
    uint64_t seed = cut.max_batch * 1000 + cut.flush_every;
    for (size_t at = 0, n; at < l->n; at += n) {
        n = 1 + random_below(&seed, cut.max_batch);
        n = n < l->n - at ? n : l->n - at;
        take(l, at, at + n, c, w);
        if (random_below(&seed, cut.flush_every) != 0)
            continue;
        session_world_flush(w, c);
        if (random_below(&seed, cut.restart_every) == 0)
            c = restart(c, w, cut);
    }
    session_world_flush(w, c);
    sessions_free(c);
}

/* What is stored in the end are the sessions on days that are not closed, and no others. */
static void assert_stored(const struct session_world *w)
{
    struct session_lines stored = {0};
    struct arena memory = {0};
    struct err e = {0};
    size_t open = 0;
    for (size_t i = 0; i < w->n; i++) {
        const struct session_day *d = &w->days[i];
        struct session_list list = {0};
        if (d->stored.n == 0)
            continue;
        assert_int_equal(session_list_decode(buf_span(&d->stored), d->day, &list, &memory, &e), 0);
        assert_in_range(list.n, 1, SESSIONS_A_DAY);
        for (uint32_t k = 0; k < list.n; k++)
            session_lines_put(&stored, session_line(span_of(d->site), d->visitor, &list.at[k]));
    }
    for (size_t i = 0; i < w->rows.n; i++) {
        char site[40];
        long long end_us;
        int64_t watermark_us;
        assert_int_equal(sscanf(w->rows.lines[i], "%39s %*s %*s %lld", site, &end_us), 2);
        assert_true(sessions_watermark(w->flushed, span_of(site), &watermark_us));
        if (session_day_closed(session_day(end_us), watermark_us))
            continue;
        open++;
        assert_true(session_lines_take(&stored, mem_copy_text(w->rows.lines[i])));
    }
    assert_int_equal(stored.n, 0);
    assert_true(open > 0);
    session_lines_clear(&stored);
    arena_clear(&memory);
}

static void however_a_log_is_cut_its_sessions_are_those_of_sorting_it(void **state)
{
    (void)state;
    static const struct cut cuts[] = {{1, 1, 1, 1 << 20},    {5, 2, 3, 1 << 20},
                                      {40, 4, 2, 1 << 20},   {400, 1, 5, 1 << 20},
                                      {3000, 9, 9, 1 << 20}, {3000, 9, 9, 7}};
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct arena memory = {0};
        struct session_log *l = session_log_random(seed, 1500, &memory);
        struct session_lines expected = session_oracle(l->events, l->n, SESSION_LINE_ALL);
        for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
            struct session_world w;
            session_world_init(&w);
            stream_cut(l, cuts[i], &w);
            session_lines_assert_equal(&w.rows, &expected);
            assert_stored(&w);
            session_world_clear(&w);
        }
        session_lines_clear(&expected);
        arena_clear(&memory);
        free(l);
    }
}

struct part {
    struct session_list list;
    struct span site;
    uint64_t visitor;
};

struct parts {
    struct part all[SESSION_LOG_MAX];
    size_t n;
    struct arena *memory;
};

static int keep_part(void *context, const struct sessions_visitor *v)
{
    struct parts *p = context;
    struct part *part = &p->all[p->n++];
    *part = (struct part){.site = arena_copy(p->memory, v->site), .visitor = v->visitor};
    for (uint32_t i = 0; i < v->sessions.n; i++) {
        struct session s = v->sessions.at[i];
        for (unsigned k = 0; k < N_SESSION_TEXTS; k++)
            s.texts[k] = arena_copy(p->memory, s.texts[k]);
        session_list_add(&part->list, &s, p->memory);
    }
    return 0;
}

/* Merges all parts of a visitor in an order of chance. */
static void merge_parts(struct parts *p, uint64_t seed, struct session_lines *lines)
{
    for (size_t i = p->n; i > 1; i--) {
        size_t k = random_below(&seed, (uint32_t)i);
        struct part swapped = p->all[k];
        p->all[k] = p->all[i - 1];
        p->all[i - 1] = swapped;
    }
    for (size_t i = 0; i < p->n; i++) {
        struct part *to = &p->all[i];
        for (size_t k = i + 1; k < p->n; k++) {
            struct part *from = &p->all[k];
            if (from->visitor != to->visitor || !span_equal(from->site, to->site))
                continue;
            for (uint32_t s = 0; s < from->list.n; s++)
                session_list_add(&to->list, &from->list.at[s], p->memory);
            from->list.n = 0;
        }
        for (uint32_t s = 0; s < to->list.n; s++)
            session_lines_put(lines, session_line(to->site, to->visitor, &to->list.at[s]));
    }
}

static void parts_of_a_log_merge_in_any_order(void **state)
{
    (void)state;
    for (uint64_t seed = 10; seed < 14; seed++) {
        struct arena memory = {0};
        struct session_log *l = session_log_random(seed, 1200, &memory);
        struct session_lines expected = session_oracle(l->events, l->n, SESSION_LINE_ALL),
                             got = {0};
        struct parts *parts = mem_alloc(sizeof(*parts));
        struct sessions *c = sessions_new(&ample);
        parts->memory = &memory;
        for (size_t at = 0; at < l->n; at += 60) {
            take(l, at, at + 60, c, NULL);
            (void)sessions_each(c, keep_part, parts);
            sessions_reset(c);
        }
        merge_parts(parts, seed, &got);
        session_lines_assert_equal(&got, &expected);
        session_lines_clear(&got);
        session_lines_clear(&expected);
        sessions_free(c);
        free(parts);
        arena_clear(&memory);
        free(l);
    }
}

static void texts_that_nobody_needs_are_left_out(void **state)
{
    (void)state;
    struct arena memory = {0};
    struct session_log *l = session_log_random(5, 400, &memory);
    struct session_world w;
    struct sessions_options exits = ample;
    exits.texts = SESSION_TEXT_BIT(SESSION_TEXT_EXIT_PAGE);
    struct sessions *c = sessions_new(&exits);
    session_world_init(&w);
    for (size_t i = 0; i < l->n; i++) {
        struct event *e = &l->events[i].event;
        e->referrer = e->referrer_host = e->country = e->region = e->browser = SPAN_ABSENT;
        e->os = e->device = e->utm_source = e->utm_medium = e->utm_campaign = SPAN_ABSENT;
    }
    struct session_lines expected = session_oracle(l->events, l->n, SESSION_LINE_ALL);
    take(l, 0, l->n, c, &w);
    session_world_flush(&w, c);
    for (size_t i = 0; i < expected.n; i++) { /* the oracle knows the entry page */
        char *entry = strchr(strchr(expected.lines[i], ' ') + 1, ' ') + 1;
        for (int k = 0; k < 3; k++)
            entry = strchr(entry, ' ') + 1;
        char *exit_page = strchr(entry, ' ');
        char *line = mem_format("%.*snull%s", (int)(entry - expected.lines[i]), expected.lines[i],
                                exit_page);
        free(expected.lines[i]);
        expected.lines[i] = line;
    }
    session_lines_assert_equal(&w.rows, &expected);
    assert_int_equal(sessions_columns(SESSION_TEXT_BIT(SESSION_TEXT_EXIT_PAGE)),
                     sessions_columns(0) | COLUMN_BIT(EVENT_PATH));
    session_lines_clear(&expected);
    session_world_clear(&w);
    sessions_free(c);
    arena_clear(&memory);
    free(l);
}

static void a_collector_of_one_site_leaves_the_others_out(void **state)
{
    (void)state;
    struct arena memory = {0};
    struct session_log *l = session_log_random(6, 900, &memory);
    struct sessions_options of_one = ample;
    of_one.site = SPAN_LITERAL("site1.example");
    struct session_lines all = session_oracle(l->events, l->n, SESSION_LINE_ALL), expected = {0};
    for (size_t i = 0; i < all.n; i++)
        if (strncmp(all.lines[i], "site1.example ", 14) == 0)
            session_lines_put(&expected, mem_copy_text(all.lines[i]));
    struct sessions *c = sessions_new(&of_one);
    struct session_world w;
    session_world_init(&w);
    take(l, 0, l->n, c, &w);
    session_world_flush(&w, c);
    session_lines_assert_equal(&w.rows, &expected);
    assert_in_range(expected.n, 1, all.n - 1);
    session_world_clear(&w);
    session_lines_clear(&all);
    session_lines_clear(&expected);
    sessions_free(c);
    arena_clear(&memory);
    free(l);
}

static void what_was_seen_is_counted(void **state)
{
    (void)state;
    struct session_log l = {0};
    add(&l, NOON, "/a");
    add(&l, NOON, "/a")->event.bot = true;
    add(&l, NOON - 50 * US_PER_HOUR, "/b");
    struct sessions *c = sessions_new(&ample);
    take(&l, 0, l.n, c, NULL);
    struct aggregate_counts counts = sessions_counts(c);
    assert_int_equal(counts.events, 3);
    assert_int_equal(counts.matched, 2);
    assert_int_equal(counts.late, 1);
    assert_int_equal(counts.max_late_us, 50 * US_PER_HOUR);
    assert_int_equal(sessions_visitors(c), 1);
    sessions_free(c);
}

/* ---- the stored form ---- */

static struct session one(int64_t start_us, int64_t end_us, int64_t pageviews)
{
    return (struct session){.start = {start_us, 5},
                            .end = {end_us, pageviews > 1 ? 9 : 5},
                            .pageviews = pageviews,
                            .texts = {SPAN_LITERAL("/a"), SPAN_LITERAL("")}};
}

static int decode(const struct session *sessions, size_t n, int64_t day)
{
    struct arena memory = {0};
    struct session_list in = {(struct session *)sessions, (uint32_t)n, (uint32_t)n}, out = {0};
    struct buf bytes = {0}, again = {0};
    struct err e = {0};
    assert_true(session_list_encode(&in, session_day(sessions[0].end.time_us), &bytes));
    int result = session_list_decode(buf_span(&bytes), day, &out, &memory, &e);
    assert_true(result == 0 || e.kind == ERR_DATA);
    if (result == 0) {
        assert_true(session_list_encode(&out, day, &again));
        assert_true(span_equal(buf_span(&again), buf_span(&bytes)));
    }
    buf_clear(&bytes);
    buf_clear(&again);
    arena_clear(&memory);
    return result;
}

static void stored_sessions_come_back_as_they_were(void **state)
{
    (void)state;
    struct session s[SESSIONS_A_DAY + 1];
    for (int i = 0; i <= SESSIONS_A_DAY; i++)
        s[i] = one(20000 * US_PER_DAY + i * (SESSION_GAP_US + 1),
                   20000 * US_PER_DAY + i * (SESSION_GAP_US + 1), 1);
    assert_int_equal(session_day(s[SESSIONS_A_DAY - 1].end.time_us), 20000);
    assert_int_equal(session_day(s[SESSIONS_A_DAY].end.time_us), 20001); /* as many as fit */
    assert_int_equal(decode(s, SESSIONS_A_DAY, 20000), 0);
    assert_int_equal(decode(s, 1, 20000), 0);
    struct session over_midnight = one(NOON, NOON + 40 * US_PER_HOUR, 81);
    assert_int_equal(decode(&over_midnight, 1, 20002), 0);
    struct session before_1970 = one(-5, -4, 2);
    assert_int_equal(decode(&before_1970, 1, -1), 0);
}

static void stored_sessions_that_cannot_be_are_refused(void **state)
{
    (void)state;
    const struct session bad[] = {
        one(NOON, NOON, 0),                          /* of no page view */
        one(NOON, NOON + 1, 1),                      /* of one, and yet long */
        one(NOON, NOON + 30 * US_PER_MINUTE + 1, 2), /* with too large a gap */
        one(NOON + 1, NOON, 2),                      /* backwards */
        one(NOON, NOON, INT64_C(1) << 41),           /* of too many */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(decode(&bad[i], 1, 20000), -1);
    struct session good = one(NOON, NOON, 1);
    assert_int_equal(decode(&good, 1, 19999), -1); /* of another day */
    struct session touching[] = {one(NOON, NOON, 1),
                                 one(NOON + SESSION_GAP_US, NOON + SESSION_GAP_US, 1)};
    assert_int_equal(decode(touching, 2, 20000), -1);
    struct err e = {0};
    struct session_list list = {0};
    assert_int_equal(session_list_decode(SPAN_LITERAL(""), 0, &list, NULL, &e), -1);
    assert_int_equal(e.kind, ERR_DATA);
}

static void a_day_is_closed_when_nothing_can_touch_it(void **state)
{
    (void)state;
    int64_t end = 20001 * US_PER_DAY;
    assert_false(session_day_closed(20000, end + 48 * US_PER_HOUR + 30 * US_PER_MINUTE));
    assert_true(session_day_closed(20000, end + 48 * US_PER_HOUR + 30 * US_PER_MINUTE + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gap_of_thirty_minutes_is_within_a_session),
        cmocka_unit_test(a_microsecond_more_splits_it),
        cmocka_unit_test(a_late_page_view_joins_two_sessions),
        cmocka_unit_test(a_late_page_view_may_become_the_entry),
        cmocka_unit_test(page_views_of_one_time_stand_in_log_order),
        cmocka_unit_test(what_is_up_to_two_days_late_counts_and_what_is_later_does_not),
        cmocka_unit_test(bots_and_other_events_are_no_part_of_a_session_but_move_the_time),
        cmocka_unit_test(another_site_does_not_make_a_page_view_late),
        cmocka_unit_test(a_session_goes_on_over_midnight_and_for_days),
        cmocka_unit_test(visitors_and_sites_have_sessions_of_their_own),
        cmocka_unit_test(however_a_log_is_cut_its_sessions_are_those_of_sorting_it),
        cmocka_unit_test(parts_of_a_log_merge_in_any_order),
        cmocka_unit_test(texts_that_nobody_needs_are_left_out),
        cmocka_unit_test(a_collector_of_one_site_leaves_the_others_out),
        cmocka_unit_test(what_was_seen_is_counted),
        cmocka_unit_test(stored_sessions_come_back_as_they_were),
        cmocka_unit_test(stored_sessions_that_cannot_be_are_refused),
        cmocka_unit_test(a_day_is_closed_when_nothing_can_touch_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
