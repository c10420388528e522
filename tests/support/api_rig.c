/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/api_rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum { DEADLINE_MS = 60000, MAX_ANSWER = 64 << 20 };

static struct api_rig the_rig;

struct api_rig *rig(void)
{
    if (the_rig.footfall.url == NULL) {
        support_footfall_start(&the_rig.footfall, NULL, NULL);
        the_rig.json = json_new(MAX_ANSWER, 32);
    }
    return &the_rig;
}

void rig_clear(void)
{
    support_footfall_clear(&the_rig.footfall);
    json_free(the_rig.json);
    the_rig = (struct api_rig){0};
}

static const char *put_header(struct buf *text, const char *name, const char *value)
{
    if (value == NULL)
        return NULL;
    buf_printf(text, "%s: %s", name, value);
    buf_put_byte(text, 0);
    return (const char *)text->p;
}

static struct support_answer ask(const struct rig_request *q, const char *path)
{
    struct support_footfall *f = &rig()->footfall;
    struct buf headers[3] = {{0}};
    const char *lines[4] = {0};
    unsigned n = 0;
    const char *const all[3][2] = {{"accept", q->accept},
                                   {"if-none-match", q->if_none_match},
                                   {"content-type", q->content_type}};
    for (unsigned i = 0; i < 3; i++)
        if (all[i][1] != NULL)
            lines[n++] = put_header(&headers[i], all[i][0], all[i][1]);
    char *url = mem_format("%s%s", f->url, path);
    const char *token = q->token == NULL ? f->admin_token : q->token;
    struct support_http request = {.method = q->method,
                                   .url = url,
                                   .token = token[0] == '\0' ? NULL : token,
                                   .headers = {lines[0], lines[1], lines[2]},
                                   .body = span_of(q->body)};
    struct support_answer a = support_http(&request);
    for (unsigned i = 0; i < 3; i++)
        buf_clear(&headers[i]);
    free(url);
    return a;
}

struct support_answer rig_ask(const struct rig_request *q, const char *format, ...)
{
    char path[2000];
    va_list args;
    va_start(args, format);
    vsnprintf(path, sizeof path, format, args);
    va_end(args);
    return ask(q, path);
}

struct support_answer rig_get(const char *format, ...)
{
    char path[2000];
    va_list args;
    va_start(args, format);
    vsnprintf(path, sizeof path, format, args);
    va_end(args);
    return ask(&(struct rig_request){0}, path);
}

void rig_expect(const struct support_answer *a, int status)
{
    if (a->status != status)
        fail_msg("status %d, not %d: %s", a->status, status,
                 a->body.p == NULL ? "" : (const char *)a->body.p);
}

struct json_value rig_json(const struct support_answer *a)
{
    struct json_value root;
    struct err e = {0};
    if (json_parse(the_rig.json, buf_span(&a->body), &root, &e) != 0)
        fail_msg("%s: %.500s", e.text, a->body.p == NULL ? "" : (const char *)a->body.p);
    return root;
}

struct json_value rig_member(const struct json_value *object, const char *name)
{
    struct json_value found;
    if (object->type != JSON_OBJECT || json_get(the_rig.json, object, name, &found, NULL) != 1)
        fail_msg("there is no member %s", name);
    return found;
}

int64_t rig_int(const struct json_value *object, const char *name)
{
    struct json_value v = rig_member(object, name);
    assert_int_equal(v.type, JSON_INT);
    return v.integer;
}

bool rig_text_is(const struct json_value *object, const char *name, const char *expected)
{
    struct json_value v = rig_member(object, name);
    return v.type == JSON_STRING && span_is(v.text, expected);
}

void rig_post(struct span ndjson, int64_t n_events)
{
    char *body = mem_copy_span(ndjson);
    struct support_answer a = rig_ask(
        &(struct rig_request){.body = body, .content_type = "application/x-ndjson"}, "/v1/events");
    rig_expect(&a, 202);
    struct json_value root = rig_json(&a);
    assert_int_equal(rig_int(&root, "accepted"), n_events);
    support_answer_clear(&a);
    free(body);
}

static int64_t head_of_log(void)
{
    struct support_answer a = rig_get("/v1/log?limit=1");
    rig_expect(&a, 200);
    struct json_value root = rig_json(&a);
    int64_t head = rig_int(&root, "head");
    support_answer_clear(&a);
    return head;
}

static bool has_caught_up(void *arg)
{
    int64_t head = *(int64_t *)arg;
    struct support_answer a = rig_get("/v1/views");
    bool all = a.status == 200;
    struct json_value root = {0}, views = {0};
    if (all) {
        root = rig_json(&a);
        views = rig_member(&root, "views");
        struct json_walk walk = json_enter(the_rig.json, &views);
        for (struct json_member m; json_next(&walk, &m);)
            all = all && rig_text_is(&m.value, "state", "ready") &&
                  rig_int(&m.value, "offset") == head;
    }
    support_answer_clear(&a);
    return all;
}

void rig_wait_caught_up(void)
{
    int64_t head = head_of_log();
    wait_until(DEADLINE_MS, "the views to reach the log's head", has_caught_up, &head);
}

char *rig_token(const char *scope, const char *site)
{
    char *body = site == NULL ? mem_format("{\"scope\":\"%s\"}", scope)
                              : mem_format("{\"scope\":\"%s\",\"site\":\"%s\"}", scope, site);
    struct support_answer a = rig_ask(&(struct rig_request){.body = body}, "/v1/admin/tokens");
    rig_expect(&a, 201);
    struct json_value root = rig_json(&a), token = rig_member(&root, "token");
    char *copy = mem_copy_span(token.text);
    support_answer_clear(&a);
    free(body);
    return copy;
}
