/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a request. Everything handed out lives until the request is answered. */
#include "base/http_internal.h"

#include <stdlib.h>

static struct span span_of_iovec(h2o_iovec_t v)
{
    return (struct span){v.base, v.len};
}

struct span http_method(const struct http_request *r)
{
    return span_of_iovec(r->req->method);
}

struct span http_path(const struct http_request *r)
{
    return span_of_iovec(r->req->path_normalized);
}

struct span http_query(const struct http_request *r)
{
    const h2o_req_t *req = r->req;
    if (req->query_at == SIZE_MAX)
        return SPAN_ABSENT;
    return (struct span){req->path.base + req->query_at + 1, req->path.len - req->query_at - 1};
}

struct span http_body(const struct http_request *r)
{
    struct span body = span_of_iovec(r->req->entity);
    return span_absent(body) ? SPAN_LITERAL("") : body;
}

static struct span host_of(const h2o_req_t *req)
{
    bool made_up = req->input.authority.base == req->hostconf->authority.hostport.base;
    return made_up ? SPAN_ABSENT : span_of_iovec(req->input.authority);
}

struct span http_header_at(const struct http_request *r, const char *lower_case_name, unsigned at)
{
    size_t n = strlen(lower_case_name);
    const h2o_token_t *token = h2o_lookup_token(lower_case_name, n);
    if (token == H2O_TOKEN_HOST)
        return at == 0 ? host_of(r->req) : SPAN_ABSENT;
    const h2o_headers_t *headers = &r->req->headers;
    ssize_t found = -1;
    do
        found = token != NULL ? h2o_find_header(headers, token, found)
                              : h2o_find_header_by_str(headers, lower_case_name, n, found);
    while (found != -1 && at-- > 0);
    return found == -1 ? SPAN_ABSENT : span_of_iovec(headers->entries[found].value);
}

struct span http_header(const struct http_request *r, const char *lower_case_name)
{
    return http_header_at(r, lower_case_name, 0);
}

struct span http_path_param(const struct http_request *r, const char *name)
{
    for (unsigned i = 0; r->entry != NULL && i < r->path.n_segments; i++)
        if (span_is(http_route_param_name(r->entry, i), name))
            return r->path.segments[i];
    return SPAN_ABSENT;
}

/* The query is parsed when first asked for. */
static int parse_query(struct http_request *r, struct err *e)
{
    if (r->query.params == NULL && r->query_error == NULL) {
        struct span raw = http_query(r);
        size_t room = query_room(raw);
        struct query_param *params = http_alloc(r, (room + 1) * sizeof(*params));
        char *text = http_alloc(r, raw.n + 1);
        struct err found = {0};
        if (query_parse(&r->query, raw, params, text, &found) != 0) {
            r->query_error = http_alloc(r, sizeof(found));
            *r->query_error = found;
        }
    }
    return r->query_error == NULL ? 0
                                  : err_set(e, r->query_error->kind, "%s", r->query_error->text);
}

struct span http_param(struct http_request *r, const char *name, unsigned n, struct err *e)
{
    if (parse_query(r, e) != 0)
        return SPAN_ABSENT;
    for (size_t i = 0; i < r->query.n; i++)
        if (span_is(r->query.params[i].name, name) && n-- == 0)
            return r->query.params[i].value;
    return SPAN_ABSENT;
}

bool http_param_at(struct http_request *r, unsigned i, struct span *name, struct span *value,
                   struct err *e)
{
    if (parse_query(r, e) != 0 || i >= r->query.n)
        return false;
    *name = r->query.params[i].name;
    *value = r->query.params[i].value;
    return true;
}

static struct address peer_of(const struct http_request *r)
{
    struct sockaddr_storage sa;
    struct address peer = {{0}};
    socklen_t n = r->req->conn->callbacks->get_peername(r->req->conn, (struct sockaddr *)&sa);
    if (n == 0 || address_of_socket((struct sockaddr *)&sa, &peer) != 0)
        return (struct address){{0}}; /* it has gone already */
    return peer;
}

/* Walks one X-Forwarded-For value from the right: moves *client to each hop that a trusted proxy
 * vouches for. False when the walk ended (an untrusted hop, or one that is no address). */
static bool walk_hops(const struct network_list *trusted, struct span value, struct address *client)
{
    size_t end = value.n;
    for (;;) {
        size_t start = end;
        while (start > 0 && value.p[start - 1] != ',')
            start--;
        struct address hop;
        if (address_parse_hop((struct span){value.p + start, end - start}, &hop) != 0)
            return false;
        *client = hop;
        if (!network_list_has(trusted, &hop))
            return false;
        if (start == 0)
            return true;
        end = start - 1;
    }
}

static struct address client_of(const struct http_request *r)
{
    const struct network_list *trusted = &r->conn->loop->server->trusted;
    const h2o_headers_t *headers = &r->req->headers;
    struct address client = peer_of(r);
    if (trusted->n == 0 || !network_list_has(trusted, &client))
        return client;
    for (size_t i = headers->size; i-- > 0;)
        if (headers->entries[i].name == &H2O_TOKEN_X_FORWARDED_FOR->buf &&
            !walk_hops(trusted, span_of_iovec(headers->entries[i].value), &client))
            break;
    return client;
}

struct span http_client(struct http_request *r)
{
    if (span_absent(r->client)) {
        char *text = http_alloc(r, ADDRESS_TEXT_BYTES);
        struct address client = client_of(r);
        r->client = (struct span){text, address_format(text, &client)};
    }
    return r->client;
}

const struct http_route *http_route_of(const struct http_request *r)
{
    return r->entry == NULL ? NULL : r->entry->route;
}

struct http_loop *http_loop_of(const struct http_request *r)
{
    return r->conn->loop;
}

void *http_alloc(struct http_request *r, size_t n)
{
    void *p = h2o_mem_alloc_pool(&r->req->pool, n);
    memset(p, 0, n);
    return p;
}

struct http_identity *http_identity_of(struct http_request *r)
{
    return &r->identity;
}
