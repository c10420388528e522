/* SPDX-License-Identifier: Apache-2.0 */
#include "log/sign_ins.h"

#include <stdio.h>

#include "log/secret.h"

int sign_ins_add(struct sql *s, int64_t token_id, char secret[SIGN_IN_SECRET_BYTES],
                 int64_t *expires_us, struct err *e)
{
    char hash[SECRET_HASH_TEXT_BYTES], token[24], lasts[24], most[16];
    struct sql_rows rows = {0};
    if (secret_make(secret, "", SIGN_IN_RANDOM_BYTES, e) != 0)
        return -1;
    secret_hash_text(span_of(secret), hash);
    snprintf(token, sizeof token, "%lld", (long long)token_id);
    snprintf(lasts, sizeof lasts, "%d days", (int)SIGN_IN_DAYS);
    snprintf(most, sizeof most, "%d", (int)SIGN_INS_OF_TOKEN);
    if (sql_run(s, "SELECT (extract(epoch FROM sign_in_add($1, $2, $3, $4)) * 1000000)::bigint",
                SQL_PARAMS(span_of(token), span_of(hash), span_of(lasts), span_of(most)), &rows,
                e) != 0)
        return -1;
    bool made = !span_absent(sql_value(&rows, 0, 0));
    *expires_us = sql_int(&rows, 0, 0);
    sql_rows_clear(&rows);
    return made ? 0 : err_set(e, ERR_INPUT, "the token cannot be signed in with");
}

int sign_ins_end(struct sql *s, struct span secret, struct err *e)
{
    char hash[SECRET_HASH_TEXT_BYTES];
    secret_hash_text(secret, hash);
    return sql_run(s, "DELETE FROM sign_in WHERE secret_hash = $1::bytea",
                   SQL_PARAMS(span_of(hash)), NULL, e);
}

int sign_ins_delete_ended(struct sql *s, struct err *e)
{
    return sql_run(s,
                   "DELETE FROM sign_in s USING token t WHERE t.id = s.token_id"
                   " AND (s.expires_at <= now() OR t.revoked_at IS NOT NULL)",
                   SQL_NO_PARAMS, NULL, e);
}
