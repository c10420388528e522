/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ask.h"

#include <stdio.h>

#include "base/mem.h"
#include "cli/service.h"

static int print_json(const struct service_json *answer)
{
    struct span body = buf_span(&answer->reply.body);
    if (body.n == 0)
        return EXIT_DONE;
    printf("%.*s%s", SPAN_ARGS(body), body.p[body.n - 1] == '\n' ? "" : "\n");
    return EXIT_DONE;
}

static int lacks(const struct ask *a, const char *member, struct err *e)
{
    return err_set(e, ERR_DATA, "the service's answer to %s has no \"%s\"", a->path, member);
}

static int print_answer(const struct ask *a, const struct service_json *answer, struct err *e)
{
    struct json_value v;
    const struct json *j = answer->parser;
    const char *member = a->rows != NULL ? a->rows : a->text;
    if (member != NULL &&
        (answer->root.type != JSON_OBJECT || json_get(j, &answer->root, member, &v, NULL) != 1))
        return lacks(a, member, e);
    if (a->rows != NULL && v.type != JSON_ARRAY)
        return lacks(a, member, e);
    if (a->about != NULL)
        columns_print_one(a->about, j, &answer->root);
    if (a->about != NULL && a->rows != NULL)
        printf("\n");
    if (a->rows != NULL)
        columns_print(a->columns, j, &v);
    else if (a->text != NULL && v.type == JSON_STRING)
        printf("%.*s%s", SPAN_ARGS(v.text),
               v.text.n > 0 && v.text.p[v.text.n - 1] == '\n' ? "" : "\n");
    else if (a->text != NULL)
        printf("%.*s\n", SPAN_ARGS(json_number_text(j, &v)));
    return EXIT_DONE;
}

int ask_and_print(struct command_run *r, const struct ask *a, struct err *e)
{
    struct service *service;
    struct service_json answer = {0};
    struct http_call call = {.method = a->method, .path = a->path, .body = a->body};
    if (!span_absent(a->body))
        call.content_type = a->content_type == NULL ? "application/json" : a->content_type;
    if (service_open(&service, r->config, e) != 0)
        return -1;
    int status = -1;
    if (service_ask(service, &call, &answer, e) == 0)
        status = config_bool(r->config, "json") ? print_json(&answer) : print_answer(a, &answer, e);
    service_json_clear(&answer);
    service_close(service);
    return status;
}

char *ask_path(const char *prefix, const char *word)
{
    struct buf path = {0};
    buf_put_text(&path, prefix);
    http_put_encoded(&path, span_of(word));
    char *text = mem_copy_span(buf_span(&path));
    buf_clear(&path);
    return text;
}
