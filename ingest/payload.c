/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/payload.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "ingest/msgpack.h"

enum { JSON_DEPTH = 16, KEEP_BYTES = 1 << 20 };

struct payload {
    enum payload_form form;
    struct buf room; /* the body, with padding behind it */
    size_t n;        /* its bytes without the padding */
    uint32_t count;
    struct json *json;
    struct json_value single;  /* PAYLOAD_JSON: one object */
    struct json_walk elements; /* or the elements of an array */
    bool is_array;
    const char *line;    /* PAYLOAD_NDJSON: the next one */
    const uint8_t *item; /* PAYLOAD_MSGPACK: the next one */
    uint32_t left;       /* events not read yet, but for NDJSON */
    bool checked;        /* no escapes in the body: JSON texts are UTF-8 without NUL */
    char number[40];     /* a MessagePack number as JSON text */
    struct err line_error;
};

struct payload *payload_new(void)
{
    struct payload *p = mem_alloc(sizeof(*p));
    p->json = json_new(PAYLOAD_MAX_BYTES, JSON_DEPTH);
    return p;
}

void payload_free(struct payload *p)
{
    if (p == NULL)
        return;
    json_free(p->json);
    buf_clear(&p->room);
    free(p);
}

struct buf *payload_room(struct payload *p)
{
    buf_reset(&p->room);
    return &p->room;
}

/* ---- opening ---- */

static int open_json(struct payload *p, struct span body, struct err *e)
{
    struct json_value root;
    if (json_parse_padded(p->json, body, &root, e) != 0)
        return err_context(e, "the body");
    p->is_array = root.type == JSON_ARRAY;
    if (root.type == JSON_OBJECT) {
        p->single = root;
        p->count = 1;
    } else if (p->is_array) {
        p->elements = json_enter(p->json, &root);
        p->count = json_count(p->json, &root);
    } else {
        return err_set(e, ERR_INPUT, "the body is neither an event object nor an array of them");
    }
    return 0;
}

static const char *line_end(const char *line, const char *end)
{
    const char *newline = memchr(line, '\n', (size_t)(end - line));
    return newline == NULL ? end : newline;
}

static bool is_blank(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
        p++;
    return p == end;
}

static void open_ndjson(struct payload *p, struct span body)
{
    const char *end = body.p + body.n;
    p->line = body.p;
    for (const char *line = body.p, *stop; line < end; line = stop + 1) {
        stop = line_end(line, end);
        p->count += !is_blank(line, stop);
    }
}

static bool is_map(const uint8_t *p)
{
    struct msgpack_value v;
    msgpack_read(p, &v);
    return v.type == MSGPACK_MAP;
}

static int open_msgpack(struct payload *p, struct span body, struct err *e)
{
    static const char wrong[] = "the body is not MessagePack: a map, an array of maps, or maps one "
                                "after another";
    struct span rest = body;
    while (rest.n != 0) {
        size_t n = msgpack_check(rest);
        if (n == 0)
            return err_set(e, ERR_INPUT, "%s (broken at byte %zu)", wrong, body.n - rest.n);
        if (!is_map((const uint8_t *)rest.p) && (p->count != 0 || n != rest.n))
            return err_set(e, ERR_INPUT, "%s (something else at byte %zu)", wrong, body.n - rest.n);
        rest = (struct span){rest.p + n, rest.n - n};
        p->count++;
    }
    p->item = (const uint8_t *)body.p;
    if (p->count != 1 || is_map(p->item))
        return 0;
    struct msgpack_value root;
    p->item = msgpack_read(p->item, &root);
    if (root.type != MSGPACK_ARRAY)
        return err_set(e, ERR_INPUT, "%s", wrong);
    p->count = root.count;
    return 0;
}

int payload_open(struct payload *p, enum payload_form form, struct err *e)
{
    p->form = form;
    p->n = p->room.n;
    p->count = 0;
    memset(buf_reserve(&p->room, JSON_PADDING), ' ', JSON_PADDING);
    struct span body = {(const char *)p->room.p, p->n};
    int result = 0;
    p->checked = memchr(body.p, '\\', body.n) == NULL;
    if (form == PAYLOAD_NDJSON)
        open_ndjson(p, body);
    else
        result = form == PAYLOAD_JSON ? open_json(p, body, e) : open_msgpack(p, body, e);
    p->left = p->count;
    return result;
}

uint32_t payload_count(const struct payload *p)
{
    return p->count;
}

/* ---- JSON ---- */

static inline void value_of_json(const struct json_value *v, bool checked, struct value *out)
{
    static const enum wire_type types[] = {
        [JSON_NULL] = WIRE_NULL,   [JSON_BOOL] = WIRE_BOOL,   [JSON_INT] = WIRE_INT,
        [JSON_UINT] = WIRE_REAL,   [JSON_REAL] = WIRE_REAL,   [JSON_BIG] = WIRE_BIG,
        [JSON_STRING] = WIRE_TEXT, [JSON_ARRAY] = WIRE_OTHER, [JSON_OBJECT] = WIRE_OTHER};
    out->type = types[v->type];
    out->checked = checked;
    switch (v->type) {
    case JSON_STRING:
        out->text = v->text;
        break;
    case JSON_INT:
        out->integer = v->integer;
        break;
    case JSON_UINT:
        out->real = (double)v->natural;
        break;
    case JSON_REAL:
        out->real = v->real;
        break;
    case JSON_BOOL:
        out->boolean = v->boolean;
        break;
    default:
        break;
    }
}

static int read_json_props(const struct payload *p, const struct json_value *object,
                           struct fields *f, struct rejection *r)
{
    struct json_walk w = json_enter(p->json, object);
    struct json_member m;
    struct value v;
    if (fields_props_begin(f, r) != 0)
        return -1;
    while (json_next(&w, &m)) {
        value_of_json(&m.value, p->checked, &v);
        if (v.type == WIRE_INT || v.type == WIRE_REAL || v.type == WIRE_BIG)
            v.text = json_number_text(p->json, &m.value);
        if (fields_prop(f, m.key, &v, r) != 0)
            return -1;
    }
    fields_props_end(f);
    return 0;
}

static int read_json(const struct payload *p, const struct json_value *event, struct fields *f,
                     struct rejection *r)
{
    if (event->type != JSON_OBJECT)
        return reject(r, REJECT_MALFORMED, SPAN_LITERAL(""), "is not an object");
    struct json_walk w = json_enter(p->json, event);
    struct json_member m;
    struct value v;
    while (json_next(&w, &m)) {
        value_of_json(&m.value, p->checked, &v);
        int result = m.value.type == JSON_OBJECT && fields_is_props(m.key)
                         ? read_json_props(p, &m.value, f, r)
                         : fields_put(f, m.key, &v, r);
        if (result != 0)
            return -1;
    }
    return 0;
}

/* ---- NDJSON ---- */

static bool take_line(struct payload *p, struct span *line)
{
    const char *end = (const char *)p->room.p + p->n;
    while (p->line < end) {
        const char *start = p->line, *stop = line_end(start, end);
        p->line = stop + 1;
        if (!is_blank(start, stop)) {
            *line = (struct span){start, (size_t)(stop - start)};
            return true;
        }
    }
    return false;
}

static int read_line(struct payload *p, struct span line, struct fields *f, struct rejection *r)
{
    struct json_value root;
    err_clear(&p->line_error);
    if (json_parse_padded(p->json, line, &root, &p->line_error) != 0)
        return reject(r, REJECT_MALFORMED, SPAN_LITERAL(""), p->line_error.text);
    return read_json(p, &root, f, r);
}

/* ---- MessagePack ---- */

/* The shortest text that reads back as the same double; NaN and infinities have none. */
static struct span text_of_real(char *room, size_t size, double x)
{
    int n = 0;
    for (int digits = 15; digits <= 17; digits++) {
        n = snprintf(room, size, "%.*g", digits, x);
        if (strtod(room, NULL) == x)
            break;
    }
    return (struct span){room, (size_t)n};
}

static void value_of_msgpack(const struct msgpack_value *v, struct value *out)
{
    static const enum wire_type types[] = {
        [MSGPACK_NIL] = WIRE_NULL,     [MSGPACK_BOOL] = WIRE_BOOL,
        [MSGPACK_INT] = WIRE_INT,      [MSGPACK_UINT] = WIRE_REAL,
        [MSGPACK_REAL] = WIRE_REAL,    [MSGPACK_TEXT] = WIRE_TEXT,
        [MSGPACK_BINARY] = WIRE_OTHER, [MSGPACK_EXTENSION] = WIRE_OTHER,
        [MSGPACK_ARRAY] = WIRE_OTHER,  [MSGPACK_MAP] = WIRE_OTHER};
    *out = (struct value){.type = types[v->type]};
    if (v->type == MSGPACK_TEXT)
        out->text = v->bytes;
    else if (v->type == MSGPACK_BOOL)
        out->boolean = v->boolean;
    else if (v->type == MSGPACK_INT)
        out->integer = v->integer;
    else if (v->type == MSGPACK_UINT)
        out->real = (double)v->natural;
    else if (v->type == MSGPACK_REAL && isfinite(v->real))
        out->real = v->real;
    else if (v->type == MSGPACK_REAL)
        out->type = WIRE_OTHER;
}

/* A prop's number as JSON text, in the payload's own room. */
static struct span number_of_msgpack(struct payload *p, const struct msgpack_value *v)
{
    if (v->type == MSGPACK_REAL)
        return text_of_real(p->number, sizeof(p->number), v->real);
    int n = v->type == MSGPACK_UINT
                ? snprintf(p->number, sizeof(p->number), "%" PRIu64, v->natural)
                : snprintf(p->number, sizeof(p->number), "%" PRId64, v->integer);
    return (struct span){p->number, (size_t)n};
}

struct pair {
    struct span key; /* absent: no string */
    struct msgpack_value raw;
    struct value value;
    const uint8_t *inside; /* of a container: its first element */
};

static const uint8_t *take_pair(const uint8_t *at, struct pair *pair)
{
    struct msgpack_value key;
    const uint8_t *value = msgpack_skip(at);
    msgpack_read(at, &key);
    pair->key = key.type == MSGPACK_TEXT ? key.bytes : SPAN_ABSENT;
    pair->inside = msgpack_read(value, &pair->raw);
    value_of_msgpack(&pair->raw, &pair->value);
    return msgpack_skip(value);
}

static int read_msgpack_props(struct payload *p, const struct pair *object, struct fields *f,
                              struct rejection *r)
{
    const uint8_t *at = object->inside;
    if (fields_props_begin(f, r) != 0)
        return -1;
    for (uint32_t i = 0; i < object->raw.count; i++) {
        struct pair pair;
        at = take_pair(at, &pair);
        if (span_absent(pair.key))
            return reject(r, REJECT_TYPE, field_name(FIELD_PROPS),
                          "has a key that is not a string");
        if (pair.value.type == WIRE_INT || pair.value.type == WIRE_REAL)
            pair.value.text = number_of_msgpack(p, &pair.raw);
        if (fields_prop(f, pair.key, &pair.value, r) != 0)
            return -1;
    }
    fields_props_end(f);
    return 0;
}

static int read_msgpack(struct payload *p, const uint8_t *at, struct fields *f, struct rejection *r)
{
    struct msgpack_value root;
    at = msgpack_read(at, &root);
    if (root.type != MSGPACK_MAP)
        return reject(r, REJECT_MALFORMED, SPAN_LITERAL(""), "is not a map");
    for (uint32_t i = 0; i < root.count; i++) {
        struct pair pair;
        at = take_pair(at, &pair);
        if (span_absent(pair.key))
            return reject(r, REJECT_TYPE, SPAN_LITERAL(""), "has a key that is not a string");
        int result = pair.raw.type == MSGPACK_MAP && fields_is_props(pair.key)
                         ? read_msgpack_props(p, &pair, f, r)
                         : fields_put(f, pair.key, &pair.value, r);
        if (result != 0)
            return -1;
    }
    return 0;
}

/* ---- reading ---- */

static struct json_value take_element(struct payload *p)
{
    struct json_member m;
    return p->is_array && json_next(&p->elements, &m) ? m.value : p->single;
}

enum payload_read payload_next(struct payload *p, struct fields *f, struct rejection *r)
{
    struct span line;
    int result;
    fields_reset(f);
    if (p->form == PAYLOAD_NDJSON) {
        if (!take_line(p, &line))
            return PAYLOAD_END;
        result = read_line(p, line, f, r);
    } else if (p->left == 0) {
        return PAYLOAD_END;
    } else if (p->form == PAYLOAD_JSON) {
        struct json_value event = take_element(p);
        result = read_json(p, &event, f, r);
    } else {
        const uint8_t *at = p->item;
        p->item = msgpack_skip(at);
        result = read_msgpack(p, at, f, r);
    }
    p->left--;
    return result == 0 ? PAYLOAD_EVENT : PAYLOAD_REJECTED;
}

void payload_close(struct payload *p)
{
    json_trim(p->json);
    if (p->room.cap > KEEP_BYTES)
        buf_clear(&p->room);
}
