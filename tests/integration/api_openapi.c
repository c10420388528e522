/* SPDX-License-Identifier: Apache-2.0 */
/* The description of the interface against the interface: every operation it names is used, and
 * what comes back (status, content type, shape) is what it says. */
#include "tests/support/api_rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

/* ------------------------------------------------------------------ the document */

struct document {
    struct support_answer text;
    struct json *json;
    struct json_value root;
};

static struct document document;

static void read_document(void)
{
    struct err e = {0};
    if (document.json != NULL)
        return;
    document.text = rig_get("/v1/openapi.json");
    rig_expect(&document.text, 200);
    document.json = json_new(4 << 20, 64);
    support_ok(json_parse(document.json, buf_span(&document.text.body), &document.root, &e), &e);
}

/* A member of an object of the document; false: not there. */
static bool find(const struct json_value *object, const char *name, struct json_value *out)
{
    return object->type == JSON_OBJECT && json_get(document.json, object, name, out, NULL) == 1;
}

/* ------------------------------------------------------------------ values against schemas */

static bool type_fits(struct span type, const struct json_value *v)
{
    return (span_is(type, "object") && v->type == JSON_OBJECT) ||
           (span_is(type, "array") && v->type == JSON_ARRAY) ||
           (span_is(type, "string") && v->type == JSON_STRING) ||
           (span_is(type, "integer") && (v->type == JSON_INT || v->type == JSON_UINT)) ||
           (span_is(type, "number") &&
            (v->type == JSON_INT || v->type == JSON_REAL || v->type == JSON_UINT)) ||
           (span_is(type, "boolean") && v->type == JSON_BOOL) ||
           (span_is(type, "null") && v->type == JSON_NULL);
}

static bool any_type_fits(const struct json_value *type, const struct json_value *v)
{
    if (type->type == JSON_STRING)
        return type_fits(type->text, v);
    struct json_walk walk = json_enter(document.json, type);
    for (struct json_member m; json_next(&walk, &m);)
        if (type_fits(m.value.text, v))
            return true;
    return false;
}

static void check_value(const struct json_value *schema, const struct json_value *v,
                        const char *where);

static void check_members(const struct json_value *schema, const struct json_value *v,
                          const char *where)
{
    struct json_value required, properties, property, member;
    if (find(schema, "required", &required)) {
        struct json_walk walk = json_enter(document.json, &required);
        for (struct json_member m; json_next(&walk, &m);) {
            char *name = mem_copy_span(m.value.text);
            if (json_get(rig()->json, v, name, &member, NULL) != 1)
                fail_msg("%s: %s is missing", where, name);
            free(name);
        }
    }
    struct json_walk walk = json_enter(rig()->json, v);
    for (struct json_member m; json_next(&walk, &m);) {
        char *name = mem_copy_span(m.key), *below = mem_format("%s.%s", where, name);
        if (find(schema, "properties", &properties) && find(&properties, name, &property))
            check_value(&property, &m.value, below);
        else if (find(schema, "additionalProperties", &property) && property.type == JSON_OBJECT)
            check_value(&property, &m.value, below);
        free(below);
        free(name);
    }
}

static void check_value(const struct json_value *schema, const struct json_value *v,
                        const char *where)
{
    struct json_value type, items, choices;
    if (find(schema, "type", &type) && !any_type_fits(&type, v))
        fail_msg("%s: has another type than the description says", where);
    if (find(schema, "enum", &choices) && v->type == JSON_STRING) {
        bool found = false;
        struct json_walk walk = json_enter(document.json, &choices);
        for (struct json_member m; json_next(&walk, &m);)
            found = found || (m.value.type == JSON_STRING && span_equal(m.value.text, v->text));
        if (!found)
            fail_msg("%s: \"%.*s\" is not described", where, SPAN_ARGS(v->text));
    }
    if (v->type == JSON_OBJECT)
        check_members(schema, v, where);
    if (v->type == JSON_ARRAY && find(schema, "items", &items)) {
        struct json_walk walk = json_enter(rig()->json, v);
        for (struct json_member m; json_next(&walk, &m);)
            check_value(&items, &m.value, where);
    }
}

/* ------------------------------------------------------------------ operations */

struct operation {
    const char *method, *pattern, *path, *body, *accept;
    int status;
};

#define OPEN_VIEW                                                                                  \
    "{\"sql\":\"CREATE MATERIALIZED VIEW open_view AS\\n"                                          \
    "SELECT site, date_bin('1 minute', event_time, 'epoch') AS time,\\n"                           \
    "       count(*) AS pageviews\\nFROM events\\n"                                                \
    "WHERE event_type = 'PageViewEvent' AND NOT bot\\nGROUP BY 1, 2;\"}"
#define QUERY(list) "{\"sql\": \"SELECT " list " FROM events\", \"site\": \"o.example\"}"

/* In this order: the first job is a replay, the second a verification, the second token the one
 * made. */
static const struct operation operations[] = {
    {"post", "/v1/events", "/v1/events", "{\"pageUrl\":\"https://o.example/\"}", NULL, 202},
    {"get", "/v1/pixel.gif", "/v1/pixel.gif?u=https%3A%2F%2Fo.example%2F", NULL, NULL, 200},
    {"get", "/v1/sources/{name}", "/v1/sources/mine", NULL, NULL, 200},
    {"get", "/v1/views/{name}/rows", "/v1/views/visitors/rows?site=o.example", NULL, NULL, 200},
    {"get", "/v1/views/{name}/rows", "/v1/views/pageviews_by_page/rows?site=o.example&step=all",
     NULL, NULL, 200},
    {"get", "/v1/views/{name}/rows", "/v1/views/pageviews/rows?site=o.example", NULL, "text/csv",
     200},
    {"get", "/v1/views/{name}/rows", "/v1/views/pageviews/rows?site=o.example", NULL,
     "application/msgpack", 200},
    {"get", "/v1/views/{name}/rows", "/v1/views/pageviews/rows?site=o.example&step=x", NULL, NULL,
     400},
    {"post", "/v1/query", "/v1/query", QUERY("count(*) AS n"), NULL, 200},
    {"post", "/v1/query", "/v1/query", QUERY("count(DISTINCT visitor) AS n"), NULL, 200},
    {"post", "/v1/query", "/v1/query", QUERY("count(*) AS n"), "text/csv", 200},
    {"post", "/v1/query", "/v1/query", QUERY("count(*) AS n"), "application/msgpack", 200},
    {"post", "/v1/query", "/v1/query", QUERY("random() AS n"), NULL, 400},
    {"get", "/v1/live", "/v1/live?site=o.example", NULL, NULL, 200},
    {"get", "/v1/live", "/v1/live?site=o.example", NULL, "application/json", 406},
    {"get", "/v1/views", "/v1/views", NULL, NULL, 200},
    {"get", "/v1/views", "/v1/views", NULL, "application/msgpack", 200},
    {"get", "/v1/sites", "/v1/sites", NULL, NULL, 200},
    {"post", "/v1/session", "/v1/session", "{\"code\":\"none\"}", NULL, 401},
    {"get", "/v1/session", "/v1/session", NULL, NULL, 200},
    {"delete", "/v1/session", "/v1/session", NULL, NULL, 204},
    {"get", "/v1/log", "/v1/log", NULL, NULL, 200},
    {"get", "/v1/log", "/v1/log", NULL, "application/x-ndjson", 200},
    {"get", "/v1/log", "/v1/log", NULL, "application/msgpack", 200},
    {"post", "/v1/admin/replays", "/v1/admin/replays", "{\"views\":[\"pageviews\"]}", NULL, 202},
    {"get", "/v1/admin/replays", "/v1/admin/replays", NULL, NULL, 200},
    {"get", "/v1/admin/replays/{id}", "/v1/admin/replays/1", NULL, NULL, 200},
    {"delete", "/v1/admin/replays/{id}", "/v1/admin/replays/1", NULL, NULL, 200},
    {"post", "/v1/admin/verifications", "/v1/admin/verifications", "{\"views\":[\"pageviews\"]}",
     NULL, 202},
    {"get", "/v1/admin/verifications", "/v1/admin/verifications", NULL, NULL, 200},
    {"get", "/v1/admin/verifications/{id}", "/v1/admin/verifications/2", NULL, NULL, 200},
    {"delete", "/v1/admin/verifications/{id}", "/v1/admin/verifications/2", NULL, NULL, 200},
    {"post", "/v1/admin/views", "/v1/admin/views", "SELECT 1", NULL, 400},
    {"post", "/v1/admin/views", "/v1/admin/views", OPEN_VIEW, NULL, 202},
    {"get", "/v1/admin/views/{name}", "/v1/admin/views/open_view", NULL, NULL, 200},
    {"get", "/v1/views", "/v1/views", NULL, NULL, 200},
    {"delete", "/v1/admin/views/{name}", "/v1/admin/views/open_view", NULL, NULL, 204},
    {"delete", "/v1/admin/views/{name}", "/v1/admin/views/open_view", NULL, NULL, 404},
    {"get", "/v1/admin/sites", "/v1/admin/sites", NULL, NULL, 200},
    {"post", "/v1/admin/sites", "/v1/admin/sites", "{\"name\":\"o.example\"}", NULL, 200},
    {"get", "/v1/admin/tokens", "/v1/admin/tokens", NULL, NULL, 200},
    {"post", "/v1/admin/tokens", "/v1/admin/tokens", "{\"scope\":\"read\"}", NULL, 201},
    {"delete", "/v1/admin/tokens/{id}", "/v1/admin/tokens/2", NULL, NULL, 204},
    {"get", "/v1/admin/status", "/v1/admin/status", NULL, NULL, 200},
    {"get", "/healthz", "/healthz", NULL, NULL, 200},
    {"get", "/readyz", "/readyz", NULL, NULL, 200},
    {"get", "/metrics", "/metrics", NULL, NULL, 200},
    {"get", "/v1/openapi.json", "/v1/openapi.json", NULL, NULL, 200},
    {"get", "/", "/", NULL, NULL, 200},
    {"get", "/system", "/system", NULL, NULL, 200},
    {"get", "/sign-in", "/sign-in", NULL, NULL, 200},
    {"get", "/assets/{file}", "/assets/none.js", NULL, NULL, 404},
    {"get", "/favicon.ico", "/favicon.ico", NULL, NULL, 200},
    {"get", "/track.js", "/track.js", NULL, NULL, 200},
};

/* The response of the description for that status, or its default (the problem). */
static struct json_value response_of(const struct operation *o)
{
    struct json_value paths, path, operation, responses, response;
    char status[8];
    snprintf(status, sizeof status, "%d", o->status);
    if (!find(&document.root, "paths", &paths) || !find(&paths, o->pattern, &path) ||
        !find(&path, o->method, &operation) || !find(&operation, "responses", &responses))
        fail_msg("%s %s is not described", o->method, o->pattern);
    if (!find(&responses, status, &response) &&
        (o->status < 400 || !find(&responses, "default", &response)))
        fail_msg("%s %s: %s is not described", o->method, o->pattern, status);
    return response;
}

static void check_content(const struct operation *o, const struct support_answer *a)
{
    struct json_value response = response_of(o), content, media, schema;
    struct span type = support_header(a, "content-type");
    if (o->status >= 400 || a->body.n == 0)
        return; /* problems are checked elsewhere */
    const char *end = memchr(type.p, ';', type.n);
    char *plain =
        mem_copy_span((struct span){type.p, end == NULL ? type.n : (size_t)(end - type.p)});
    if (!find(&response, "content", &content) || !find(&content, plain, &media))
        fail_msg("%s %s: %s is not described", o->method, o->pattern, plain);
    if (strcmp(plain, "application/json") == 0 && find(&media, "schema", &schema)) {
        struct json_value root = rig_json(a);
        check_value(&schema, &root, o->path);
    }
    free(plain);
}

static void answers_are_as_described(void **state)
{
    (void)state;
    read_document();
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        const struct operation *o = &operations[i];
        const char *method = strcmp(o->pattern, "/v1/live") == 0 ? "HEAD" /* it goes on */
                             : strcmp(o->method, "get") == 0     ? "GET"
                             : strcmp(o->method, "post") == 0    ? "POST"
                                                                 : "DELETE";
        struct rig_request q = {.method = method,
                                .body = o->body,
                                .accept = o->accept,
                                .content_type = o->body == NULL ? NULL : "application/json"};
        if (strcmp(o->path, "/readyz") == 0 || strstr(o->path, "/rows") != NULL)
            rig_wait_caught_up();
        struct support_answer a = rig_ask(&q, "%s", o->path);
        if (a.status != o->status)
            fail_msg("%s %s: %d %s", method, o->path, a.status,
                     a.body.p == NULL ? "" : (char *)a.body.p);
        check_content(o, &a);
        support_answer_clear(&a);
    }
}

static bool is_used(struct span method, struct span pattern)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (span_is(method, operations[i].method) && span_is(pattern, operations[i].pattern))
            return true;
    return false;
}

static void everything_described_is_used_here(void **state)
{
    (void)state;
    struct json_value paths;
    read_document();
    assert_true(find(&document.root, "paths", &paths));
    struct json_walk walk = json_enter(document.json, &paths);
    for (struct json_member path; json_next(&walk, &path);) {
        struct json_walk methods = json_enter(document.json, &path.value);
        for (struct json_member m; json_next(&methods, &m);)
            if (m.value.type == JSON_OBJECT && !is_used(m.key, path.key))
                fail_msg("%.*s %.*s is described and not used here", SPAN_ARGS(m.key),
                         SPAN_ARGS(path.key));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_as_described),
        cmocka_unit_test(everything_described_is_used_here),
    };
    return support_run("the description of the interface", tests, sizeof(tests) / sizeof(tests[0]));
}
