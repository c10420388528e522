/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/import.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "ingest/import_event.h"
#include "ingest/import_reader.h"
#include "ingest/import_source.h"

enum { EVENT_DEPTH = 64, ANSWER_BYTES = 8 * 1024 * 1024, ANSWER_DEPTH = 8, DETECT_LINES = 100 };

/* What one pass over one text knows. */
struct pass {
    const struct import_options *o;
    const char *path;
    struct import_reader *reader;
    enum record_kind kind;
    enum access_format lines; /* ACCESS_UNKNOWN: records are JSON events */
    struct import_source source;
    struct import_counts *counts;
    unsigned passes; /* over this text: more than one when another import overtook it */

    struct buf body; /* the batch: a line per event */
    int64_t batch_end;
    struct import_counts pending; /* of the batch; counted when it is in */
    uint64_t event_lines[IMPORT_BATCH_RECORDS];
    size_t n_events, n_records;

    struct json *events, *answers;
    struct arena memory; /* of one line */
};

enum pass_end { PASS_DONE = 0, PASS_FAILED = -1, PASS_AGAIN = 1 };

/* ------------------------------------------------------------------ formats */

static bool is_blank(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != ' ' && s.p[i] != '\t' && s.p[i] != '\r' && s.p[i] != '\n')
            return false;
    return true;
}

static struct span first_line(struct span head)
{
    const char *end = head.n == 0 ? NULL : memchr(head.p, '\n', head.n);
    struct span line = {head.p, end == NULL ? head.n : (size_t)(end - head.p)};
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

static struct span after_line(struct span head, struct span line)
{
    const char *end = memchr(line.p + line.n, '\n', head.n - line.n);
    size_t used = end == NULL ? head.n : (size_t)(end + 1 - head.p);
    return (struct span){head.p + used, head.n - used};
}

static struct span first_word(struct span head)
{
    size_t i = 0;
    while (i < head.n &&
           (head.p[i] == ' ' || head.p[i] == '\t' || head.p[i] == '\r' || head.p[i] == '\n'))
        i++;
    return (struct span){head.p + i, head.n - i};
}

/* JSON by its first bytes: an array, or an object that its line does not end, is "json". */
static bool detect_json(struct pass *p, struct span head)
{
    struct span text = first_word(head);
    if (text.n == 0 || (text.p[0] != '{' && text.p[0] != '['))
        return false;
    struct json_value root;
    bool is_line = text.p[0] == '{' && json_parse(p->events, first_line(text), &root, NULL) == 0;
    p->kind = is_line ? RECORDS_LINES : RECORDS_JSON;
    return true;
}

/* The format of the first of the first lines that has one: a log may begin with a broken one. */
static enum access_format detect_lines(struct pass *p, struct span head)
{
    enum access_format found = ACCESS_UNKNOWN;
    for (int i = 0; i < DETECT_LINES && head.n > 0 && found == ACCESS_UNKNOWN; i++) {
        struct span line = first_line(head);
        found = access_log_detect(line, &p->memory);
        head = after_line(head, line);
    }
    arena_reset(&p->memory);
    return found;
}

static int choose_format(struct pass *p, struct err *e)
{
    const char *name = p->o->format;
    struct span head = import_reader_head(p->reader);
    bool is_auto = strcmp(name, "auto") == 0, is_json = strcmp(name, "json") == 0;
    p->kind = is_json ? RECORDS_JSON : RECORDS_LINES;
    p->lines = access_log_format(name);
    if (p->lines == ACCESS_UNKNOWN && !is_auto && !is_json && strcmp(name, "ndjson") != 0)
        return err_set(e, ERR_INPUT,
                       "unknown format \"%s\": use one of auto, combined, common, "
                       "vhost_combined, json, ndjson",
                       name);
    if (is_auto && !is_blank(head) && !detect_json(p, head)) {
        p->lines = detect_lines(p, head);
        bool has_line = memchr(head.p, '\n', head.n) != NULL || import_reader_final(p->reader);
        if (p->lines == ACCESS_UNKNOWN && !has_line)
            p->lines = ACCESS_VHOST_COMBINED; /* the one line stays for the next import anyway */
        if (p->lines == ACCESS_UNKNOWN)
            return err_set(e, ERR_INPUT,
                           "%s: none of its first %d lines is in a known format: "
                           "give --format",
                           p->path, DETECT_LINES);
    }
    if (p->o->site == NULL && (p->lines == ACCESS_COMMON || p->lines == ACCESS_COMBINED))
        return err_set(e, ERR_INPUT, "%s: its lines do not name a host: give --site", p->path);
    return 0;
}

/* Whether a last line without line end is all there. Combined lines and JSON end with a bracket or
 * a quote; the number that ends a common line may go on, unless the text cannot. */
static bool is_whole(void *context, struct span line)
{
    struct pass *p = context;
    struct json_value root;
    struct access_line l;
    if (p->lines == ACCESS_UNKNOWN)
        return json_parse(p->events, line, &root, NULL) == 0;
    if (p->lines == ACCESS_COMMON && !import_reader_final(p->reader))
        return false;
    bool whole = access_log_parse(line, p->lines, &p->memory, &l, NULL) == 0;
    arena_reset(&p->memory);
    return whole;
}

/* ------------------------------------------------------------------ the batch */

static void tell_rejected(struct pass *p, uint64_t line, const char *reason)
{
    if (p->o->on_rejected != NULL)
        p->o->on_rejected(p->o->context, p->path, line, reason);
}

static uint64_t number_of(const struct json *j, const struct json_value *object, const char *key)
{
    struct json_value v;
    return json_get(j, object, key, &v, NULL) == 1 && v.type == JSON_INT && v.integer >= 0
               ? (uint64_t)v.integer
               : 0;
}

static struct span text_of(const struct json *j, const struct json_value *object, const char *key)
{
    struct json_value v;
    return json_get(j, object, key, &v, NULL) == 1 && v.type == JSON_STRING ? v.text
                                                                            : SPAN_LITERAL("");
}

static void count_refused(struct pass *p, const struct json_value *refused)
{
    uint64_t index = number_of(p->answers, refused, "index");
    struct span field = text_of(p->answers, refused, "field");
    struct span reason = text_of(p->answers, refused, "reason");
    char text[300];
    snprintf(text, sizeof(text), "%.*s%s%.*s", field.n > 100 ? 100 : (int)field.n, field.p,
             field.n > 0 ? " " : "", reason.n > 150 ? 150 : (int)reason.n, reason.p);
    p->pending.rejected++;
    if (index < p->n_events)
        tell_rejected(p, p->event_lines[index], text);
}

static int count_answer(struct pass *p, struct span answer, struct err *e)
{
    struct json_value root, refused;
    if (json_parse(p->answers, answer, &root, e) != 0 || root.type != JSON_OBJECT)
        return err_set(e, ERR_DATA, "the service's answer to an import is not a JSON object");
    p->pending.accepted = number_of(p->answers, &root, "accepted");
    p->pending.duplicate = number_of(p->answers, &root, "duplicates");
    if (json_get(p->answers, &root, "rejected", &refused, NULL) == 1 &&
        refused.type == JSON_ARRAY) {
        struct json_walk walk = json_enter(p->answers, &refused);
        for (struct json_member m; json_next(&walk, &m);)
            count_refused(p, &m.value);
    }
    return 0;
}

static void begin_batch(struct pass *p)
{
    p->n_events = p->n_records = 0;
    p->pending = (struct import_counts){0};
    buf_reset(&p->body);
}

static void finish_batch(struct pass *p)
{
    struct import_counts *all = p->counts, *new = &p->pending;
    all->read += new->read;
    all->accepted += new->accepted;
    all->duplicate += new->duplicate;
    all->skipped += new->skipped;
    all->rejected += new->rejected;
    p->source.position = p->batch_end;
    begin_batch(p);
    struct import_progress progress = {.path = p->path, .counts = all};
    import_reader_progress(p->reader, &progress.done, &progress.total);
    if (p->o->on_progress != NULL)
        p->o->on_progress(p->o->context, &progress);
}

static enum pass_end post_batch(struct pass *p, struct err *e)
{
    const struct import_service *service = p->o->service;
    struct import_post post = {p->source.name, p->source.position, p->batch_end,
                               buf_span(&p->body)};
    struct buf answer = {.max = ANSWER_BYTES};
    int status = 0;
    enum pass_end end = PASS_DONE;
    if (service->post(service->context, &post, &status, &answer, e) != 0)
        end = PASS_FAILED;
    else if (status == 409)
        end = PASS_AGAIN;
    else if (count_answer(p, buf_span(&answer), e) != 0)
        end = PASS_FAILED;
    else
        finish_batch(p);
    buf_clear(&answer);
    return end;
}

/* ------------------------------------------------------------------ records */

static void refuse(struct pass *p, const struct import_record *r, const char *reason)
{
    p->pending.rejected++;
    tell_rejected(p, r->line, reason);
}

/* 1: an event was put into the body, 0: skipped, -1: refused. */
static int put_event(struct pass *p, struct span text, struct err *e)
{
    struct access_line line;
    if (p->lines == ACCESS_UNKNOWN)
        return import_event_of_json(&p->body, p->events, text, p->o->site, e) == 0 ? 1 : -1;
    if (access_log_parse(text, p->lines, &p->memory, &line, e) != 0)
        return -1;
    if (!access_log_is_page_view(&line))
        return 0;
    return import_event_of_line(&p->body, &line, p->o->site, e) == 0 ? 1 : -1;
}

static void take_record(struct pass *p, const struct import_record *r)
{
    p->pending.read++;
    struct err e = {0};
    if (r->start < p->source.position)
        refuse(p, r, "goes on a line that was imported before it was whole");
    else if (r->too_long)
        refuse(p, r, "is longer than 256 KiB");
    else if (r->cut_short)
        refuse(p, r, "is cut short: the text ends within it");
    else {
        size_t before = p->body.n;
        int put = put_event(p, r->text, &e);
        if (put > 0)
            p->event_lines[p->n_events++] = r->line;
        else
            p->body.n = before;
        if (put == 0)
            p->pending.skipped++;
        else if (put < 0)
            refuse(p, r, e.text);
    }
    arena_reset(&p->memory);
}

/* Blank lines between JSON events, and the line end of a last line that was taken without it. */
static bool is_nothing(const struct pass *p, const struct import_record *r)
{
    if (r->too_long)
        return false;
    if (r->start < p->source.position)
        return r->text.n <= (size_t)(p->source.position - r->start);
    return p->lines == ACCESS_UNKNOWN && is_blank(r->text);
}

/* A record the text ends within: it stays for the next import, and the position before it. Where
 * the text is final it is refused all the same. */
static void leave_record(struct pass *p, const struct import_record *r)
{
    if (import_reader_final(p->reader))
        take_record(p, r);
    else if (p->o->on_note != NULL)
        p->o->on_note(p->o->context, p->path,
                      "its last line is not whole yet and stays for the next import");
}

static enum pass_end run(struct pass *p, struct err *e)
{
    struct import_record r;
    int more;
    begin_batch(p);
    p->batch_end = p->source.position;
    while ((more = import_reader_next(p->reader, &r, e)) == 1) {
        if (r.end <= p->source.position)
            continue;
        if (r.cut_short) {
            leave_record(p, &r);
            continue;
        }
        if (!is_nothing(p, &r))
            take_record(p, &r);
        p->batch_end = r.end;
        if (++p->n_records == IMPORT_BATCH_RECORDS || p->body.n >= IMPORT_BATCH_BYTES) {
            enum pass_end end = post_batch(p, e);
            if (end != PASS_DONE)
                return end;
        }
    }
    enum pass_end last = PASS_DONE;
    if (p->batch_end > p->source.position)
        last = post_batch(p, more < 0 ? NULL : e);
    else if (p->pending.read > 0)
        finish_batch(p); /* nothing but a record that is cut short */
    return more < 0 ? PASS_FAILED : last;
}

/* ------------------------------------------------------------------ the file */

static enum pass_end open_and_run(struct pass *p, struct err *e)
{
    if (import_reader_open(&p->reader, p->path, e) != 0 || choose_format(p, e) != 0)
        return PASS_FAILED;
    import_reader_set_kind(p->reader, p->kind, is_whole, p);
    int64_t overtaken_at = p->passes++ > 0 ? p->source.position : -1;
    if (import_source_find(&p->source, import_reader_head(p->reader), p->kind, p->o, e) != 0)
        return PASS_FAILED;
    if (p->source.position <= overtaken_at)
        return err_set(e, ERR_DATA,
                       "%s: the service refused position %" PRId64
                       ", but has it stored as %" PRId64,
                       p->path, overtaken_at, p->source.position);
    return run(p, e);
}

/* A pass that another import overtook begins again where that one is: each time further on, so this
 * ends. */
int import_file(const struct import_options *o, const char *path, struct import_counts *counts,
                struct err *e)
{
    struct pass *p = mem_alloc(sizeof(*p));
    p->o = o;
    p->path = path;
    p->counts = counts;
    p->events = json_new(IMPORT_MAX_RECORD_BYTES, EVENT_DEPTH);
    p->answers = json_new(ANSWER_BYTES, ANSWER_DEPTH);
    enum pass_end end = PASS_AGAIN;
    while (end == PASS_AGAIN) {
        end = open_and_run(p, e);
        if (end == PASS_AGAIN && strcmp(path, "-") == 0)
            end = err_set(e, ERR_BUSY,
                          "another import of the same text is running: "
                          "let it end, then repeat");
        import_reader_close(p->reader);
        p->reader = NULL;
    }
    json_free(p->events);
    json_free(p->answers);
    buf_clear(&p->body);
    arena_clear(&p->memory);
    free(p);
    return end == PASS_DONE ? 0 : -1;
}
