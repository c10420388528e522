/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/import_event.h"

#include <endian.h>
#include <inttypes.h>
#include <strings.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/siphash.h"
#include "base/utf8.h"

enum { MAX_REFERRER_BYTES = 4096, MAX_USER_AGENT_BYTES = 1024 }; /* the event's own bounds */

/* ------------------------------------------------------------------ log lines */

static void put_client(struct buf *out, const struct access_line *line)
{
    struct span client = line->client;
    char text[ADDRESS_TEXT_BYTES];
    if (!line->client_is_address) {
        static const uint8_t key[16] = "client by name.";
        uint64_t hash = siphash(siphash_key_of(key), client.p, client.n);
        struct address a = {.bytes = {0x20, 0x01, 0x0d, 0xb8}};
        hash = htobe64(hash);
        memcpy(a.bytes + 8, &hash, sizeof(hash));
        client = (struct span){text, address_format(text, &a)};
    }
    buf_put_text(out, ",\"ipAddress\":");
    buf_put_json(out, client);
}

/* The path and query of a request's target: as it is, or after scheme and host ("GET
 * http://host/path", as proxies are asked). Absent for anything else. */
static struct span path_of(struct span target)
{
    if (target.n > 0 && target.p[0] == '/')
        return target;
    size_t scheme = target.n >= 7 && strncasecmp(target.p, "http://", 7) == 0    ? 7
                    : target.n >= 8 && strncasecmp(target.p, "https://", 8) == 0 ? 8
                                                                                 : 0;
    if (scheme == 0)
        return SPAN_ABSENT;
    const char *slash = memchr(target.p + scheme, '/', target.n - scheme);
    if (slash == NULL)
        return SPAN_LITERAL("/");
    return (struct span){slash, target.n - (size_t)(slash - target.p)};
}

static void put_page(struct buf *out, const struct access_line *line, struct span path)
{
    struct buf url = {0};
    if (!span_absent(line->vhost)) {
        buf_put_text(&url, line->vhost_port == 443 ? "https://" : "http://");
        buf_put_span(&url, line->vhost);
        if (line->vhost_port != 0 && line->vhost_port != 80 && line->vhost_port != 443)
            buf_printf(&url, ":%d", line->vhost_port);
    }
    buf_put_span(&url, path);
    buf_put_text(out, ",\"pageUrl\":");
    buf_put_json(out, buf_span(&url));
    buf_clear(&url);
}

static void put_text(struct buf *out, const char *name, struct span text, size_t max)
{
    if (span_absent(text))
        return;
    buf_printf(out, ",\"%s\":", name);
    buf_put_json(out, utf8_cut(text, max));
}

int import_event_of_line(struct buf *out, const struct access_line *line, const char *site,
                         struct err *e)
{
    struct span path = path_of(line->target);
    if (span_absent(path))
        return err_set(e, ERR_INPUT, "its target \"%.*s\" is neither a path nor an http URL",
                       line->target.n > 80 ? 80 : (int)line->target.n, line->target.p);
    buf_printf(out, "{\"timestamp\":%" PRId64, line->time_us / US_PER_SECOND);
    put_client(out, line);
    put_page(out, line, path);
    put_text(out, "referrer", line->referrer, MAX_REFERRER_BYTES);
    put_text(out, "userAgent", line->user_agent, MAX_USER_AGENT_BYTES);
    put_text(out, "site", span_of(site), SIZE_MAX);
    buf_put_text(out, "}\n");
    return 0;
}

/* ------------------------------------------------------------------ JSON events */

static bool has_key(const struct json *parser, const struct json_value *object, const char *key)
{
    struct json_walk walk = json_enter(parser, object);
    for (struct json_member m; json_next(&walk, &m);)
        if (span_is(m.key, key))
            return true;
    return false;
}

/* Line ends can only stand between the tokens of valid JSON. */
static void put_on_one_line(struct buf *out, struct span text)
{
    uint8_t *to = buf_reserve(out, text.n);
    if (to == NULL)
        return;
    for (size_t i = 0; i < text.n; i++)
        to[i] = text.p[i] == '\n' || text.p[i] == '\r' ? ' ' : (uint8_t)text.p[i];
    out->n += text.n;
}

int import_event_of_json(struct buf *out, struct json *parser, struct span text, const char *site,
                         struct err *e)
{
    struct json_value root;
    if (json_parse(parser, text, &root, e) != 0)
        return -1;
    if (root.type != JSON_OBJECT)
        return err_set(e, ERR_INPUT, "is not a JSON object");
    if (site != NULL && !has_key(parser, &root, "site")) {
        const char *brace = memchr(text.p, '{', text.n);
        buf_put_text(out, "{\"site\":");
        buf_put_json(out, span_of(site));
        if (json_count(parser, &root) > 0)
            buf_put_byte(out, ',');
        text.n -= (size_t)(brace + 1 - text.p);
        text.p = brace + 1;
    }
    put_on_one_line(out, text);
    buf_put_byte(out, '\n');
    return 0;
}
