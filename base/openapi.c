/* SPDX-License-Identifier: Apache-2.0 */
#include "base/openapi.h"

#include <ctype.h>

static const char HEAD[] =
    "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Footfall\",\"version\":\"" FOOTFALL_VERSION "\","
    "\"license\":{\"name\":\"Apache-2.0\",\"identifier\":\"Apache-2.0\"}},\"paths\":{";

static const char PROBLEM[] = "{\"$ref\":\"#/components/schemas/Problem\"}";

static const char TAIL[] =
    "},\"components\":{\"securitySchemes\":{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\","
    "\"description\":\"A token of scope ingest, read or admin (footfall token create).\"},"
    "\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"footfall_session\","
    "\"description\":\"Of a browser that has signed in (POST /v1/session). What changes something "
    "needs the same Origin, and application/json.\"}},"
    "\"responses\":{\"Problem\":{\"description\":\"An error (RFC 9457).\",\"content\":{"
    "\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}}}}},"
    "\"schemas\":{\"Problem\":{\"type\":\"object\",\"required\":[\"type\",\"title\",\"status\","
    "\"detail\"],\"properties\":{\"type\":{\"type\":\"string\",\"format\":\"uri\"},"
    "\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},"
    "\"detail\":{\"type\":\"string\"},\"field\":{\"type\":\"string\"}}}}}}";

/* "," before all but the first. */
static void put_comma(struct buf *out, bool *first)
{
    if (!*first)
        buf_put_byte(out, ',');
    *first = false;
}

static void put_member(struct buf *out, const char *name, const char *text)
{
    buf_put_json(out, span_of(name));
    buf_put_byte(out, ':');
    buf_put_json(out, span_of(text));
}

/* ------------------------------------------------------------------ parameters */

static void put_param(struct buf *out, const struct http_param_doc *p)
{
    buf_put_byte(out, '{');
    put_member(out, "name", p->name);
    buf_put_byte(out, ',');
    put_member(out, "in", p->in);
    if (strcmp(p->in, "path") == 0)
        buf_put_text(out, ",\"required\":true");
    if (p->about != NULL) {
        buf_put_byte(out, ',');
        put_member(out, "description", p->about);
    }
    buf_printf(out, ",\"schema\":%s}", p->schema == NULL ? "{\"type\":\"string\"}" : p->schema);
}

static bool is_documented(const struct http_route *route, struct span name)
{
    for (const struct http_param_doc *p = route->params; p != NULL && p->name != NULL; p++)
        if (strcmp(p->in, "path") == 0 && span_is(name, p->name))
            return true;
    return false;
}

/* The parameters of the pattern that the table says nothing about. */
static void put_other_path_params(struct buf *out, const struct http_route *route, bool *first)
{
    for (const char *open = strchr(route->pattern, '{'); open != NULL;
         open = strchr(open + 1, '{')) {
        struct span name = {open + 1, strcspn(open + 1, "}")};
        if (is_documented(route, name))
            continue;
        put_comma(out, first);
        buf_put_text(out, "{\"name\":");
        buf_put_json(out, name);
        buf_put_text(out, ",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"string\"}}");
    }
}

static void put_params(struct buf *out, const struct http_route *route)
{
    bool first = true;
    buf_put_text(out, ",\"parameters\":[");
    put_other_path_params(out, route, &first);
    for (const struct http_param_doc *p = route->params; p != NULL && p->name != NULL; p++) {
        put_comma(out, &first);
        put_param(out, p);
    }
    buf_put_byte(out, ']');
}

/* ------------------------------------------------------------------ answers */

static bool is_first_of_status(const struct http_answer_doc *all, const struct http_answer_doc *a)
{
    for (; all < a; all++)
        if (all->status == a->status)
            return false;
    return true;
}

static void put_content(struct buf *out, const struct http_answer_doc *a, bool *first)
{
    const char *type = a->content_type;
    if (type == NULL && a->status >= 400)
        type = "application/problem+json";
    if (type == NULL)
        return;
    bool problem = strcmp(type, "application/problem+json") == 0;
    const char *schema = a->schema != NULL ? a->schema : problem ? PROBLEM : NULL;
    put_comma(out, first);
    buf_put_json(out, span_of(type));
    if (schema == NULL)
        buf_put_text(out, ":{}");
    else
        buf_printf(out, ":{\"schema\":%s}", schema);
}

/* a is the first of its status: those after it with the same status add content types. */
static void put_answer(struct buf *out, const struct http_answer_doc *a)
{
    bool first = true;
    buf_printf(out, "\"%d\":{\"description\":", a->status);
    buf_put_json(out, span_of(a->about == NULL ? "" : a->about));
    buf_put_text(out, ",\"content\":{");
    for (const struct http_answer_doc *same = a; same->status != 0; same++)
        if (same->status == a->status)
            put_content(out, same, &first);
    buf_put_text(out, "}}");
}

static void put_answers(struct buf *out, const struct http_route *route)
{
    const struct http_answer_doc *all = route->answers;
    buf_put_text(out, ",\"responses\":{");
    for (const struct http_answer_doc *a = all; a != NULL && a->status != 0; a++)
        if (is_first_of_status(all, a)) {
            put_answer(out, a);
            buf_put_byte(out, ',');
        }
    buf_put_text(out, "\"default\":{\"$ref\":\"#/components/responses/Problem\"}}");
}

/* ------------------------------------------------------------------ operations */

static void put_security(struct buf *out, enum http_scope scope)
{
    static const char *const by_scope[] = {
        [SCOPE_OPEN] = "[{},{\"bearer\":[]}]", /* a token may be sent */
        [SCOPE_INGEST] = "[{\"bearer\":[\"ingest\"]}]",
        [SCOPE_READ] = "[{\"bearer\":[\"read\"]},{\"session\":[\"read\"]}]",
        [SCOPE_ADMIN] = "[{\"bearer\":[\"admin\"]},{\"session\":[\"admin\"]}]",
    };
    buf_printf(out, ",\"security\":%s", by_scope[scope]);
}

static void put_operation(struct buf *out, const struct http_route *route)
{
    buf_put_byte(out, '"');
    for (const char *p = route->method; *p != '\0'; p++)
        buf_put_byte(out, (uint8_t)tolower((unsigned char)*p));
    buf_put_text(out, "\":{");
    put_member(out, "operationId", route->operation);
    if (route->summary != NULL) {
        buf_put_byte(out, ',');
        put_member(out, "summary", route->summary);
    }
    put_security(out, route->scope);
    put_params(out, route);
    if (route->request_types != NULL)
        buf_printf(out, ",\"requestBody\":{\"required\":true,\"content\":%s}",
                   route->request_types);
    put_answers(out, route);
    buf_put_byte(out, '}');
}

static bool is_first_of_pattern(const struct http_route *routes, size_t i)
{
    for (size_t before = 0; before < i; before++)
        if (strcmp(routes[before].pattern, routes[i].pattern) == 0)
            return false;
    return true;
}

void openapi_print(struct buf *out, const struct http_route *routes, size_t n)
{
    bool first_path = true;
    buf_put_text(out, HEAD);
    for (size_t i = 0; i < n; i++) {
        if (!is_first_of_pattern(routes, i))
            continue;
        bool first = true;
        put_comma(out, &first_path);
        buf_put_json(out, span_of(routes[i].pattern));
        buf_put_text(out, ":{");
        for (size_t j = i; j < n; j++)
            if (strcmp(routes[j].pattern, routes[i].pattern) == 0) {
                put_comma(out, &first);
                put_operation(out, &routes[j]);
            }
        buf_put_byte(out, '}');
    }
    buf_put_text(out, TAIL);
}
