/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: parsing into a flat tape and walking it forward (simdjson's DOM behind a C interface).
 * RFC 8259, strictly: valid UTF-8 only, no lone surrogates, a bounded depth. Strings come
 * unescaped and in place; numbers come with the text as written, of any size.
 *
 * A parser holds one document at a time: values and spans are valid until its next json_parse.
 * One thread at a time. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

#ifdef __cplusplus
extern "C" {
#endif

struct json;

enum { JSON_PADDING = 64 }; /* readable bytes that must follow a text given to json_parse_padded */

enum json_type {
    JSON_NULL,
    JSON_BOOL,
    JSON_INT,  /* fits int64 */
    JSON_UINT, /* above INT64_MAX, fits uint64 */
    JSON_REAL, /* a finite double */
    JSON_BIG,  /* a number that is none of these: json_number_text gives it */
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json_value {
    enum json_type type;
    uint32_t mark; /* private: which of the text's tokens it starts at */
    union {
        bool boolean;
        int64_t integer;
        uint64_t natural;
        double real;
        struct span text;
        uint32_t at; /* private: a container's place on the tape */
    };
};

struct json_member {
    struct span key; /* absent in an array */
    struct json_value value;
};

struct json_walk {
    const struct json *json;
    uint32_t at, end, mark;
    bool keyed;
};

/* Memory grows with the texts, up to max_bytes each. Containers nest at most max_depth deep. */
struct json *json_new(size_t max_bytes, unsigned max_depth);
void json_free(struct json *j);

/* Copies the text, so that it needs no padding. Refuses NUL (\u0000) in strings and keys. The text
 * must stay in place as long as json_number_text is used. ERR_INPUT says what is wrong. */
int json_parse(struct json *j, struct span text, struct json_value *root, struct err *e) MUST_CHECK;

/* For the hot path: JSON_PADDING bytes after the text must be readable (of any content), nothing is
 * copied. Strings may hold NUL when json_has_escapes is true: the caller checks. */
int json_parse_padded(struct json *j, struct span text, struct json_value *root,
                      struct err *e) MUST_CHECK;
bool json_has_escapes(const struct json *j); /* in the last document: looks through its text */

/* Gives memory back that a large document needed. */
void json_trim(struct json *j);

/* Children of an array or object; 16,777,215 stands for that and more. */
uint32_t json_count(const struct json *j, const struct json_value *container);

/* Walks the members of an object or the elements of an array in order. Keys given twice are given
 * twice: who cares, checks (json_get does). */
struct json_walk json_enter(const struct json *j, const struct json_value *container);
bool json_next(struct json_walk *w, struct json_member *m);

/* A number as it was written. */
struct span json_number_text(const struct json *j, const struct json_value *number);

/* The member of an object: 1 found, 0 not there, -1 there more than once (ERR_INPUT). */
int json_get(const struct json *j, const struct json_value *object, const char *key,
             struct json_value *out, struct err *e) MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
