/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenAPI document made from a routes table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/openapi.h"

static void handler(struct http_request *r, void *context)
{
    (void)r;
    (void)context;
}

static const struct http_param_doc rows_params[] = {
    {"site", "query", "{\"type\":\"string\"}", "The \"site\"."},
    {"step", "query", NULL, NULL},
    {0},
};
static const struct http_answer_doc rows_answers[] = {
    {200, "application/json", "Rows.", "{\"type\":\"object\"}"},
    {400, NULL, "A bad parameter.", NULL},
    {200, "text/csv", "Rows as CSV.", NULL},
    {304, NULL, "Not modified.", NULL},
    {0},
};
static const struct http_route routes[] = {
    {.method = "GET",
     .pattern = "/v1/views/{name}/rows",
     .scope = SCOPE_READ,
     .handler = handler,
     .operation = "rows",
     .summary = "Rows of a view",
     .params = rows_params,
     .answers = rows_answers},
    {.method = "POST",
     .pattern = "/v1/events",
     .handler = handler,
     .operation = "send",
     .request_types = "{\"application/json\":{}}"},
    {.method = "DELETE",
     .pattern = "/v1/views/{name}/rows",
     .scope = SCOPE_ADMIN,
     .handler = handler,
     .operation = "drop"},
};

struct document {
    struct buf text;
    struct json *json;
    struct json_value root;
};

static int set_up(void **state)
{
    static struct document d;
    struct err e = {0};
    d = (struct document){.json = json_new(1 << 20, 64)};
    openapi_print(&d.text, routes, sizeof(routes) / sizeof(routes[0]));
    if (json_parse(d.json, buf_span(&d.text), &d.root, &e) != 0)
        fail_msg("%s in %.*s", e.text, SPAN_ARGS(buf_span(&d.text)));
    *state = &d;
    return 0;
}

static int tear_down(void **state)
{
    struct document *d = *state;
    json_free(d->json);
    buf_clear(&d->text);
    return 0;
}

/* Follows keys ended by NULL; JSON_NULL when one is missing. */
static struct json_value at(const struct document *d, ...)
{
    struct json_value v = d->root;
    va_list keys;
    va_start(keys, d);
    for (const char *key; (key = va_arg(keys, const char *)) != NULL;) {
        struct json_value next = {.type = JSON_NULL};
        if (v.type != JSON_OBJECT || json_get(d->json, &v, key, &next, NULL) != 1)
            next.type = JSON_NULL;
        v = next;
    }
    va_end(keys);
    return v;
}

static const char ROWS[] = "/v1/views/{name}/rows";

static void it_says_its_version_and_its_problems(void **state)
{
    const struct document *d = *state;
    assert_true(span_is(at(d, "openapi", NULL).text, "3.1.0"));
    assert_true(span_is(at(d, "info", "version", NULL).text, FOOTFALL_VERSION));
    assert_int_equal(at(d, "components", "schemas", "Problem", "properties", "field", NULL).type,
                     JSON_OBJECT);
    assert_true(
        span_is(at(d, "components", "securitySchemes", "bearer", "scheme", NULL).text, "bearer"));
}

static void methods_of_one_pattern_share_its_path(void **state)
{
    const struct document *d = *state;
    struct json_value paths = at(d, "paths", NULL);
    assert_int_equal(json_count(d->json, &paths), 2);
    assert_true(span_is(at(d, "paths", ROWS, "get", "operationId", NULL).text, "rows"));
    assert_true(span_is(at(d, "paths", ROWS, "delete", "operationId", NULL).text, "drop"));
    assert_true(span_is(at(d, "paths", "/v1/events", "post", "operationId", NULL).text, "send"));
}

static void answers_of_one_status_are_one_response(void **state)
{
    const struct document *d = *state;
    struct json_value responses = at(d, "paths", ROWS, "get", "responses", NULL);
    assert_int_equal(json_count(d->json, &responses), 4); /* 200, 400, 304, default */
    struct json_value content = at(d, "paths", ROWS, "get", "responses", "200", "content", NULL);
    assert_int_equal(json_count(d->json, &content), 2);
    assert_true(span_is(at(d, "paths", ROWS, "get", "responses", "400", "content",
                           "application/problem+json", "schema", "$ref", NULL)
                            .text,
                        "#/components/schemas/Problem"));
    content = at(d, "paths", ROWS, "get", "responses", "304", "content", NULL);
    assert_int_equal(json_count(d->json, &content), 0);
}

static void every_parameter_of_the_pattern_is_described(void **state)
{
    const struct document *d = *state;
    struct json_value params = at(d, "paths", ROWS, "get", "parameters", NULL);
    assert_int_equal(json_count(d->json, &params), 3);
    struct json_walk walk = json_enter(d->json, &params);
    struct json_member m;
    struct json_value name, required;
    assert_true(json_next(&walk, &m));
    assert_int_equal(json_get(d->json, &m.value, "name", &name, NULL), 1);
    assert_true(span_is(name.text, "name"));
    assert_int_equal(json_get(d->json, &m.value, "required", &required, NULL), 1);
    assert_true(required.boolean);
    assert_true(json_next(&walk, &m));
    assert_int_equal(json_get(d->json, &m.value, "description", &name, NULL), 1);
    assert_true(span_is(name.text, "The \"site\"."));
    assert_int_equal(json_get(d->json, &m.value, "required", &required, NULL), 0);
}

static void security_follows_the_scope(void **state)
{
    const struct document *d = *state;
    struct json_value open = at(d, "paths", "/v1/events", "post", "security", NULL);
    assert_int_equal(json_count(d->json, &open), 2);
    struct json_value admin = at(d, "paths", ROWS, "delete", "security", NULL);
    struct json_walk walk = json_enter(d->json, &admin);
    struct json_member m;
    struct json_value scopes;
    assert_true(json_next(&walk, &m));
    assert_int_equal(json_get(d->json, &m.value, "bearer", &scopes, NULL), 1);
    walk = json_enter(d->json, &scopes);
    assert_true(json_next(&walk, &m));
    assert_true(span_is(m.value.text, "admin"));
}

static void a_request_body_lists_its_content_types(void **state)
{
    const struct document *d = *state;
    assert_int_equal(
        at(d, "paths", "/v1/events", "post", "requestBody", "content", "application/json", NULL)
            .type,
        JSON_OBJECT);
    assert_int_equal(at(d, "paths", ROWS, "get", "requestBody", NULL).type, JSON_NULL);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(it_says_its_version_and_its_problems),
        T(methods_of_one_pattern_share_its_path),
        T(answers_of_one_status_are_one_response),
        T(every_parameter_of_the_pattern_is_described),
        T(security_follows_the_scope),
        T(a_request_body_lists_its_content_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
