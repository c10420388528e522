/* SPDX-License-Identifier: Apache-2.0 */
/* Casts to text: bools, ints and uuids as PostgreSQL writes them. */
#include "views/eval_internal.h"

enum { INT_BYTES = 40, UUID_BYTES = 16, UUID_TEXT_BYTES = 36 };

static struct span of_int(const struct run *r, const struct arg *args, const void *context)
{
    (void)context;
    char digits[INT_BYTES];
    int128 n = args[0].number;
    unsigned __int128 left = n < 0 ? -(unsigned __int128)n : (unsigned __int128)n;
    size_t at = sizeof(digits);
    do
        digits[--at] = (char)('0' + (int)(left % 10));
    while ((left /= 10) != 0);
    if (n < 0)
        digits[--at] = '-';
    return arena_copy(r->memory, (struct span){digits + at, sizeof(digits) - at});
}

static struct span of_uuid(const struct run *r, const struct arg *args, const void *context)
{
    (void)context;
    static const char hex[] = "0123456789abcdef";
    char *text = arena_alloc(r->memory, UUID_TEXT_BYTES), *at = text;
    for (size_t i = 0; i < UUID_BYTES; i++) {
        unsigned char byte = (unsigned char)args[0].text.p[i];
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = hex[byte >> 4];
        *at++ = hex[byte & 15];
    }
    return (struct span){text, UUID_TEXT_BYTES};
}

static struct texts of_bool(const struct run *r, const struct expr *arg)
{
    static const struct span names[] = {
        [TRUTH_FALSE] = {"false", 5}, [TRUTH_NULL] = {NULL, 0}, [TRUTH_TRUE] = {"true", 4}};
    struct truths t = truths_of(r, arg);
    if (t.of_row == NULL)
        return texts_all(names[t.all]);
    struct span *out = texts_new(r);
    for (uint32_t i = 0; i < r->rows->count; i++)
        out[i] = names[t.of_row[i]];
    return texts_rows(out);
}

struct texts text_cast(const struct run *r, const struct expr *x)
{
    enum value_type from = x->args[0]->type;
    struct row_function f = {.text = from == VALUE_INT ? of_int : of_uuid};
    return from == VALUE_BOOL ? of_bool(r, x->args[0]) : map_texts(r, x, &f);
}
