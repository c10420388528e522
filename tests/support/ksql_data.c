/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/ksql_data.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tests/support/support.h"

/* ---- reading ---- */

static struct json_value member(const struct json *j, const struct json_value *object,
                                const char *name)
{
    struct json_value found;
    if (object->type != JSON_OBJECT || json_get(j, object, name, &found, NULL) != 1)
        fail_msg("there is no member %s", name);
    return found;
}

static int64_t int_member(const struct json *j, const struct json_value *object, const char *name)
{
    struct json_value v = member(j, object, name);
    assert_int_equal(v.type, JSON_INT);
    return v.integer;
}

struct span ksql_name(const struct json *j, const struct json_value *test)
{
    struct json_value name = member(j, test, "name");
    assert_int_equal(name.type, JSON_STRING);
    return name.text;
}

static bool is_number(const struct json_value *v)
{
    return v->type == JSON_INT || v->type == JSON_UINT || v->type == JSON_REAL ||
           v->type == JSON_BIG;
}

/* A text without its quotes, a number as it is written; null: nothing. */
static struct span scalar_text(const struct json *j, const struct json_value *v)
{
    if (v->type == JSON_STRING)
        return v->text;
    return is_number(v) ? json_number_text(j, v) : SPAN_LITERAL("");
}

/* The text up to the separator, which is taken off the rest; false: there is none left. */
static bool next_part(struct span *rest, char separator, struct span *part)
{
    if (span_absent(*rest))
        return false;
    const char *end = memchr(rest->p, separator, rest->n);
    *part = *rest;
    if (end == NULL) {
        *rest = SPAN_ABSENT;
        return true;
    }
    part->n = (size_t)(end - rest->p);
    *rest = (struct span){end + 1, rest->n - part->n - 1};
    return true;
}

/* ---- inputs ---- */

struct column {
    char name[32];
    bool is_number;
};
struct columns {
    struct column at[16];
    unsigned n;
};

static void add_column(struct columns *out, struct span text)
{
    struct span name, type = span_trim(text);
    struct column *c = &out->at[out->n++];
    assert_true(out->n <= 16 && next_part(&type, ' ', &name) && name.n < sizeof c->name);
    snprintf(c->name, sizeof c->name, "%.*s", (int)name.n, name.p);
    for (char *p = c->name; *p != '\0'; p++)
        *p |= *p >= 'A' && *p <= 'Z' ? 0x20 : 0;
    type = span_trim(type);
    static const char *const numbers[] = {"int", "integer", "bigint", "double",
                                          "INT", "INTEGER", "BIGINT", "DOUBLE"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        c->is_number = c->is_number || span_is(type, numbers[i]);
}

/* Of the CREATE STREAM: "CREATE STREAM TEST (ID bigint, NAME varchar) WITH (...". DELIMITED values
 * have scalar types only. */
static struct columns columns_of(const struct ksql_test *t)
{
    struct json_value statements = member(t->json, &t->value, "statements");
    struct json_walk walk = json_enter(t->json, &statements);
    struct json_member m;
    struct columns out = {.n = 0};
    struct span list, part;
    assert_true(json_next(&walk, &m) && m.value.type == JSON_STRING);
    list = m.value.text;
    assert_true(next_part(&list, '(', &part) && next_part(&list, ')', &part));
    for (struct span rest = part; next_part(&rest, ',', &part);)
        add_column(&out, part);
    return out;
}

/* "-Infinity" is a text. */
static bool is_json_number(struct span s)
{
    char end = s.n == 0 ? ' ' : s.p[s.n - 1];
    return (s.n > 0 && s.p[0] >= '0' && s.p[0] <= '9') ||
           (s.n > 1 && s.p[0] == '-' && end >= '0' && end <= '9');
}

static void put_delimited(const struct ksql_test *t, struct span value, struct buf *out)
{
    struct columns columns = columns_of(t);
    struct span field;
    unsigned i = 0;
    for (struct span rest = value; next_part(&rest, ',', &field); i++) {
        assert_true(i < columns.n);
        buf_printf(out, ",\"%s\":", columns.at[i].name);
        if (columns.at[i].is_number && is_json_number(field))
            buf_put_span(out, field);
        else
            buf_put_json(out, field);
    }
}

static void put_prop(const struct json *j, const char *name, const struct json_value *v,
                     struct buf *out)
{
    if (v->type == JSON_NULL)
        return;
    buf_printf(out, ",\"%s\":", name);
    if (v->type == JSON_BOOL)
        buf_put_text(out, v->boolean ? "true" : "false");
    else if (v->type == JSON_STRING)
        buf_put_json(out, v->text);
    else
        buf_put_span(out, scalar_text(j, v));
}

/* Of objects in it the members, named KEY_KEY. */
static void put_object(const struct json *j, const struct json_value *object, struct buf *out)
{
    struct json_walk walk = json_enter(j, object);
    for (struct json_member m; json_next(&walk, &m);) {
        char name[80];
        assert_int_not_equal(m.value.type, JSON_ARRAY);
        snprintf(name, sizeof name, "%.*s", (int)m.key.n, m.key.p);
        if (m.value.type != JSON_OBJECT) {
            put_prop(j, name, &m.value, out);
            continue;
        }
        struct json_walk within = json_enter(j, &m.value);
        for (struct json_member n; json_next(&within, &n);) {
            snprintf(name, sizeof name, "%.*s_%.*s", (int)m.key.n, m.key.p, (int)n.key.n, n.key.p);
            put_prop(j, name, &n.value, out);
        }
    }
}

static int64_t stretch(const struct ksql_test *t)
{
    return t->c->kind == KSQL_SESSIONS ? KSQL_SESSION_STRETCH : 1;
}

static void put_event(const struct ksql_test *t, const struct json_value *input, struct buf *out)
{
    struct json_value key = member(t->json, input, "key"), value = member(t->json, input, "value");
    char time[CLOCK_TEXT_BYTES];
    int64_t ms = int_member(t->json, input, "timestamp") * stretch(t);
    assert_true(clock_format(time, KSQL_BASE_US + ms * 1000, 6) > 0);
    buf_printf(out, "{\"site\":\"%s\",\"timestamp\":\"%s\",", t->site, time);
    if (t->c->kind == KSQL_SESSIONS) {
        buf_printf(out, "\"pageUrl\":\"/\",\"userId\":");
        buf_put_json(out, scalar_text(t->json, &key));
        buf_put_text(out, "}\n");
        return;
    }
    buf_printf(out, "\"eventType\":\"Input\",\"props\":{\"rowkey\":");
    buf_put_json(out, scalar_text(t->json, &key));
    if (value.type == JSON_OBJECT)
        put_object(t->json, &value, out);
    else
        put_delimited(t, scalar_text(t->json, &value), out);
    buf_put_text(out, "}}\n");
}

/* A null value takes a row out of a table; a stream passes over it. */
static bool is_tombstone(const struct ksql_test *t, const struct json_value *input)
{
    return member(t->json, input, "value").type == JSON_NULL;
}

void ksql_put_events(const struct ksql_test *t, struct buf halves[2], unsigned n[2])
{
    struct json_value inputs = member(t->json, &t->value, "inputs");
    uint32_t count = json_count(t->json, &inputs), i = 0;
    struct json_walk walk = json_enter(t->json, &inputs);
    for (struct json_member m; json_next(&walk, &m); i++) {
        unsigned half = i < (count + 1) / 2 ? 0 : 1;
        if (is_tombstone(t, &m.value))
            continue;
        put_event(t, &m.value, &halves[half]);
        n[half]++;
    }
}

/* ---- lines of a table ---- */

struct lines {
    char *key[200]; /* NULL in what is only counted */
    char *line[200];
    unsigned n;
};

static void add_line(struct lines *l, char *key, char *line)
{
    assert_true(l->n < 200);
    l->key[l->n] = key;
    l->line[l->n++] = line;
}

static void remove_key(struct lines *l, const char *key)
{
    for (unsigned i = 0; i < l->n; i++) {
        if (strcmp(l->key[i], key) != 0)
            continue;
        free(l->key[i]);
        free(l->line[i]);
        l->n--;
        l->key[i] = l->key[l->n];
        l->line[i] = l->line[l->n];
        return;
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One text of them, sorted; counted: equal ones are one, and say how many. Frees the lines. */
static char *join_lines(struct lines *l, bool counted)
{
    struct buf out = {0};
    qsort(l->line, l->n, sizeof *l->line, by_text);
    for (unsigned i = 0, same = 1; i < l->n; i++, same++) {
        if (counted && i + 1 < l->n && strcmp(l->line[i], l->line[i + 1]) == 0)
            continue;
        buf_put_text(&out, l->line[i]);
        if (counted)
            buf_printf(&out, ",%u", same);
        buf_put_byte(&out, '\n');
        same = 0;
    }
    for (unsigned i = 0; i < l->n; i++) {
        free(l->key[i]);
        free(l->line[i]);
    }
    char *text = mem_copy_span(out.n == 0 ? SPAN_LITERAL("") : buf_span(&out));
    buf_clear(&out);
    return text;
}

/* 5.10 is 5.1, 5.0 is 5; what is no number stays. */
static void put_column(struct buf *out, struct span s)
{
    if (is_json_number(s) && memchr(s.p, '.', s.n) != NULL) {
        while (s.p[s.n - 1] == '0')
            s.n--;
        s.n -= s.p[s.n - 1] == '.';
    }
    buf_put_span(out, s);
}

/* The first n columns. */
static void put_columns(struct buf *out, struct span line, unsigned n)
{
    struct span column;
    unsigned i = 0;
    for (; i < n && next_part(&line, ',', &column); i++) {
        if (i > 0)
            buf_put_byte(out, ',');
        put_column(out, column);
    }
}

static char *take_text(struct buf *b)
{
    char *text = mem_copy_span(buf_span(b));
    buf_clear(b);
    return text;
}

/* ---- outputs ---- */

struct output {
    struct span key;
    struct json_value value;
    int64_t start_ms, end_ms; /* 0: no window */
};

static struct output output_of(const struct ksql_test *t, const struct json_value *o)
{
    struct json_value window, key = member(t->json, o, "key");
    struct output out = {.key = scalar_text(t->json, &key), .value = member(t->json, o, "value")};
    if (json_get(t->json, o, "window", &window, NULL) == 1) {
        out.start_ms = int_member(t->json, &window, "start");
        out.end_ms = int_member(t->json, &window, "end");
    }
    return out;
}

/* The inputs of a session's key within its bounds. */
static unsigned inputs_within(const struct ksql_test *t, const struct output *o)
{
    struct json_value inputs = member(t->json, &t->value, "inputs");
    struct json_walk walk = json_enter(t->json, &inputs);
    unsigned n = 0;
    for (struct json_member m; json_next(&walk, &m);) {
        struct json_value key = member(t->json, &m.value, "key");
        int64_t ms = int_member(t->json, &m.value, "timestamp");
        n += span_equal(scalar_text(t->json, &key), o->key) && ms >= o->start_ms &&
             ms <= o->end_ms && !is_tombstone(t, &m.value);
    }
    return n;
}

static void put_value(const struct ksql_test *t, const struct json_value *v, struct buf *out)
{
    if (v->type != JSON_OBJECT) {
        put_columns(out, scalar_text(t->json, v), UINT32_MAX);
        return;
    }
    struct json_walk walk = json_enter(t->json, v);
    const char *comma = "";
    for (struct json_member m; json_next(&walk, &m); comma = ",") {
        buf_put_text(out, comma);
        put_column(out, scalar_text(t->json, &m.value));
    }
}

static char *line_of(const struct ksql_test *t, const struct output *o)
{
    struct buf line = {0};
    buf_printf(&line, "%" PRId64 " ", o->start_ms * stretch(t) / 1000);
    if (t->c->kind == KSQL_SESSIONS) {
        buf_printf(&line, "%" PRId64 ",%u", (o->end_ms - o->start_ms) * stretch(t) / 1000,
                   inputs_within(t, o));
        return take_text(&line);
    }
    if (t->c->line == KSQL_KEY_AND_VALUE) {
        buf_put_span(&line, o->key);
        buf_put_byte(&line, ',');
    }
    put_value(t, &o->value, &line);
    return take_text(&line);
}

char *ksql_expected(const struct ksql_test *t)
{
    struct json_value outputs = member(t->json, &t->value, "outputs");
    struct json_walk walk = json_enter(t->json, &outputs);
    struct lines l = {.n = 0};
    unsigned row = 0;
    for (struct json_member m; json_next(&walk, &m);) {
        struct output o = output_of(t, &m.value);
        char *key = mem_format("%.*s %" PRId64 " %" PRId64 " %u", (int)o.key.n, o.key.p, o.start_ms,
                               o.end_ms, t->c->kind == KSQL_STREAM ? row++ : 0);
        remove_key(&l, key);
        if (o.value.type == JSON_NULL)
            free(key);
        else
            add_line(&l, key, line_of(t, &o));
    }
    return join_lines(&l, t->c->kind == KSQL_STREAM || t->c->kind == KSQL_SESSIONS);
}

/* ---- answers ---- */

/* Takes the time and what comes after it; gives the window's start in ms. */
static int64_t take_start(struct span *line, unsigned after_time)
{
    struct span part;
    int64_t us;
    assert_true(next_part(line, ',', &part));
    assert_int_equal(clock_parse(part.p, part.n, &us), 0);
    while (after_time-- > 0)
        assert_true(next_part(line, ',', &part));
    return (us - KSQL_BASE_US) / 1000;
}

static char *got_line(const struct ksql_test *t, struct span line, unsigned after_time)
{
    struct buf out = {0};
    int64_t start_ms = take_start(&line, after_time);
    unsigned divisor = t->c->line == KSQL_HALF_BOUNDS ? 2 : t->c->line == KSQL_BOUNDS ? 1 : 0;
    buf_printf(&out, "%" PRId64 " ", start_ms / 1000);
    put_columns(&out, line, divisor == 0 ? UINT32_MAX : t->c->n_dimensions);
    if (divisor != 0)
        buf_printf(&out, ",%" PRId64 ",%" PRId64, start_ms / divisor,
                   (start_ms + t->c->window_ms) / divisor);
    return take_text(&out);
}

char *ksql_got(const struct ksql_test *t, struct span csv, unsigned after_time)
{
    struct lines l = {.n = 0};
    struct span line, rest = csv;
    assert_true(next_part(&rest, '\n', &line)); /* the names */
    while (next_part(&rest, '\n', &line))
        if (line.n > 1) {
            line.n -= line.p[line.n - 1] == '\r';
            add_line(&l, NULL, got_line(t, line, after_time));
        }
    return join_lines(&l, false);
}
