/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that the endpoints share. */
#include "api/accept.h"
#include "api/api_internal.h"

void api_send_refusal(struct http_request *r, const struct refusal *refused)
{
    if (refused->err.kind != ERR_INPUT) {
        http_send_error(r, &refused->err);
        return;
    }
    const char *field = refused->field[0] == '\0' ? NULL : refused->field;
    http_send_problem(r, &(struct http_problem){.slug = "bad-request", .field = field}, "%s",
                      refused->err.text);
}

void api_send_not_found(struct http_request *r, const char *what, struct span name)
{
    http_send_problem(r, &(struct http_problem){.slug = "not-found"}, "there is no %s \"%.*s\"",
                      what, SPAN_ARGS(refusal_excerpt(name)));
}

void api_send_json(struct http_request *r, int status, struct span body)
{
    http_send(r, &(struct http_answer){
                     .status = status, .content_type = "application/json", .body = body});
}

bool api_allow_all_sites(struct http_request *r)
{
    const struct http_identity *who = http_identity_of(r);
    if (span_absent(who->site))
        return true;
    http_send_problem(r, &(struct http_problem){.slug = "forbidden"},
                      "the token is for the site %.*s only; this concerns all sites",
                      SPAN_ARGS(who->site));
    return false;
}

bool api_allow_site(struct http_request *r, struct span site)
{
    struct span own = http_identity_of(r)->site;
    if (span_absent(own) || span_equal(own, site))
        return true;
    http_send_problem(r, &(struct http_problem){.slug = "forbidden", .field = "site"},
                      "site: the token is for the site %.*s only", SPAN_ARGS(own));
    return false;
}

static void put_lower(struct span name, char out[SITE_BYTES])
{
    for (size_t i = 0; i < name.n; i++)
        out[i] = (char)(name.p[i] | (name.p[i] >= 'A' && name.p[i] <= 'Z' ? 0x20 : 0));
    out[name.n] = '\0';
}

int api_find_site(struct api *a, struct span asked, struct span own, char out[SITE_BYTES],
                  struct refusal *e)
{
    char resolved[SITE_BYTES];
    if (span_absent(asked) && span_absent(own))
        return refuse(e, "site", "site: is needed, since the token is not for one site");
    struct span site = span_absent(asked) ? own : asked;
    if (!span_absent(asked) && !sites_find(a->parts.sites, site, NULL) &&
        sites_resolve(a->parts.sites, site, resolved))
        site = span_of(resolved);
    out[0] = '\0';
    if (site.n < SITE_BYTES)
        put_lower(site, out);
    return site_name_valid(span_of(out)) ? 0
                                         : refuse(e, "site", "site: \"%.*s\" is no name of a site",
                                                  SPAN_ARGS(refusal_excerpt(asked)));
}

bool api_take_id(struct http_request *r, const char *what, int64_t *id)
{
    struct span text = http_path_param(r, "id");
    bool good = text.n > 0 && text.n <= 18;
    *id = 0;
    for (size_t i = 0; good && i < text.n; i++) {
        good = text.p[i] >= '0' && text.p[i] <= '9';
        *id = *id * 10 + (text.p[i] - '0');
    }
    if (!good)
        api_send_not_found(r, what, text);
    return good;
}

static const char *const forms[] = {
    [WRITE_JSON] = "application/json", [WRITE_MSGPACK] = "application/msgpack", NULL};

const char *api_content_type(enum writer_form form)
{
    return forms[form];
}

bool api_choose_form(struct http_request *r, enum writer_form *out)
{
    int chosen = accept_choose(http_header(r, "accept"), forms);
    if (chosen < 0)
        http_send_problem(r, &(struct http_problem){.slug = "not-acceptable", .field = "accept"},
                          "give application/json or application/msgpack");
    else
        *out = (enum writer_form)chosen;
    return chosen >= 0;
}

void api_put_time(struct writer *w, const char *key, int64_t t_us)
{
    char text[CLOCK_TEXT_BYTES];
    int n = t_us == 0 ? 0 : clock_format(text, t_us, 6);
    writer_put_text(w, key, n == 0 ? SPAN_ABSENT : (struct span){text, (size_t)n});
}
