/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/excerpt.h"

#include <stdio.h>

#include "base/json.h"
#include "base/utf8.h"
#include "cli/job.h"

enum { BEFORE = 60, BEHIND = 40, PROBLEM_BYTES = 64 * 1024, PROBLEM_DEPTH = 8 };

static struct span line_of(struct span text, unsigned line)
{
    while (line-- > 1) {
        const char *end = text.n == 0 ? NULL : memchr(text.p, '\n', text.n);
        if (end == NULL)
            return SPAN_ABSENT;
        text = (struct span){end + 1, text.n - (size_t)(end + 1 - text.p)};
    }
    const char *end = text.n == 0 ? NULL : memchr(text.p, '\n', text.n);
    return end == NULL ? text : (struct span){text.p, (size_t)(end - text.p)};
}

/* Characters that would move the cursor, or what follows, are blanks. */
static void put_shown(struct buf *out, struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        buf_put_byte(out, c < ' ' || c == 0x7F ? ' ' : c);
    }
}

void excerpt_put(struct buf *out, struct span text, unsigned line, unsigned column)
{
    struct span shown = line_of(text, line);
    if (span_absent(shown) || line == 0 || column == 0 || column - 1 > utf8_length(shown))
        return;
    unsigned first = column > BEFORE ? column - BEFORE : 0, at = column - 1 - first;
    size_t from = utf8_skip(shown, first);
    shown = (struct span){shown.p + from, shown.n - from};
    shown.n = utf8_skip(shown, at + BEHIND);
    put_shown(out, shown);
    buf_put_byte(out, '\n');
    while (at-- > 0)
        buf_put_byte(out, ' ');
    buf_put_text(out, "^\n");
}

bool excerpt_show(const struct http_reply *refusal, struct span text)
{
    struct json *j = json_new(PROBLEM_BYTES, PROBLEM_DEPTH);
    struct json_value root;
    struct buf out = {0};
    struct err ignored = {0};
    if (refusal->body.n > 0 && json_parse(j, buf_span(&refusal->body), &root, &ignored) == 0 &&
        root.type == JSON_OBJECT) {
        double line = job_number(j, &root, "line"), column = job_number(j, &root, "column");
        if (line >= 1 && line <= PROBLEM_BYTES && column >= 1 && column <= PROBLEM_BYTES + 1)
            excerpt_put(&out, text, (unsigned)line, (unsigned)column);
    }
    bool found = out.n > 0;
    fprintf(stderr, "%.*s", SPAN_ARGS(buf_span(&out)));
    buf_clear(&out);
    json_free(j);
    return found;
}
