/* SPDX-License-Identifier: Apache-2.0 */
/* Building batches and walking them again. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <stdio.h>

#include "base/mem.h"
#include "log/batch.h"

enum { N_SAMPLES = 300 };

/* A repeatable source of chance (xorshift64). */
static uint64_t draw(uint64_t *state, uint64_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state % below;
}

static struct span random_text(struct arena *memory, uint64_t *chance, unsigned variety)
{
    if (variety == 0 || (variety > 3 && draw(chance, 3) == 0))
        return SPAN_ABSENT;
    char text[64];
    int n = snprintf(text, sizeof(text), "%.*s-%d", (int)draw(chance, 20), "abcdefghijklmnopqrstuv",
                     (int)draw(chance, variety));
    return arena_copy(memory, (struct span){text, variety == 1 ? 0 : (size_t)n});
}

/* Variety per column and run: 0 NULL, 1 one value, 2-3 few values, above also NULLs. */
static struct event random_event(struct arena *memory, uint64_t *chance, const unsigned *variety)
{
    struct event e = {
        .id_from_client = variety[0] > 2 && draw(chance, 2) == 0,
        .time_us = INT64_C(1700000000000000) + (int64_t)draw(chance, 1 + variety[1] * 1000000ULL),
        .received_us = INT64_C(1700000000000000) + (int64_t)draw(chance, 1 + variety[2]),
        .visitor = draw(chance, 1 + variety[3]) * UINT64_C(0x9e3779b97f4a7c15),
        .bot = draw(chance, 1 + variety[4]) != 0,
        .token = (int64_t)draw(chance, 1 + variety[5]),
        .type = SPAN_LITERAL("PageViewEvent"),
        .site = SPAN_LITERAL("example.com"),
        .region = random_text(memory, chance, 1 + variety[6] % 3),
    };
    struct span *texts[] = {
        &e.host,       &e.path,         &e.query, &e.referrer, &e.referrer_host, &e.session_id,
        &e.user_id,    &e.browser,      &e.os,    &e.device,   &e.country,       &e.utm_source,
        &e.utm_medium, &e.utm_campaign, &e.props, &e.ip};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        *texts[i] = random_text(memory, chance, variety[7 + i]);
    for (int i = 0; i < 16; i++)
        e.id[i] = (uint8_t)draw(chance, 256);
    return e;
}

static void random_events(struct arena *memory, uint64_t *chance, struct event *out)
{
    unsigned variety[7 + 16];
    for (size_t i = 0; i < sizeof(variety) / sizeof(variety[0]); i++)
        variety[i] = (unsigned)draw(chance, 6);
    for (int i = 0; i < N_SAMPLES; i++)
        out[i] = random_event(memory, chance, variety);
}

static void assert_span_equal(struct span a, struct span b)
{
    assert_int_equal(span_absent(a), span_absent(b));
    assert_int_equal(a.n, b.n);
    if (a.n != 0)
        assert_memory_equal(a.p, b.p, a.n);
}

static void assert_row_is(const struct event_row *row, const struct event *e)
{
    const struct span *c = row->columns;
    assert_span_equal(c[EVENT_ID], (struct span){(const char *)e->id, 16});
    assert_int_equal(element_time_us(c[EVENT_TIME]), e->time_us);
    assert_int_equal(element_time_us(c[EVENT_RECEIVED_AT]), e->received_us);
    assert_int_equal((uint64_t)element_int8(c[EVENT_VISITOR]), e->visitor);
    assert_int_equal(element_bool(c[EVENT_BOT]), e->bot);
    assert_int_equal(span_absent(c[EVENT_TOKEN]), !e->id_from_client);
    if (e->id_from_client)
        assert_int_equal(element_int8(c[EVENT_TOKEN]), e->token);
    assert_span_equal(c[EVENT_TYPE], e->type);
    assert_span_equal(c[EVENT_SITE], e->site);
    assert_span_equal(c[EVENT_HOST], e->host);
    assert_span_equal(c[EVENT_PATH], e->path);
    assert_span_equal(c[EVENT_QUERY], e->query);
    assert_span_equal(c[EVENT_REFERRER], e->referrer);
    assert_span_equal(c[EVENT_REFERRER_HOST], e->referrer_host);
    assert_span_equal(c[EVENT_SESSION_ID], e->session_id);
    assert_span_equal(c[EVENT_USER_ID], e->user_id);
    assert_span_equal(c[EVENT_BROWSER], e->browser);
    assert_span_equal(c[EVENT_OS], e->os);
    assert_span_equal(c[EVENT_DEVICE], e->device);
    assert_span_equal(c[EVENT_COUNTRY], e->country);
    assert_span_equal(c[EVENT_REGION], e->region);
    assert_span_equal(c[EVENT_UTM_SOURCE], e->utm_source);
    assert_span_equal(c[EVENT_UTM_MEDIUM], e->utm_medium);
    assert_span_equal(c[EVENT_UTM_CAMPAIGN], e->utm_campaign);
    assert_span_equal(c[EVENT_IP], e->ip);
    struct span props = c[EVENT_PROPS];
    assert_span_equal(span_absent(props) ? props : element_json(props), e->props);
}

/* The batch holds exactly these events, and its times are theirs. */
static void assert_batch_is(const struct batch *b, const struct event *events, uint32_t count)
{
    struct log_slice slice;
    batch_slice(b, &slice);
    assert_int_equal(slice.count, count);
    struct slice_cursor cursor = slice_cursor_of(&slice);
    struct event_row row;
    int64_t min_us = count == 0 ? 0 : INT64_MAX, max_us = count == 0 ? 0 : INT64_MIN;
    for (uint32_t i = 0; i < count; i++) {
        assert_true(slice_next(&cursor, &row));
        assert_row_is(&row, &events[i]);
        min_us = events[i].time_us < min_us ? events[i].time_us : min_us;
        max_us = events[i].time_us > max_us ? events[i].time_us : max_us;
    }
    assert_false(slice_next(&cursor, &row));
    assert_int_equal(b->min_time_us, min_us);
    assert_int_equal(b->max_time_us, max_us);
    for (int c = 0; c < N_EVENT_COLUMNS && count > 0; c++)
        if (slice.columns[c].form == FORM_PLAIN)
            assert_ptr_equal(cursor.columns[c].at, slice.columns[c].end);
}

static void add_all(struct batch *b, const struct event *events, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        batch_add(b, &events[i]);
}

static struct event plain_event(int i)
{
    struct event e = {.time_us = i,
                      .type = SPAN_LITERAL("PageViewEvent"),
                      .site = SPAN_LITERAL("a"),
                      .region = SPAN_LITERAL("DE")};
    memcpy(e.id, &i, sizeof(i));
    return e;
}

static void a_column_is_null_constant_or_plain_as_its_values_are(void **state)
{
    (void)state;
    struct batch *b = batch_new();
    for (int i = 0; i < 3; i++) {
        struct event e = plain_event(i);
        e.path = i == 2 ? SPAN_LITERAL("/b") : SPAN_LITERAL("/a");
        e.os = i == 0 ? SPAN_ABSENT : SPAN_LITERAL("Linux");
        e.browser = i == 2 ? SPAN_ABSENT : SPAN_LITERAL("Firefox");
        batch_add(b, &e);
    }
    assert_int_equal(b->columns[EVENT_TYPE].form, FORM_CONSTANT);
    assert_int_equal(b->columns[EVENT_QUERY].form, FORM_NULL);
    assert_int_equal(b->columns[EVENT_PATH].form, FORM_PLAIN);
    assert_false(b->columns[EVENT_PATH].has_nulls);
    assert_int_equal(b->columns[EVENT_OS].form, FORM_PLAIN);
    assert_true(b->columns[EVENT_OS].has_nulls);
    assert_true(b->columns[EVENT_BROWSER].has_nulls);
    assert_int_equal(b->columns[EVENT_ID].form, FORM_PLAIN);
    batch_free(b);
}

static void an_empty_text_is_not_null(void **state)
{
    (void)state;
    struct batch *b = batch_new();
    struct event e = plain_event(1);
    e.path = SPAN_LITERAL("");
    batch_add(b, &e);
    assert_batch_is(b, &e, 1);
    assert_int_equal(b->columns[EVENT_PATH].form, FORM_CONSTANT);
    batch_free(b);
}

static void an_array_is_in_postgresqls_binary_form(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0, 0, 0, 1, 0, 0,   0,   1,   0,   0, 0, 25, 0, 0,   0,
                                       2, 0, 0, 0, 1, 255, 255, 255, 255, 0, 0, 0,  2, '/', 'x'};
    struct batch *b = batch_new();
    struct event e = plain_event(1);
    batch_add(b, &e);
    e.path = SPAN_LITERAL("/x");
    batch_add(b, &e);
    struct span array = batch_array(b, EVENT_PATH);
    assert_int_equal(array.n, sizeof(expected));
    assert_memory_equal(array.p, expected, sizeof(expected));
    assert_true(span_absent(batch_array(b, EVENT_QUERY)));
    assert_int_equal(((const uint8_t *)batch_array(b, EVENT_SITE).p)[15], 1);
    batch_free(b);
}

static void any_events_come_back_as_they_went_in(void **state)
{
    (void)state;
    uint64_t chance = 88172645463325252ULL;
    struct event *events = mem_alloc(N_SAMPLES * sizeof(*events));
    struct batch *b = batch_new();
    for (int run = 0; run < 100; run++) {
        struct arena memory = {0};
        random_events(&memory, &chance, events);
        batch_reset(b);
        add_all(b, events, N_SAMPLES);
        assert_batch_is(b, events, N_SAMPLES);
        arena_clear(&memory);
    }
    batch_free(b);
    free(events);
}

static void any_split_into_ranges_gives_the_same_events(void **state)
{
    (void)state;
    uint64_t chance = 42;
    struct event *events = mem_alloc(N_SAMPLES * sizeof(*events));
    struct batch *part = batch_new(), *whole = batch_new();
    for (int run = 0; run < 100; run++) {
        struct arena memory = {0};
        random_events(&memory, &chance, events);
        batch_reset(whole);
        for (uint32_t done = 0; done < N_SAMPLES;) {
            uint32_t before = (uint32_t)draw(&chance, done + 1);
            uint32_t count = 1 + (uint32_t)draw(&chance, run % 2 == 0 ? 3 : 100);
            count = count > N_SAMPLES - done ? N_SAMPLES - done : count;
            uint32_t after = (uint32_t)draw(&chance, N_SAMPLES - done - count + 1);
            batch_reset(part);
            add_all(part, events + done - before, before + count + after);
            batch_add_range(whole, part, before, count);
            done += count;
        }
        assert_batch_is(whole, events, N_SAMPLES);
        arena_clear(&memory);
    }
    batch_free(part);
    batch_free(whole);
    free(events);
}

static void removed_events_are_gone_and_the_others_keep_their_order(void **state)
{
    (void)state;
    uint64_t chance = 7;
    struct event *events = mem_alloc(N_SAMPLES * sizeof(*events));
    struct event *left = mem_alloc(N_SAMPLES * sizeof(*left));
    struct batch *b = batch_new();
    for (int run = 0; run < 100; run++) {
        struct arena memory = {0};
        bool remove[N_SAMPLES];
        uint32_t n_left = 0;
        random_events(&memory, &chance, events);
        batch_reset(b);
        add_all(b, events, N_SAMPLES);
        for (int i = 0; i < N_SAMPLES; i++) {
            remove[i] = draw(&chance, 10) < (uint64_t)(run % 11);
            if (!remove[i])
                left[n_left++] = events[i];
        }
        batch_remove(b, remove);
        assert_batch_is(b, left, n_left);
        arena_clear(&memory);
    }
    batch_free(b);
    free(events);
    free(left);
}

static void a_truncated_batch_goes_on_as_if_the_events_had_never_been(void **state)
{
    (void)state;
    uint64_t chance = 9;
    struct event *events = mem_alloc(N_SAMPLES * sizeof(*events));
    struct batch *b = batch_new();
    for (int run = 0; run < 100; run++) {
        struct arena memory = {0};
        random_events(&memory, &chance, events);
        batch_reset(b);
        uint32_t keep = (uint32_t)draw(&chance, N_SAMPLES);
        uint32_t more = (uint32_t)draw(&chance, N_SAMPLES - keep);
        add_all(b, events, keep);
        add_all(b, events, more);
        batch_truncate(b, keep);
        add_all(b, events + keep, N_SAMPLES - keep);
        assert_batch_is(b, events, N_SAMPLES);
        arena_clear(&memory);
    }
    batch_free(b);
    free(events);
}

static void a_cut_slice_holds_the_events_between(void **state)
{
    (void)state;
    uint64_t chance = 11;
    struct event *events = mem_alloc(N_SAMPLES * sizeof(*events));
    struct batch *b = batch_new();
    for (int run = 0; run < 100; run++) {
        struct arena memory = {0};
        random_events(&memory, &chance, events);
        batch_reset(b);
        add_all(b, events, N_SAMPLES);
        struct log_slice slice;
        batch_slice(b, &slice);
        slice.first_seq = 1000;
        uint32_t first = (uint32_t)draw(&chance, N_SAMPLES);
        uint32_t count = (uint32_t)draw(&chance, N_SAMPLES - first + 1);
        slice_cut(&slice, first, count);
        struct slice_cursor cursor = slice_cursor_of(&slice);
        struct event_row row;
        uint32_t seen = 0;
        for (; slice_next(&cursor, &row); seen++) {
            assert_row_is(&row, &events[first + seen]);
            assert_int_equal(row.seq, 1000 + first + seen);
        }
        assert_int_equal(seen, count);
        for (int c = 0; c < N_EVENT_COLUMNS; c++)
            if (slice.columns[c].form == FORM_PLAIN)
                assert_ptr_equal(cursor.columns[c].at, slice.columns[c].end);
        arena_clear(&memory);
    }
    batch_free(b);
    free(events);
}

/* What bounds an append must see them coming: they are there as soon as one value differs. */
static void a_constant_counts_for_every_event_in_the_size(void **state)
{
    (void)state;
    static const char big[1000] = "a page";
    struct batch *b = batch_new();
    struct event e = {.type = SPAN_LITERAL("PageViewEvent"), .path = {big, sizeof(big)}};
    for (int i = 0; i < 100; i++)
        batch_add(b, &e);
    size_t constant = batch_bytes(b);
    assert_true(constant >= 100 * sizeof(big));
    e.path.n--;
    batch_add(b, &e);
    assert_true(batch_bytes(b) > constant);
    assert_true(batch_bytes(b) < constant + 2 * sizeof(big));
    batch_free(b);
}

static void every_column_has_its_own_names(void **state)
{
    (void)state;
    for (int i = 0; i < N_EVENT_COLUMNS; i++) {
        const char *api_name = event_columns[i].api_name;
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(event_columns[i].sql_name, event_columns[j].sql_name);
            assert_true(api_name == NULL || event_columns[j].api_name == NULL ||
                        strcmp(api_name, event_columns[j].api_name) != 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_column_is_null_constant_or_plain_as_its_values_are),
        cmocka_unit_test(an_empty_text_is_not_null),
        cmocka_unit_test(an_array_is_in_postgresqls_binary_form),
        cmocka_unit_test(any_events_come_back_as_they_went_in),
        cmocka_unit_test(any_split_into_ranges_gives_the_same_events),
        cmocka_unit_test(removed_events_are_gone_and_the_others_keep_their_order),
        cmocka_unit_test(a_truncated_batch_goes_on_as_if_the_events_had_never_been),
        cmocka_unit_test(a_cut_slice_holds_the_events_between),
        cmocka_unit_test(a_constant_counts_for_every_event_in_the_size),
        cmocka_unit_test(every_column_has_its_own_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
