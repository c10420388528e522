/* SPDX-License-Identifier: Apache-2.0 */
#include "views/group.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/pack.h"

static struct group_value null_of(enum value_type type)
{
    return (struct group_value){.type = type, .null = true, .text = SPAN_ABSENT};
}

static struct group_value number_of(enum value_type type, int64_t integer)
{
    return (struct group_value){.type = type, .integer = integer, .text = SPAN_ABSENT};
}

static struct group_value text_of(struct span text)
{
    return (struct group_value){.type = VALUE_TEXT, .text = text};
}

struct group_value group_of_element(enum value_type type, struct span bytes)
{
    if (span_absent(bytes))
        return null_of(type);
    if (type == VALUE_TEXT)
        return text_of(bytes);
    return number_of(type, type == VALUE_INT ? element_int8(bytes) : element_bool(bytes));
}

/* ---- from texts ---- */

/* Digits, with - before them or not, that fit; no other form of a number than ours is taken, so
 * that one number has one text. */
static bool parse_int(struct span text, int64_t *out)
{
    bool negative = text.n > 0 && text.p[0] == '-';
    size_t at = negative;
    int64_t value = 0;
    if (at == text.n || (text.p[at] == '0' && text.n > 1))
        return false;
    for (; at < text.n; at++) {
        int digit = text.p[at] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value))
            return false;
    }
    *out = value;
    return true;
}

struct bool_texts {
    const char *no, *yes;
};

static bool parse_bool(struct span text, struct bool_texts as, int64_t *out)
{
    *out = span_is(text, as.yes);
    return *out != 0 || span_is(text, as.no);
}

static bool parse(enum value_type type, struct span text, struct bool_texts as,
                  struct group_value *out)
{
    *out = type == VALUE_TEXT ? text_of(text) : number_of(type, 0);
    if (type == VALUE_INT)
        return parse_int(text, &out->integer);
    return type == VALUE_TEXT || parse_bool(text, as, &out->integer);
}

bool group_parse(enum value_type type, struct span text, struct group_value *out)
{
    return parse(type, text, (struct bool_texts){"false", "true"}, out);
}

bool group_parse_sql(enum value_type type, struct span text, struct group_value *out)
{
    if (!span_absent(text))
        return parse(type, text, (struct bool_texts){"f", "t"}, out);
    *out = null_of(type);
    return true;
}

/* ---- stored ---- */

void group_pack(struct buf *out, const struct group_value *v)
{
    if (v->null || v->type == VALUE_TEXT)
        pack_text(out, v->text);
    else if (v->type == VALUE_INT)
        pack_int(out, v->integer);
    else
        pack_bool(out, v->integer != 0);
}

bool group_read(struct span *in, enum value_type type, struct group_value *out)
{
    bool truth = false;
    *out = null_of(type);
    if (pack_read_nil(in))
        return true;
    out->null = false;
    if (type == VALUE_TEXT)
        return pack_read_text(in, &out->text);
    if (type == VALUE_INT)
        return pack_read_int(in, &out->integer);
    if (!pack_read_bool(in, &truth))
        return false;
    out->integer = truth;
    return true;
}

/* ---- compared, shown ---- */

static int compare_texts(struct span a, struct span b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int result = n == 0 ? 0 : memcmp(a.p, b.p, n);
    return result != 0 ? result : (a.n > b.n) - (a.n < b.n);
}

int group_compare(const struct group_value *a, const struct group_value *b)
{
    if (a->null || b->null)
        return (int)a->null - (int)b->null;
    if (a->type == VALUE_TEXT)
        return compare_texts(a->text, b->text);
    return (a->integer > b->integer) - (a->integer < b->integer);
}

struct span group_text(const struct group_value *v, char room[GROUP_TEXT_BYTES])
{
    if (v->null || v->type == VALUE_TEXT)
        return v->text;
    if (v->type == VALUE_BOOL)
        return span_of(v->integer != 0 ? "true" : "false");
    int n = snprintf(room, GROUP_TEXT_BYTES, "%" PRId64, v->integer);
    return (struct span){room, (size_t)n};
}
