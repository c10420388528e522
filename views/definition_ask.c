/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL's opinion of a SELECT: as a role that may only read, it becomes a view for a moment,
 * and is given back with every cast and name spelled out. Nothing is run and nothing stays. */
#include <inttypes.h>
#include <stdio.h>

#include "views/definition_internal.h"

#define CREATE_VIEW "CREATE TEMP VIEW footfall_check AS "

/* What is wrong with the text, not with the connection or the server. */
static bool is_about_text(const struct sql *s)
{
    static const char *const classes[] = {"42", "22", "0A", "54", "2200", "3F"};
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        if (strncmp(sql_state(s), classes[i], strlen(classes[i])) == 0)
            return true;
    return false;
}

/* The place PostgreSQL names, within the text that was given. */
static int refuse(struct definition *d, struct sql *s, struct span select, const struct err *why)
{
    int position = sql_error_position(s) - (int)strlen(CREATE_VIEW);
    if (!is_about_text(s))
        return err_set(d->e, why->kind, "%s", why->text);
    if (position < 1)
        return err_set(d->e, ERR_INPUT, "%s", why->text);
    size_t at = d->given.select_at + definition_byte_of(select, (size_t)position);
    d->place = definition_place_of(d->given.text, at);
    return err_set(d->e, ERR_INPUT, "line %u, column %u: %s", d->place.line, d->place.column,
                   why->text);
}

static int create_view(struct definition *d, struct sql *s, struct span select)
{
    struct buf text = {0};
    struct sql_rows rows = {0};
    struct err why = {0};
    buf_put_text(&text, CREATE_VIEW);
    buf_put_span(&text, select);
    buf_put_byte(&text, '\0');
    /* with rows: as one statement, whatever the text holds */
    int result = sql_run(s, (const char *)text.p, SQL_NO_PARAMS, &rows, &why);
    sql_rows_clear(&rows);
    buf_clear(&text);
    return result == 0 ? 0 : refuse(d, s, select, &why);
}

static int read_view(struct sql *s, struct buf *canonical, struct err *e)
{
    struct sql_rows rows = {0};
    if (sql_run(s, "SELECT rtrim(btrim(pg_get_viewdef('pg_temp.footfall_check'::regclass)), ';')",
                SQL_NO_PARAMS, &rows, e) != 0)
        return -1;
    buf_put_span(canonical, sql_value(&rows, 0, 0));
    sql_rows_clear(&rows);
    return 0;
}

int definition_ask(struct definition *d, struct sql *s, struct span select, struct buf *canonical)
{
    struct err ignored = {0};
    int result =
        sql_run(s, "BEGIN; SET LOCAL ROLE footfall_reader; SET LOCAL statement_timeout = '5s'",
                SQL_NO_PARAMS, NULL, d->e);
    if (result == 0)
        result = create_view(d, s, select);
    if (result == 0)
        result = read_view(s, canonical, d->e);
    /* where the connection is lost, so is what was begun */
    int ended = sql_run(s, "ROLLBACK", SQL_NO_PARAMS, NULL, result == 0 ? d->e : &ignored);
    return result == 0 ? ended : -1;
}
