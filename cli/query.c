/* SPDX-License-Identifier: Apache-2.0 */
/* footfall query: a SELECT answered from the log. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/writer.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/excerpt.h"
#include "cli/service.h"

const struct option query_command_options[] = {
    {.name = "site", .type = OPTION_TEXT, .about = "the site that is asked about"},
    {.name = "from",
     .type = OPTION_TEXT,
     .about = "start, RFC 3339 (default: 24 h before the end)"},
    {.name = "to", .type = OPTION_TEXT, .about = "end, exclusive (default: now)"},
    {.name = "step",
     .type = OPTION_TEXT,
     .about = "minute, 15m, hour, day, week, month, all (default: the SELECT's bucket)"},
    {.name = "tz",
     .type = OPTION_TEXT,
     .about = "time zone of the times printed and of days (default: UTC)"},
    {.name = "csv", .type = OPTION_BOOL, .fallback = "no", .about = "print CSV"},
    {0},
};

enum { MAX_COLUMNS = 32, PLACE_BYTES = 12 };

static void put_body(struct buf *out, const struct command_run *r)
{
    static const char *const members[] = {"site", "from", "to", "step", "tz"};
    enum { N_MEMBERS = sizeof(members) / sizeof(members[0]) };
    const char *given[N_MEMBERS];
    uint32_t n = 0;
    for (int i = 0; i < N_MEMBERS; i++) {
        given[i] = config_text(r->config, members[i]);
        n += given[i] != NULL;
    }
    struct writer w = writer_to(out, WRITE_JSON);
    writer_map(&w, 1 + n);
    writer_put_text(&w, "sql", span_of(r->arguments[0]));
    for (int i = 0; i < N_MEMBERS; i++)
        if (given[i] != NULL)
            writer_put_text(&w, members[i], span_of(given[i]));
    writer_end(&w);
}

/* Columns of numbers stand to the right; the first row tells. */
static bool is_number(const struct json *j, const struct json_value *rows, unsigned column)
{
    struct json_member row, value;
    struct json_walk walk = json_enter(j, rows);
    if (!json_next(&walk, &row) || row.value.type != JSON_ARRAY)
        return false;
    walk = json_enter(j, &row.value);
    for (unsigned i = 0; json_next(&walk, &value); i++)
        if (i == column)
            return value.value.type >= JSON_INT && value.value.type <= JSON_BIG;
    return false;
}

static void print_table(const struct json *j, const struct json_value *names,
                        const struct json_value *rows)
{
    struct column columns[MAX_COLUMNS + 1] = {{0}};
    char places[MAX_COLUMNS][PLACE_BYTES];
    unsigned n = 0;
    struct json_walk walk = json_enter(j, names);
    for (struct json_member m; n < MAX_COLUMNS && json_next(&walk, &m); n++) {
        snprintf(places[n], PLACE_BYTES, "%u", n);
        columns[n] = (struct column){mem_copy_span(m.value.text), places[n], is_number(j, rows, n)};
    }
    columns_print(columns, j, rows);
    for (unsigned i = 0; i < n; i++)
        free((char *)(uintptr_t)columns[i].title);
}

static int print_answer(const struct command_run *r, const struct service_json *answer,
                        struct err *e)
{
    struct json_value names, rows;
    const struct json *j = answer->parser;
    if (config_bool(r->config, "json")) {
        printf("%.*s\n", SPAN_ARGS(buf_span(&answer->reply.body)));
        return EXIT_DONE;
    }
    if (answer->root.type != JSON_OBJECT ||
        json_get(j, &answer->root, "columns", &names, NULL) != 1 || names.type != JSON_ARRAY ||
        json_get(j, &answer->root, "rows", &rows, NULL) != 1 || rows.type != JSON_ARRAY)
        return err_set(e, ERR_DATA, "the service's answer to /v1/query has no rows");
    print_table(j, &names, &rows);
    return EXIT_DONE;
}

static int ask_for_csv(struct service *s, const struct http_call *call, struct err *e)
{
    static const char *const headers[] = {"accept: text/csv", NULL};
    struct http_call csv = *call;
    struct http_reply reply = {0};
    csv.headers = headers;
    int status = service_call(s, &csv, CALL_ONCE, &reply, e);
    if (status == 0)
        status = http_reply_check(&reply, e);
    if (status == 0)
        printf("%.*s", SPAN_ARGS(buf_span(&reply.body)));
    else if (e->kind == ERR_INPUT)
        e->kind = ERR_DATA; /* wrong usage is what the command line says */
    http_reply_clear(&reply);
    return status;
}

int query_main(struct command_run *r, struct err *e)
{
    struct service *service;
    struct service_json answer = {0};
    struct buf body = {0};
    if (service_open(&service, r->config, e) != 0)
        return -1;
    put_body(&body, r);
    const struct http_call call = {.method = "POST",
                                   .path = "/v1/query",
                                   .content_type = "application/json",
                                   .body = buf_span(&body)};
    int status;
    if (config_bool(r->config, "csv"))
        status = ask_for_csv(service, &call, e);
    else if ((status = service_ask(service, &call, &answer, e)) == 0)
        status = print_answer(r, &answer, e);
    else
        (void)excerpt_show(&answer.reply, span_of(r->arguments[0]));
    service_json_clear(&answer);
    service_close(service);
    buf_clear(&body);
    return status;
}
