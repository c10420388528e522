/* SPDX-License-Identifier: Apache-2.0 */
#include "base/writer.h"

#include <assert.h>
#include <math.h>

#include "base/pack.h"

struct writer writer_to(struct buf *out, enum writer_form form)
{
    return (struct writer){.out = out, .form = form};
}

/* Before a key or value: the comma or colon, and the count. */
static void before(struct writer *w)
{
    if (w->depth == 0)
        return;
    unsigned top = w->depth - 1;
    assert(w->open[top].left > 0);
    bool is_value_of_pair = w->open[top].is_map && w->open[top].left % 2 == 1;
    w->open[top].left--;
    if (w->form == WRITE_JSON && is_value_of_pair)
        buf_put_byte(w->out, ':');
    else if (w->form == WRITE_JSON && !w->open[top].first)
        buf_put_byte(w->out, ',');
    w->open[top].first = false;
}

/* After a value: closes every container that is complete. */
static void after(struct writer *w)
{
    while (w->depth > 0 && w->open[w->depth - 1].left == 0) {
        w->depth--;
        if (w->form == WRITE_JSON)
            buf_put_byte(w->out, w->open[w->depth].is_map ? '}' : ']');
    }
}

static void open_container(struct writer *w, uint32_t left, bool is_map)
{
    before(w);
    assert(w->depth < WRITER_MAX_DEPTH);
    if (w->form == WRITE_JSON)
        buf_put_byte(w->out, is_map ? '{' : '[');
    else if (is_map)
        pack_map(w->out, left / 2);
    else
        pack_array(w->out, left);
    w->open[w->depth].left = left;
    w->open[w->depth].is_map = is_map;
    w->open[w->depth].first = true;
    w->depth++;
    after(w);
}

void writer_map(struct writer *w, uint32_t n_pairs)
{
    open_container(w, 2 * n_pairs, true);
}

void writer_array(struct writer *w, uint32_t n)
{
    open_container(w, n, false);
}

void writer_text(struct writer *w, struct span text)
{
    before(w);
    if (w->form == WRITE_JSON)
        buf_put_json(w->out, text);
    else
        pack_text(w->out, text);
    after(w);
}

void writer_key_span(struct writer *w, struct span key)
{
    assert(w->depth > 0 && w->open[w->depth - 1].is_map && w->open[w->depth - 1].left % 2 == 0);
    writer_text(w, key);
}

void writer_key(struct writer *w, const char *key)
{
    writer_key_span(w, span_of(key));
}

static void put_digits(struct buf *out, int64_t value)
{
    char text[20], *p = text + sizeof text;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do
        *--p = (char)('0' + rest % 10);
    while ((rest /= 10) != 0);
    if (value < 0)
        *--p = '-';
    buf_put(out, p, (size_t)(text + sizeof text - p));
}

void writer_int(struct writer *w, int64_t value)
{
    before(w);
    if (w->form == WRITE_JSON)
        put_digits(w->out, value);
    else
        pack_int(w->out, value);
    after(w);
}

void writer_double(struct writer *w, double value)
{
    if (w->form == WRITE_JSON && !isfinite(value)) {
        writer_null(w); /* JSON has no such numbers */
        return;
    }
    before(w);
    if (w->form == WRITE_JSON)
        buf_printf(w->out, "%.15g", value);
    else
        pack_double(w->out, value);
    after(w);
}

void writer_bool(struct writer *w, bool value)
{
    before(w);
    if (w->form == WRITE_JSON)
        buf_put_text(w->out, value ? "true" : "false");
    else
        pack_bool(w->out, value);
    after(w);
}

void writer_null(struct writer *w)
{
    writer_text(w, SPAN_ABSENT);
}

void writer_json(struct writer *w, struct span json)
{
    assert(w->form == WRITE_JSON);
    before(w);
    buf_put_span(w->out, json);
    after(w);
}

void writer_put_text(struct writer *w, const char *key, struct span text)
{
    writer_key(w, key);
    writer_text(w, text);
}

void writer_put_int(struct writer *w, const char *key, int64_t value)
{
    writer_key(w, key);
    writer_int(w, value);
}

void writer_put_bool(struct writer *w, const char *key, bool value)
{
    writer_key(w, key);
    writer_bool(w, value);
}

void writer_end(const struct writer *w)
{
    assert(w->depth == 0);
}
