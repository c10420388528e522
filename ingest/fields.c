/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/fields.h"

#include "base/utf8.h"

enum { TAKES_NUMBER = 1, TAKES_TEXT = 2, TAKES_PROPS = 4, EMPTY_IS_ABSENT = 8 };

struct field_spec {
    struct span name;
    unsigned takes;
    uint32_t max_chars;
    const char *wrong_type, *too_long;
};

#define TEXT(max) (max), "is not a string", "is longer than " #max " characters"

static const struct field_spec specs[N_FIELDS] = {
    [FIELD_EVENT_TYPE] = {SPAN_LITERAL("eventType"), TAKES_TEXT, TEXT(120)},
    [FIELD_TIMESTAMP] = {SPAN_LITERAL("timestamp"), TAKES_NUMBER | TAKES_TEXT, 64, "is not a time",
                         "is not a time"},
    [FIELD_AGE] = {SPAN_LITERAL("age"), TAKES_NUMBER, 0, "is not a number of milliseconds", NULL},
    [FIELD_IP_ADDRESS] = {SPAN_LITERAL("ipAddress"), TAKES_TEXT, 64, "is not a string",
                          "is not an IP address"},
    [FIELD_SESSION_ID] = {SPAN_LITERAL("sessionId"), TAKES_TEXT | EMPTY_IS_ABSENT, TEXT(128)},
    [FIELD_USER_ID] = {SPAN_LITERAL("userId"), TAKES_TEXT | EMPTY_IS_ABSENT, TEXT(128)},
    [FIELD_PAGE_URL] = {SPAN_LITERAL("pageUrl"), TAKES_TEXT, TEXT(4096)},
    [FIELD_REFERRER] = {SPAN_LITERAL("referrer"), TAKES_TEXT | EMPTY_IS_ABSENT, TEXT(4096)},
    [FIELD_USER_AGENT] = {SPAN_LITERAL("userAgent"), TAKES_TEXT | EMPTY_IS_ABSENT, TEXT(1024)},
    [FIELD_BROWSER] = {SPAN_LITERAL("browser"), TAKES_TEXT | EMPTY_IS_ABSENT, TEXT(64)},
    [FIELD_EVENT_ID] = {SPAN_LITERAL("eventId"), TAKES_TEXT, 64, "is not a string",
                        "is not a UUID"},
    [FIELD_SITE] = {SPAN_LITERAL("site"), TAKES_TEXT, TEXT(253)},
    [FIELD_REGION] = {SPAN_LITERAL("region"), TAKES_TEXT, 16, "is not a string",
                      "is not an ISO 3166 code like DE or US-CA"},
    [FIELD_PROPS] = {SPAN_LITERAL("props"), TAKES_PROPS, 0, "is not an object", NULL},
};

struct span field_name(enum field f)
{
    return specs[f].name;
}

/* A perfect hash of the names: first character and length tell them apart. */
#define SLOT(first, length) (((unsigned char)(first) + 12 * (length)) & 31)

/* memcmp of a few bytes of equal length n >= 3, without the call: twice as fast where it is hot. */
static inline bool same_name(const char *a, const char *b, size_t n)
{
    uint64_t a8, b8, a8_end, b8_end;
    uint16_t a2, b2;
    if (n >= 8) {
        memcpy(&a8, a, 8);
        memcpy(&b8, b, 8);
        memcpy(&a8_end, a + n - 8, 8);
        memcpy(&b8_end, b + n - 8, 8);
        return a8 == b8 && a8_end == b8_end && (n <= 16 || memcmp(a, b, n) == 0);
    }
    for (; n >= 2; n -= 2, a += 2, b += 2) {
        memcpy(&a2, a, 2);
        memcpy(&b2, b, 2);
        if (a2 != b2)
            return false;
    }
    return n == 0 || *a == *b;
}

static enum field find(struct span key)
{
    static const uint8_t slots[32] = {
        [SLOT('e', 9)] = 1 + FIELD_EVENT_TYPE, [SLOT('t', 9)] = 1 + FIELD_TIMESTAMP,
        [SLOT('a', 3)] = 1 + FIELD_AGE,        [SLOT('i', 9)] = 1 + FIELD_IP_ADDRESS,
        [SLOT('s', 9)] = 1 + FIELD_SESSION_ID, [SLOT('u', 6)] = 1 + FIELD_USER_ID,
        [SLOT('p', 7)] = 1 + FIELD_PAGE_URL,   [SLOT('r', 8)] = 1 + FIELD_REFERRER,
        [SLOT('u', 9)] = 1 + FIELD_USER_AGENT, [SLOT('b', 7)] = 1 + FIELD_BROWSER,
        [SLOT('e', 7)] = 1 + FIELD_EVENT_ID,   [SLOT('s', 4)] = 1 + FIELD_SITE,
        [SLOT('r', 6)] = 1 + FIELD_REGION,     [SLOT('p', 5)] = 1 + FIELD_PROPS,
    };
    unsigned slot = key.n == 0 ? 0 : slots[SLOT(key.p[0], key.n)];
    if (slot == 0 || key.n != specs[slot - 1].name.n)
        return N_FIELDS;
    return same_name(key.p, specs[slot - 1].name.p, key.n) ? (enum field)(slot - 1) : N_FIELDS;
}

void fields_reset(struct fields *f)
{
    f->given = f->seen = 0;
    f->n_props = 0;
    buf_reset(&f->props);
}

void fields_clear(struct fields *f)
{
    buf_clear(&f->props);
}

/* At most max characters; a character is a byte that does not continue another. */
static bool fits(struct span s, uint32_t max)
{
    if (s.n <= max)
        return true;
    if (s.n > (size_t)max * 4)
        return false;
    size_t chars = 0;
    for (size_t i = 0; i < s.n; i++)
        chars += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return chars <= max;
}

static int check_text(const struct value *v, struct span field, struct rejection *r)
{
    if (v->checked || utf8_text(v->text))
        return 0;
    return reject(r, REJECT_VALUE, field, "is not UTF-8 text without NUL");
}

/* A name that no event has, shown in the rejection only if it is fit to be shown. */
static int refuse_unknown(struct span key, struct rejection *r)
{
    struct span shown = key.n <= 64 && utf8_text(key) ? key : SPAN_LITERAL("");
    return reject(r, REJECT_UNKNOWN, shown, "is not a field of an event; put it into props");
}

static int claim(struct fields *f, enum field field, struct rejection *r)
{
    if (f->seen >> field & 1)
        return reject(r, REJECT_VALUE, specs[field].name, "is given twice");
    f->seen |= 1u << field;
    return 0;
}

static bool has_type(const struct value *v, unsigned takes)
{
    switch (v->type) {
    case WIRE_TEXT:
        return (takes & TAKES_TEXT) != 0;
    case WIRE_INT:
    case WIRE_REAL:
    case WIRE_BIG:
        return (takes & TAKES_NUMBER) != 0;
    default:
        return false;
    }
}

int fields_put(struct fields *f, struct span key, const struct value *v, struct rejection *r)
{
    enum field field = find(key);
    if (field == N_FIELDS)
        return refuse_unknown(key, r);
    const struct field_spec *spec = &specs[field];
    if (claim(f, field, r) != 0)
        return -1;
    if (v->type == WIRE_NULL)
        return 0;
    if (!has_type(v, spec->takes))
        return reject(r, REJECT_TYPE, spec->name, spec->wrong_type);
    if (v->type == WIRE_TEXT) {
        if (v->text.n == 0 && (spec->takes & EMPTY_IS_ABSENT))
            return 0;
        if (!fits(v->text, spec->max_chars))
            return reject(r, REJECT_LIMIT, spec->name, spec->too_long);
        if (check_text(v, spec->name, r) != 0)
            return -1;
    }
    f->values[field] = *v;
    f->given |= 1u << field;
    return 0;
}

/* ---- props: a flat object, written again as compact JSON ---- */

bool fields_is_props(struct span key)
{
    return span_equal(key, specs[FIELD_PROPS].name);
}

int fields_props_begin(struct fields *f, struct rejection *r)
{
    if (claim(f, FIELD_PROPS, r) != 0)
        return -1;
    f->given |= 1u << FIELD_PROPS;
    buf_put_byte(&f->props, '{');
    return 0;
}

static int refuse_prop(struct rejection *r, enum reject_class why, const char *reason)
{
    return reject(r, why, specs[FIELD_PROPS].name, reason);
}

static int claim_prop(struct fields *f, struct span key, struct rejection *r)
{
    if (f->n_props == PROPS_MAX_KEYS)
        return refuse_prop(r, REJECT_LIMIT, "has more than 30 keys");
    if (!fits(key, PROPS_MAX_KEY))
        return refuse_prop(r, REJECT_LIMIT, "has a key longer than 120 characters");
    if (!utf8_text(key))
        return refuse_prop(r, REJECT_VALUE, "has a key that is not UTF-8 text without NUL");
    for (unsigned i = 0; i < f->n_props; i++)
        if (span_equal(f->prop_keys[i], key))
            return refuse_prop(r, REJECT_VALUE, "has a key twice");
    f->prop_keys[f->n_props++] = key;
    return 0;
}

/* A JSON number as written: bounded, so that PostgreSQL's numeric takes it and sums of it. */
static bool number_fits(struct span text)
{
    unsigned digits = 0, exponent = 0;
    size_t i = 0;
    for (; i < text.n && (text.p[i] | 0x20) != 'e'; i++)
        digits += text.p[i] >= '0' && text.p[i] <= '9';
    for (; i < text.n && exponent <= PROPS_MAX_EXPONENT; i++)
        if (text.p[i] >= '0' && text.p[i] <= '9')
            exponent = exponent * 10 + (unsigned)(text.p[i] - '0');
    return digits <= PROPS_MAX_DIGITS && exponent <= PROPS_MAX_EXPONENT;
}

static int put_prop_value(struct fields *f, const struct value *v, struct rejection *r)
{
    switch (v->type) {
    case WIRE_NULL:
        buf_put_text(&f->props, "null");
        return 0;
    case WIRE_BOOL:
        buf_put_text(&f->props, v->boolean ? "true" : "false");
        return 0;
    case WIRE_INT:
    case WIRE_REAL:
    case WIRE_BIG:
        if (!number_fits(v->text))
            return refuse_prop(r, REJECT_LIMIT,
                               "has a number of more than 32 digits or an exponent beyond 30");
        buf_put_span(&f->props, v->text);
        return 0;
    case WIRE_TEXT:
        if (!fits(v->text, PROPS_MAX_TEXT))
            return refuse_prop(r, REJECT_LIMIT, "has a string longer than 2048 characters");
        if (!v->checked && !utf8_text(v->text))
            return refuse_prop(r, REJECT_VALUE, "has a string that is not UTF-8 text without NUL");
        buf_put_json(&f->props, v->text);
        return 0;
    default:
        return refuse_prop(r, REJECT_TYPE,
                           "is not flat: values are strings, numbers, true, false "
                           "or null");
    }
}

int fields_prop(struct fields *f, struct span key, const struct value *v, struct rejection *r)
{
    if (claim_prop(f, key, r) != 0)
        return -1;
    if (f->n_props > 1)
        buf_put_byte(&f->props, ',');
    buf_put_json(&f->props, key);
    buf_put_byte(&f->props, ':');
    return put_prop_value(f, v, r);
}

void fields_props_end(struct fields *f)
{
    buf_put_byte(&f->props, '}');
}
