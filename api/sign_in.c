/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/session: signing in, asking who is signed in, signing out. */
#include <stdio.h>

#include "api/origin.h"
#include "api/session.h"
#include "api/sign_in_code.h"
#include "api/sign_in_rate.h"
#include "api/task.h"
#include "base/clock.h"
#include "log/sign_ins.h"

enum { COOKIE_HEADER_BYTES = SIGN_IN_SECRET_BYTES + 128, MAX_AGE_S = SIGN_IN_DAYS * 86400 };

/* Wrong tokens are refused from memory; this bounds what right ones write. */
static bool is_in_time(struct api *a, struct http_request *r)
{
    int wait_s = sign_in_rate_take(a->sign_in_rate, http_client(r), clock_monotonic_us());
    if (wait_s == 0)
        return true;
    http_send_problem(r,
                      &(struct http_problem){.slug = "too-many-requests", .retry_after_s = wait_s},
                      "signing in was tried too often from this address; wait %d s", wait_s);
    return false;
}

/* ------------------------------------------------------------------ answers */

enum cookie_scheme { COOKIE_ANY, COOKIE_HTTPS };

/* What a request hands to its task. */
struct session_request {
    char before[SIGN_IN_SECRET_BYTES]; /* the session there is; "": none */
    enum cookie_scheme scheme;
    char cookie[COOKIE_HEADER_BYTES];
};

static const struct http_header_line not_stored = {"cache-control", {"no-store", 8}};

/* Valid as long as *q. */
static struct http_header_line set_cookie(struct session_request *q, const char *secret,
                                          int max_age_s)
{
    snprintf(q->cookie, sizeof q->cookie,
             SESSION_COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%s", secret,
             max_age_s, q->scheme == COOKIE_HTTPS ? "; Secure" : "");
    return (struct http_header_line){"set-cookie", span_of(q->cookie)};
}

static enum cookie_scheme scheme_of(struct http_request *r)
{
    return origin_is_https(http_header(r, "origin")) ? COOKIE_HTTPS : COOKIE_ANY;
}

static void put_session(struct buf *out, const struct sign_in *s)
{
    struct writer w = writer_to(out, WRITE_JSON);
    const char *site = s == NULL || s->token.site[0] == '\0' ? NULL : s->token.site;
    writer_map(&w, 4);
    writer_put_bool(&w, "signed_in", s != NULL);
    writer_put_text(&w, "scope", span_of(s == NULL ? NULL : token_scope_names[s->token.scope]));
    writer_put_text(&w, "site", span_of(site));
    api_put_time(&w, "expires", s == NULL ? 0 : s->expires_us);
    writer_end(&w);
}

static struct task *new_task(struct http_request *r, struct api *a,
                             int (*work)(struct task *t, struct task_thread *thread))
{
    struct task *t = task_new(r, a, work, sizeof(struct session_request));
    struct session_request *q = t->data;
    struct span before = session_secret(r);
    if (!span_absent(before))
        memcpy(q->before, before.p, before.n);
    q->scheme = scheme_of(r);
    t->headers[0] = not_stored;
    return t;
}

/* ------------------------------------------------------------------ signing in */

struct credentials {
    struct json_value token, code;
    bool has_token, has_code;
};

static int read_credentials(struct task *t, struct task_thread *thread, struct credentials *out)
{
    static const char *const members[] = {"token", "code", NULL};
    struct refusal *e = &t->refusal;
    struct json_value root;
    if (task_json(thread, buf_span(&t->input), &root, e) != 0 ||
        task_only_members(thread, &root, members, e) != 0)
        return -1;
    int token = task_member(thread, &root, "token", JSON_STRING, &out->token, e);
    int code = task_member(thread, &root, "code", JSON_STRING, &out->code, e);
    if (token < 0 || code < 0)
        return -1;
    out->has_token = token == 1;
    out->has_code = code == 1;
    return token + code == 1 ? 0 : refuse(e, "token", "give a token, or else a code");
}

static int find_token(struct task *t, struct span secret, int64_t *token_id)
{
    struct token_info token;
    if (!tokens_find(t->api->parts.tokens, secret, &token))
        return task_refuse(t, "unauthorized", "the token is not known; it may have been revoked");
    if (token.scope == TOKEN_INGEST)
        return task_refuse(
            t, "forbidden",
            "this token is of scope ingest: sign in with one of scope read or admin");
    *token_id = token.id;
    return 0;
}

static int take_code(struct task *t, struct span code, int64_t *token_id)
{
    if (sign_in_code_take(t->api->sign_in_code, code, clock_monotonic_us(), token_id))
        return 0;
    return task_refuse(t, "unauthorized",
                       "the link was used, is too old or is another start's: start the service "
                       "again for a new one, or sign in with a token");
}

/* Ends the session that the browser had before: nothing would name it any more. */
static int begin(struct task *t, struct task_thread *thread, int64_t token_id)
{
    struct session_request *q = t->data;
    struct err *e = &t->refusal.err;
    struct tokens *tokens = t->api->parts.tokens;
    struct sql *sql;
    struct sign_in made;
    char secret[SIGN_IN_SECRET_BYTES];
    int64_t expires_us;
    if (task_sql(thread, &sql, e) != 0)
        return -1;
    if (sign_ins_add(sql, token_id, secret, &expires_us, e) != 0) {
        if (e->kind == ERR_INPUT)
            t->slug = "unauthorized";
        return -1;
    }
    if ((q->before[0] != '\0' && sign_ins_end(sql, span_of(q->before), e) != 0) ||
        tokens_refresh(tokens, sql, e) != 0) /* so that it can be used at once */
        return -1;
    if (!tokens_find_sign_in(tokens, span_of(secret), clock_now_us(), &made))
        return task_refuse(t, "unauthorized", "the token was revoked at this moment");
    put_session(&t->body, &made);
    t->headers[1] = set_cookie(q, secret, MAX_AGE_S);
    t->content_type = "application/json";
    return 0;
}

static int work_begin(struct task *t, struct task_thread *thread)
{
    struct credentials c = {0};
    int64_t token_id;
    if (read_credentials(t, thread, &c) != 0 ||
        (c.has_token ? find_token(t, c.token.text, &token_id)
                     : take_code(t, c.code.text, &token_id)) != 0)
        return -1;
    int result = begin(t, thread, token_id);
    if (result != 0 && c.has_code)
        sign_in_code_give_back(t->api->sign_in_code);
    return result;
}

static void session_post(struct http_request *r, void *context)
{
    if (!session_sends_json(r)) {
        http_send_problem(
            r, &(struct http_problem){.slug = "unsupported-media-type", .field = "Content-Type"},
            "Content-Type: send application/json");
        return;
    }
    if (!session_is_at_known_name(context, r) || !session_is_from_own_page(r, ORIGIN_OPTIONAL) ||
        !is_in_time(context, r))
        return;
    struct task *t = new_task(r, context, work_begin);
    task_keep_body(t, r);
    task_submit(t, r);
}

/* ------------------------------------------------------------------ asking, signing out */

static void session_get(struct http_request *r, void *context)
{
    struct sign_in found;
    bool signed_in = session_find(context, r, &found);
    if (signed_in && !session_allow(context, r))
        return;
    struct buf body = {0};
    put_session(&body, signed_in ? &found : NULL);
    http_send(r, &(struct http_answer){.status = 200,
                                       .content_type = "application/json",
                                       .body = buf_span(&body),
                                       .headers = {not_stored}});
    buf_clear(&body);
}

static int work_end(struct task *t, struct task_thread *thread)
{
    struct session_request *q = t->data;
    struct err *e = &t->refusal.err;
    struct sql *sql;
    if (task_sql(thread, &sql, e) != 0 || sign_ins_end(sql, span_of(q->before), e) != 0 ||
        tokens_refresh(t->api->parts.tokens, sql, e) != 0)
        return -1;
    t->headers[1] = set_cookie(q, "", 0);
    t->status = 204;
    return 0;
}

static void send_cleared(struct http_request *r)
{
    struct session_request q = {.scheme = scheme_of(r)};
    http_send(r,
              &(struct http_answer){.status = 204, .headers = {not_stored, set_cookie(&q, "", 0)}});
}

/* PostgreSQL is asked for sessions that are known alone: anyone can make up a cookie. */
static void session_delete(struct http_request *r, void *context)
{
    struct sign_in found;
    if (!session_find(context, r, &found)) {
        if (session_is_from_own_page(r, ORIGIN_OPTIONAL))
            send_cleared(r);
    } else if (session_allow(context, r)) {
        task_submit(new_task(r, context, work_end), r);
    }
}

/* ------------------------------------------------------------------ the routes */

#define SESSION_SCHEMA                                                                             \
    "{\"type\":\"object\",\"required\":[\"signed_in\",\"scope\",\"site\",\"expires\"],"            \
    "\"properties\":{\"signed_in\":{\"type\":\"boolean\"},"                                        \
    "\"scope\":{\"type\":[\"string\",\"null\"]},\"site\":{\"type\":[\"string\",\"null\"]},"        \
    "\"expires\":{\"type\":[\"string\",\"null\"]}}}"

static const struct http_answer_doc begun[] = {
    {200, "application/json", "Signed in: the cookie footfall_session stands for the token.",
     SESSION_SCHEMA},
    {400, NULL, "The body is not understood: give a token, or else a code.", NULL},
    {401, NULL, "The token or the code is not known.", NULL},
    {403, NULL, "The token is of scope ingest, or the page is of another host.", NULL},
    {415, NULL, "Content-Type is not application/json.", NULL},
    {421, NULL, "The header Host is none of the service's names.", NULL},
    {429, NULL, "Too many attempts from this address.", NULL},
    {0},
};

static const struct http_answer_doc asked[] = {
    {200, "application/json", "Whether the cookie is one of a session, and what it may do.",
     SESSION_SCHEMA},
    {421, NULL, "With such a cookie: the header Host is none of the service's names.", NULL},
    {0},
};

static const struct http_answer_doc ended[] = {
    {204, NULL, "Signed out; also when there was no session.", NULL},
    {403, NULL, "The header Origin is missing or is of another host.", NULL},
    {421, NULL, "The header Host is none of the service's names.", NULL},
    {0},
};

const struct http_route session_routes[] = {
    {.method = "POST",
     .pattern = "/v1/session",
     .scope = SCOPE_OPEN,
     .handler = session_post,
     .max_body = 4096,
     .operation = "signIn",
     .summary = "Sign a browser in: a cookie for a token or a code",
     .answers = begun,
     .request_types =
         "{\"application/json\":{\"schema\":{\"type\":\"object\",\"properties\":{"
         "\"token\":{\"type\":\"string\",\"description\":\"A token of scope read or admin.\"},"
         "\"code\":{\"type\":\"string\",\"description\":\"The code of the link that a start of the "
         "service prints.\"}},\"additionalProperties\":false}}}"},
    {.method = "GET",
     .pattern = "/v1/session",
     .scope = SCOPE_OPEN,
     .handler = session_get,
     .operation = "getSession",
     .summary = "Who is signed in",
     .answers = asked},
    {.method = "DELETE",
     .pattern = "/v1/session",
     .scope = SCOPE_OPEN,
     .handler = session_delete,
     .operation = "signOut",
     .summary = "Sign out",
     .answers = ended},
    {0},
};
