/* SPDX-License-Identifier: Apache-2.0 */
/* footfall view: the definitions of views. */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/json_text.h"
#include "cli/service.h"

enum { VIEW_FILE_BYTES = 64 * 1024 };

static const struct column columns[] = {
    {"VIEW", "name", false},
    {"STATE", "state", false},
    {"STEP", "step", false},
    {"DIMENSIONS", "dimensions", false},
    {"MEASURES", "measures", false},
    {"GENERATION", "generation", true},
    {"OFFSET", "offset", true},
    {"LAG", "lag.events", true},
    {0},
};

static int list(struct command_run *r, struct err *e)
{
    const struct ask a = {.path = "/v1/views", .rows = "views", .columns = columns};
    return ask_and_print(r, &a, e);
}

static int print_view(const struct command_run *r, const struct service_json *answer,
                      const struct json_value *view, struct err *e)
{
    struct json_value sql;
    struct buf text = {0};
    if (config_bool(r->config, "json"))
        json_text_put(&text, answer->parser, view);
    else if (json_get(answer->parser, view, "sql", &sql, e) == 1 && sql.type == JSON_STRING)
        buf_put_span(&text, sql.text);
    printf("%.*s%s", (int)text.n, text.n == 0 ? "" : (char *)text.p,
           text.n > 0 && text.p[text.n - 1] == '\n' ? "" : "\n");
    buf_clear(&text);
    return EXIT_DONE;
}

static int find_and_print(const struct command_run *r, const struct service_json *answer,
                          struct err *e)
{
    struct json_value views, name;
    const struct json *j = answer->parser;
    if (answer->root.type != JSON_OBJECT ||
        json_get(j, &answer->root, "views", &views, NULL) != 1 || views.type != JSON_ARRAY)
        return err_set(e, ERR_DATA, "the service's answer to /v1/views has no \"views\"");
    struct json_walk walk = json_enter(j, &views);
    for (struct json_member m; json_next(&walk, &m);)
        if (m.value.type == JSON_OBJECT && json_get(j, &m.value, "name", &name, NULL) == 1 &&
            name.type == JSON_STRING && span_is(name.text, r->arguments[1]))
            return print_view(r, answer, &m.value, e);
    return err_set(e, ERR_DATA, "there is no view %s; see footfall view list", r->arguments[1]);
}

static int show(struct command_run *r, struct err *e)
{
    struct service *service;
    struct service_json answer = {0};
    struct http_call call = {.path = "/v1/views"};
    if (service_open(&service, r->config, e) != 0)
        return -1;
    int status = service_ask(service, &call, &answer, e);
    if (status == 0)
        status = find_and_print(r, &answer, e);
    service_json_clear(&answer);
    service_close(service);
    return status;
}

static int add(struct command_run *r, struct err *e)
{
    struct buf sql = {0};
    int status = file_read(&sql, r->arguments[1], VIEW_FILE_BYTES, e);
    const struct ask a = {.method = "POST",
                          .path = "/v1/admin/views",
                          .body = buf_span(&sql),
                          .content_type = "application/sql"};
    if (status == 0)
        status = ask_and_print(r, &a, e);
    buf_clear(&sql);
    return status;
}

static int drop(struct command_run *r, struct err *e)
{
    char *path = ask_path("/v1/admin/views/", r->arguments[1]);
    const struct ask a = {.method = "DELETE", .path = path};
    int status = ask_and_print(r, &a, e);
    free(path);
    return status;
}

int view_main(struct command_run *r, struct err *e)
{
    static const struct subcommand table[] = {
        {"list", 0, list}, {"show", 1, show}, {"add", 1, add}, {"drop", 1, drop}, {0}};
    return subcommand_run(table, r, e);
}
