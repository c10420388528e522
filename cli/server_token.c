/* SPDX-License-Identifier: Apache-2.0 */
/* The admin token of a data folder: made on the first start, kept in DIR/admin-token (0600). With
 * it goes the one-time code of a start. */
#include "base/diag.h"
#include "base/file.h"
#include "cli/server_internal.h"

enum { MAX_TOKEN_FILE_BYTES = 1024 };

static struct span without_newline(struct span text)
{
    while (text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
        text.n--;
    return text;
}

static int adopt(struct server *s, struct sql *sql, struct err *e)
{
    struct buf text = {0};
    int result = -1;
    if (file_read(&text, s->token_file, MAX_TOKEN_FILE_BYTES, e) == 0)
        result = tokens_adopt(sql, TOKEN_ADMIN, without_newline(buf_span(&text)), e);
    buf_clear(&text);
    return result;
}

static int create(struct server *s, struct sql *sql, struct err *e)
{
    char secret[TOKEN_SECRET_BYTES];
    struct buf line = {0};
    if (tokens_create(sql, TOKEN_ADMIN, SPAN_ABSENT, secret, e) != 0 ||
        sites_add(sql, SPAN_LITERAL("localhost"), e) != 0)
        return -1;
    buf_printf(&line, "%s\n", secret);
    int result = file_write(s->token_file, buf_span(&line), 0600, e);
    buf_clear(&line);
    return result;
}

int server_admin_token(struct server *s, struct err *e)
{
    struct sql *sql;
    if (sql_open(&sql, s->postgres, e) != 0)
        return -1;
    int result = file_exists(s->token_file) ? adopt(s, sql, e) : create(s, sql, e);
    sql_close(sql);
    return result;
}

bool server_sign_in_code(struct server *s, char code[API_CODE_BYTES])
{
    struct buf text = {0};
    struct err e = {0};
    struct token_info token;
    bool made = (s->roles & ROLE_API) != 0 &&
                file_read(&text, s->token_file, MAX_TOKEN_FILE_BYTES, &e) == 0 &&
                tokens_find(s->tokens, without_newline(buf_span(&text)), &token) &&
                token.scope == TOKEN_ADMIN && api_sign_in_code(s->api, token.id, code, &e) == 0;
    buf_clear(&text);
    if (e.kind != ERR_NONE)
        diag(DIAG_WARNING, "serve", "no link to sign in with: %s", e.text);
    return made;
}
