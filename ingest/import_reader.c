/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/import_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"

struct import_reader {
    char *path;
    gzFile file; /* reads what is not gzipped as it is */
    char *bytes; /* [from, to) of room IMPORT_HEAD_BYTES + 1 is not used up yet */
    size_t from, to;
    int64_t offset;     /* of bytes[from] in the text */
    int64_t file_bytes; /* 0: not known */
    uint64_t line;      /* line number at bytes[from] */
    bool at_end;        /* the file has no more */
    bool cut_off;       /* the gzip stream ends too early */
    bool is_stdin;
    enum record_kind kind;
    bool (*is_whole)(void *context, struct span line);
    void *context;
};

/* ------------------------------------------------------------------ cutting */

static bool cut_line(struct span text, struct record_cut *out)
{
    const char *end = text.n == 0 ? NULL : memchr(text.p, '\n', text.n);
    if (end == NULL)
        return false;
    size_t n = (size_t)(end - text.p);
    *out = (struct record_cut){0, n > 0 && end[-1] == '\r' ? n - 1 : n, n + 1};
    return true;
}

static bool is_between(char c) /* values: blanks, and the brackets and commas of arrays of them */
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',' || c == '[' || c == ']';
}

enum { NOT_THERE = 0 }; /* no value ends before its first byte */

static size_t string_end(struct span text, size_t i)
{
    for (i++; i < text.n && text.p[i] != '"'; i++)
        if (text.p[i] == '\\')
            i++;
    return i < text.n ? i + 1 : NOT_THERE;
}

/* Brackets are only counted: whether the value is JSON is for its parser to say. */
static size_t object_end(struct span text, size_t i)
{
    for (size_t depth = 0; i < text.n;) {
        char c = text.p[i];
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        i = c == '"' ? string_end(text, i) : i + 1;
        if (depth == 0 || i == NOT_THERE)
            return i;
    }
    return NOT_THERE;
}

static size_t word_end(struct span text, size_t i)
{
    while (i < text.n && !is_between(text.p[i]))
        i++;
    return i < text.n ? i : NOT_THERE;
}

static bool cut_json(struct span text, struct record_cut *out)
{
    size_t i = 0, end = NOT_THERE;
    while (i < text.n && is_between(text.p[i]))
        i++;
    if (i < text.n)
        end = text.p[i] == '{'   ? object_end(text, i)
              : text.p[i] == '"' ? string_end(text, i)
                                 : word_end(text, i);
    *out = (struct record_cut){i, end, end};
    return end != NOT_THERE;
}

bool record_cut(enum record_kind kind, struct span text, struct record_cut *out)
{
    return kind == RECORDS_JSON ? cut_json(text, out) : cut_line(text, out);
}

/* ------------------------------------------------------------------ reading */

static int fail(struct import_reader *r, const char *reason, struct err *e)
{
    return err_set(e, ERR_DATA, "cannot read %s: %s", r->path, reason);
}

/* Reads until the room is full or the file ends. */
static int fill(struct import_reader *r, struct err *e)
{
    if (r->from > 0)
        memmove(r->bytes, r->bytes + r->from, r->to - r->from);
    r->to -= r->from;
    r->from = 0;
    while (!r->at_end && r->to < IMPORT_HEAD_BYTES) {
        int n = gzread(r->file, r->bytes + r->to, (unsigned)(IMPORT_HEAD_BYTES - r->to));
        if (n > 0) {
            r->to += (size_t)n;
            continue;
        }
        int code = Z_OK;
        const char *text = gzerror(r->file, &code);
        r->cut_off = code == Z_BUF_ERROR;
        if (n < 0 && !r->cut_off)
            return fail(r, code == Z_ERRNO ? strerror(errno) : text, e);
        r->at_end = true;
    }
    return 0;
}

int import_reader_open(struct import_reader **out, const char *path, struct err *e)
{
    struct import_reader *r = mem_alloc(sizeof(*r));
    r->path = mem_copy_text(path);
    r->is_stdin = strcmp(path, "-") == 0;
    r->line = 1;
    r->bytes = mem_alloc(IMPORT_HEAD_BYTES + 1);
    int fd = r->is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                         : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat s;
    if (fd >= 0 && fstat(fd, &s) == 0 && S_ISREG(s.st_mode))
        r->file_bytes = s.st_size;
    r->file = fd < 0 ? NULL : gzdopen(fd, "rb");
    if (r->file == NULL) {
        fail(r, strerror(errno), e);
        if (fd >= 0)
            close(fd);
        import_reader_close(r);
        return -1;
    }
    gzbuffer(r->file, 128 * 1024);
    if (fill(r, e) != 0) {
        import_reader_close(r);
        return -1;
    }
    *out = r;
    return 0;
}

void import_reader_close(struct import_reader *r)
{
    if (r == NULL)
        return;
    if (r->file != NULL)
        gzclose_r(r->file);
    free(r->bytes);
    free(r->path);
    free(r);
}

/* Gives a whole last line the line end that it lacks. There is always a byte of room for it. */
static void end_last_line(struct import_reader *r)
{
    if (!r->at_end || r->cut_off || r->kind != RECORDS_LINES || r->to == r->from ||
        r->bytes[r->to - 1] == '\n')
        return;
    const char *end = memrchr(r->bytes + r->from, '\n', r->to - r->from);
    const char *start = end == NULL ? r->bytes + r->from : end + 1;
    if (r->is_whole(r->context, (struct span){start, (size_t)(r->bytes + r->to - start)}))
        r->bytes[r->to++] = '\n';
}

struct span import_reader_head(const struct import_reader *r)
{
    return (struct span){r->bytes + r->from, r->to - r->from};
}

bool import_reader_final(const struct import_reader *r)
{
    return !r->cut_off && (r->is_stdin || gzdirect(r->file) == 0);
}

void import_reader_set_kind(struct import_reader *r, enum record_kind kind,
                            bool (*is_whole)(void *context, struct span line), void *context)
{
    r->kind = kind;
    r->is_whole = is_whole;
    r->context = context;
    end_last_line(r);
}

void import_reader_progress(const struct import_reader *r, int64_t *done, int64_t *total)
{
    int64_t at = gzoffset(r->file);
    *total = r->file_bytes;
    *done = r->file_bytes > 0 && at > r->file_bytes ? r->file_bytes : at;
}

/* ------------------------------------------------------------------ records */

static uint64_t count_lines(struct span text)
{
    uint64_t n = 0;
    const char *p = text.p, *end = text.p + text.n;
    while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        n++;
        p++;
    }
    return n;
}

static void use_up(struct import_reader *r, size_t n)
{
    r->line += count_lines((struct span){r->bytes + r->from, n});
    r->from += n;
    r->offset += (int64_t)n;
}

static void give(struct import_reader *r, const struct record_cut *cut, struct import_record *out)
{
    use_up(r, cut->start);
    size_t n = cut->end - cut->start;
    *out = (struct import_record){
        .text = {r->bytes + r->from, n}, .line = r->line, .start = r->offset};
    use_up(r, cut->next - cut->start);
    out->end = r->offset;
}

/* What is left at the end of the text: nothing but blanks, or a record that is cut short. */
static int give_rest(struct import_reader *r, struct import_record *out)
{
    struct span rest = import_reader_head(r);
    struct record_cut cut = {.end = rest.n, .next = rest.n};
    if (r->kind == RECORDS_JSON)
        while (cut.start < rest.n && is_between(rest.p[cut.start]))
            cut.start++;
    if (cut.start == rest.n)
        return 0;
    give(r, &cut, out);
    out->cut_short = true;
    return 1;
}

/* A line beyond the bound is read over. */
static int give_too_long(struct import_reader *r, struct import_record *out, struct err *e)
{
    if (r->kind == RECORDS_JSON)
        return err_set(e, ERR_DATA, "%s line %llu: a JSON value is longer than %d bytes", r->path,
                       (unsigned long long)r->line, (int)IMPORT_MAX_RECORD_BYTES);
    *out = (struct import_record){.line = r->line, .start = r->offset, .too_long = true};
    struct record_cut cut;
    while (!cut_line(import_reader_head(r), &cut)) {
        use_up(r, r->to - r->from);
        if (r->at_end) {
            out->cut_short = true;
            break;
        }
        if (fill(r, e) != 0)
            return -1;
        end_last_line(r);
    }
    if (!out->cut_short)
        use_up(r, cut.next);
    out->text = (struct span){r->bytes, 0};
    out->end = r->offset;
    return 1;
}

int import_reader_next(struct import_reader *r, struct import_record *out, struct err *e)
{
    for (;;) {
        struct record_cut cut;
        bool found = record_cut(r->kind, import_reader_head(r), &cut);
        if (found && cut.end - cut.start <= IMPORT_MAX_RECORD_BYTES) {
            give(r, &cut, out);
            return 1;
        }
        if (!found && r->kind == RECORDS_JSON)
            use_up(r, cut.start);
        if (r->to - r->from > IMPORT_MAX_RECORD_BYTES)
            return give_too_long(r, out, e);
        if (r->at_end)
            break;
        if (fill(r, e) != 0)
            return -1;
        end_last_line(r);
    }
    if (!r->cut_off)
        return give_rest(r, out);
    return fail(r, "its gzip stream ends too early; what came before is imported", e);
}
