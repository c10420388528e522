/* SPDX-License-Identifier: Apache-2.0 */
/* simdjson behind base/json.h. The tape's words are simdjson's documented format (its doc/tape.md):
 * the type in the top byte; a container's start holds the place after its end (low 32 bits) and its
 * count (24 bits); a string holds the place of its length and bytes; numbers take a second word.
 *
 * simdjson's first stage lists where each token of the text starts: brackets, colons, commas,
 * opening quotes, first characters of scalars. A walk counts them along ("mark"), which is how
 * json_number_text finds a number as it was written.
 *
 * Numbers beyond uint64 and double are valid JSON, but simdjson refuses them. Then, and only then,
 * the text is parsed again from a copy in which such numbers are replaced by harmless ones of the
 * same length; where text and copy differ, the value is JSON_BIG. */
extern "C" {
#include "base/err.h"
#include "base/mem.h"
}
#include "base/json.h"

#include <simdjson.h>

#include <cstdlib>
#include <cstring>
#include <new>

static_assert(JSON_PADDING >= simdjson::SIMDJSON_PADDING, "padding");

struct json {
    simdjson::dom::parser *parser;
    size_t max_bytes;
    unsigned max_depth;
    char *copy; /* padded */
    size_t copy_capacity;
    const char *written; /* the caller's text */
    const char *parsed;  /* what the tape was made from: the caller's text or the copy */
    size_t n;
};

namespace
{

constexpr size_t first_capacity = 64 * 1024;
constexpr size_t trim_above = 1024 * 1024;
constexpr uint64_t payload_mask = (uint64_t(1) << 56) - 1;

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool in_number(char c)
{
    return is_digit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/* Room for a text of n bytes, in steps of powers of two so that growing is rare. */
simdjson::error_code make_room(struct json *j, size_t n)
{
    size_t capacity = first_capacity;
    while (capacity < n)
        capacity *= 2;
    if (j->parser == nullptr) {
        j->parser = new (std::nothrow) simdjson::dom::parser();
        if (j->parser == nullptr)
            return simdjson::MEMALLOC;
    }
    if (j->parser->capacity() >= n && j->parser->doc.capacity() >= n)
        return simdjson::SUCCESS;
    auto error = j->parser->doc.allocate(capacity);
    return error ? error : j->parser->allocate(capacity, j->max_depth);
}

char *copy_text(struct json *j, const char *text, size_t n)
{
    if (j->copy_capacity < n + JSON_PADDING) {
        j->copy_capacity = (n + JSON_PADDING) * 2;
        j->copy = static_cast<char *>(mem_resize(j->copy, j->copy_capacity));
    }
    if (n != 0)
        memcpy(j->copy, text, n);
    memset(j->copy + n, ' ', JSON_PADDING);
    return j->copy;
}

size_t digits_at(const char *p, const char *end)
{
    const char *start = p;
    while (p < end && is_digit(*p))
        p++;
    return size_t(p - start);
}

/* Makes the number at p harmless if it may be out of range, keeping its length and its grammar: at
 * most 18 digits before the point, no exponent of four digits or above 250. Returns its end. */
char *tame_number(char *p, char *end)
{
    if (p < end && *p == '-')
        p++;
    size_t whole = digits_at(p, end);
    char *at = p + whole;
    bool point = at < end && *at == '.';
    if (whole > 18 && p[0] != '0') {
        p[1] = '.';
        if (point)
            *at = '0';
    }
    if (point)
        at += 1 + digits_at(at + 1, end);
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        size_t n = digits_at(at, end);
        if (n > 3 || (n == 3 && memcmp(at, "250", 3) > 0))
            memset(at, '0', n);
        at += n;
    }
    return at;
}

/* A pass over the tokens outside strings. The grammar is the second parse's business. */
void tame_numbers(char *p, char *end)
{
    while (p < end) {
        if (*p == '"') {
            for (p++; p < end && *p != '"'; p++)
                if (*p == '\\')
                    p++;
            p++;
        } else if (*p == '-' || is_digit(*p)) {
            char *next = tame_number(p, end);
            p = next > p ? next : p + 1;
        } else {
            p++;
        }
    }
}

int refuse(const struct json *j, simdjson::error_code error, struct err *e)
{
    switch (error) {
    case simdjson::DEPTH_ERROR:
        return err_set(e, ERR_INPUT, "is not acceptable JSON: nested deeper than %u", j->max_depth);
    case simdjson::UTF8_ERROR:
        return err_set(e, ERR_INPUT, "is not JSON: invalid UTF-8");
    case simdjson::EMPTY:
        return err_set(e, ERR_INPUT, "is not JSON: nothing there");
    case simdjson::STRING_ERROR:
        return err_set(e, ERR_INPUT, "is not JSON: a string with a wrong escape");
    case simdjson::UNCLOSED_STRING:
        return err_set(e, ERR_INPUT, "is not JSON: a string without its closing quote");
    case simdjson::UNESCAPED_CHARS:
        return err_set(e, ERR_INPUT, "is not JSON: a control character inside a string");
    case simdjson::NUMBER_ERROR:
        return err_set(e, ERR_INPUT, "is not JSON: a malformed number");
    case simdjson::MEMALLOC:
        abort(); /* out of memory aborts everywhere */
    default:
        return err_set(e, ERR_INPUT,
                       "is not JSON: misplaced or missing brackets, commas or values");
    }
}

const uint64_t *tape_of(const struct json *j)
{
    return j->parser->doc.tape.get();
}

struct span string_at(const struct json *j, uint64_t word)
{
    const uint8_t *p = j->parser->doc.string_buf.get() + (word & payload_mask);
    uint32_t n;
    memcpy(&n, p, sizeof(n));
    return {reinterpret_cast<const char *>(p) + sizeof(n), n};
}

const uint32_t *marks_of(const struct json *j)
{
    return j->parser->implementation->structural_indexes.get();
}

/* Marks of the value at this mark: 1 for a scalar, up to the closing bracket for a container. */
uint32_t marks_in(const struct json *j, uint32_t mark)
{
    const uint32_t *marks = marks_of(j);
    unsigned depth = 0;
    uint32_t m = mark;
    do {
        char c = j->parsed[marks[m++]];
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
    } while (depth != 0);
    return m - mark;
}

void read_number(const struct json *j, const uint64_t *word, struct json_value *v)
{
    switch (*word >> 56) {
    case 'l':
        v->type = JSON_INT;
        break;
    case 'u':
        v->type = JSON_UINT;
        break;
    default:
        v->type = JSON_REAL;
    }
    memcpy(&v->integer, word + 1, sizeof(uint64_t));
    if (j->parsed == j->written || v->type != JSON_REAL)
        return;
    struct span text = json_number_text(j, v);
    if (memcmp(text.p, j->parsed + (text.p - j->written), text.n) != 0)
        v->type = JSON_BIG;
}

/* Reads the value at a place of the tape; returns the place after it. */
uint32_t read_value(const struct json *j, uint32_t at, uint32_t mark, struct json_value *v)
{
    const uint64_t *word = tape_of(j) + at;
    v->mark = mark;
    switch (*word >> 56) {
    case '"':
        v->type = JSON_STRING;
        v->text = string_at(j, *word);
        return at + 1;
    case 'l':
    case 'u':
    case 'd':
        read_number(j, word, v);
        return at + 2;
    case '{':
    case '[':
        v->type = *word >> 56 == '{' ? JSON_OBJECT : JSON_ARRAY;
        v->at = at;
        return uint32_t(*word & payload_mask);
    case 'n':
        v->type = JSON_NULL;
        return at + 1;
    default:
        v->type = JSON_BOOL;
        v->boolean = *word >> 56 == 't';
        return at + 1;
    }
}

bool any_nul(const struct json *j)
{
    const uint64_t *tape = tape_of(j);
    uint32_t end = uint32_t(tape[0] & payload_mask);
    for (uint32_t i = 1; i < end; i++) {
        char type = char(tape[i] >> 56);
        if (type == 'l' || type == 'u' || type == 'd')
            i++;
        struct span s = type == '"' ? string_at(j, tape[i]) : span{nullptr, 0};
        if (s.n != 0 && memchr(s.p, 0, s.n) != nullptr)
            return true;
    }
    return false;
}

int parse(struct json *j, struct span text, struct json_value *root, struct err *e)
{
    if (text.n > j->max_bytes)
        return err_set(e, ERR_INPUT, "is longer than %zu bytes", j->max_bytes);
    auto error = make_room(j, text.n);
    if (!error)
        error = j->parser->parse(j->parsed, text.n, false).error();
    if (error == simdjson::NUMBER_ERROR) {
        if (j->parsed == j->written)
            j->parsed = copy_text(j, text.p, text.n);
        tame_numbers(j->copy, j->copy + text.n);
        error = j->parser->parse(j->parsed, text.n, false).error();
    }
    if (error)
        return refuse(j, error, e);
    j->n = text.n;
    read_value(j, 1, 0, root);
    return 0;
}

} // namespace

struct json *json_new(size_t max_bytes, unsigned max_depth)
{
    struct json *j = static_cast<struct json *>(mem_alloc(sizeof(*j)));
    j->max_bytes = max_bytes;
    j->max_depth = max_depth;
    return j;
}

void json_free(struct json *j)
{
    if (j == nullptr)
        return;
    delete j->parser;
    free(j->copy);
    free(j);
}

void json_trim(struct json *j)
{
    if (j->parser != nullptr && j->parser->capacity() > trim_above) {
        delete j->parser;
        j->parser = nullptr;
    }
    if (j->copy_capacity > trim_above) {
        free(j->copy);
        j->copy = nullptr;
        j->copy_capacity = 0;
    }
}

int json_parse(struct json *j, struct span text, struct json_value *root, struct err *e)
{
    if (text.n <= j->max_bytes)
        copy_text(j, text.p, text.n);
    j->written = text.p;
    j->parsed = j->copy;
    if (parse(j, text, root, e) != 0)
        return -1;
    if (json_has_escapes(j) && any_nul(j))
        return err_set(e, ERR_INPUT, "holds a string with the character NUL (\\u0000)");
    return 0;
}

int json_parse_padded(struct json *j, struct span text, struct json_value *root, struct err *e)
{
    j->written = j->parsed = text.p;
    return parse(j, text, root, e);
}

bool json_has_escapes(const struct json *j)
{
    return j->n != 0 && memchr(j->parsed, '\\', j->n) != nullptr;
}

uint32_t json_count(const struct json *j, const struct json_value *container)
{
    return uint32_t(tape_of(j)[container->at] >> 32) & 0xffffff;
}

struct json_walk json_enter(const struct json *j, const struct json_value *container)
{
    struct json_walk w;
    w.json = j;
    w.at = container->at + 1;
    w.end = uint32_t(tape_of(j)[container->at] & payload_mask) - 1;
    w.mark = container->mark + 1;
    w.keyed = container->type == JSON_OBJECT;
    return w;
}

bool json_next(struct json_walk *w, struct json_member *m)
{
    if (w->at >= w->end)
        return false;
    m->key = SPAN_ABSENT;
    if (w->keyed) {
        m->key = string_at(w->json, tape_of(w->json)[w->at++]);
        w->mark += 2; /* the key's quote and the colon */
    }
    w->at = read_value(w->json, w->at, w->mark, &m->value);
    bool container = m->value.type == JSON_OBJECT || m->value.type == JSON_ARRAY;
    w->mark +=
        (container && w->at < w->end ? marks_in(w->json, w->mark) : 1) + 1; /* and the comma */
    return true;
}

struct span json_number_text(const struct json *j, const struct json_value *number)
{
    size_t at = marks_of(j)[number->mark], end = at;
    while (end < j->n && in_number(j->written[end]))
        end++;
    return {j->written + at, end - at};
}

int json_get(const struct json *j, const struct json_value *object, const char *key,
             struct json_value *out, struct err *e)
{
    int found = 0;
    struct json_walk w = json_enter(j, object);
    struct json_member m;
    while (json_next(&w, &m)) {
        if (!span_is(m.key, key))
            continue;
        if (found++ != 0)
            return err_set(e, ERR_INPUT, "\"%s\" is given twice", key);
        *out = m.value;
    }
    return found;
}
