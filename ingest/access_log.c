/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/access_log.h"

#include <stdio.h>
#include <strings.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/utf8.h"

struct cursor {
    const char *p, *end;
};

/* ------------------------------------------------------------------ pieces */

/* Bytes up to the next space or the end; the space is taken too. */
static struct span take_word(struct cursor *c)
{
    const char *start = c->p, *space = memchr(start, ' ', (size_t)(c->end - start));
    const char *stop = space == NULL ? c->end : space;
    c->p = space == NULL ? c->end : space + 1;
    return (struct span){start, (size_t)(stop - start)};
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One escape of Apache's ap_escape_logitem or nginx's "default". *used: bytes of it; 0 if the
 * backslash stands for itself. */
static char unescape(const char *p, size_t n, size_t *used)
{
    static const char letters[] = "\"\\ntrbvf", meanings[] = "\"\\\n\t\r\b\v\f";
    if (n >= 4 && p[1] == 'x' && hex_digit(p[2]) >= 0 && hex_digit(p[3]) >= 0) {
        *used = 4;
        return (char)(hex_digit(p[2]) * 16 + hex_digit(p[3]));
    }
    const char *letter = n >= 2 && p[1] != '\0' ? strchr(letters, p[1]) : NULL;
    *used = letter == NULL ? 0 : 2;
    return letter == NULL ? '\\' : meanings[letter - letters];
}

static struct span undo_escapes(struct span s, struct arena *memory)
{
    if (s.n == 0 || memchr(s.p, '\\', s.n) == NULL)
        return s;
    char *out = arena_alloc(memory, s.n);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        size_t used = 0;
        out[n++] = s.p[i] == '\\' ? unescape(s.p + i, s.n - i, &used) : s.p[i];
        i += used == 0 ? 0 : used - 1;
    }
    return (struct span){out, n};
}

/* Bytes at p that may stay as they are; 0: this byte must be percent-encoded. */
static size_t clean_bytes(const char *p, size_t n)
{
    unsigned char first = (unsigned char)*p;
    return first < 0x20 || first == 0x7f ? 0 : utf8_character(p, n);
}

static bool is_clean(struct span s)
{
    for (size_t i = 0, step; i < s.n; i += step)
        if ((step = clean_bytes(s.p + i, s.n - i)) == 0)
            return false;
    return true;
}

static struct span percent_encode(struct span s, struct arena *memory)
{
    static const char hex[] = "0123456789ABCDEF";
    if (is_clean(s))
        return s;
    char *out = arena_alloc(memory, s.n * 3);
    size_t n = 0;
    for (size_t i = 0; i < s.n;) {
        size_t step = clean_bytes(s.p + i, s.n - i);
        if (step == 0) {
            unsigned char byte = (unsigned char)s.p[i++];
            out[n++] = '%';
            out[n++] = hex[byte >> 4];
            out[n++] = hex[byte & 15];
        }
        memcpy(out + n, s.p + i, step);
        n += step;
        i += step;
    }
    return (struct span){out, n};
}

/* "…": the bytes between the quotes, as written. -1 without both quotes. */
static int take_quoted(struct cursor *c, struct span *raw)
{
    if (c->p == c->end || *c->p != '"')
        return -1;
    const char *start = ++c->p;
    for (; c->p < c->end && *c->p != '"'; c->p++)
        if (*c->p == '\\' && c->p + 1 < c->end)
            c->p++;
    if (c->p >= c->end)
        return -1;
    *raw = (struct span){start, (size_t)(c->p++ - start)};
    return 0;
}

static bool take_space(struct cursor *c)
{
    if (c->p == c->end || *c->p != ' ')
        return false;
    c->p++;
    return true;
}

static struct span text_or_absent(struct span raw, struct arena *memory)
{
    if (raw.n == 0 || span_is(raw, "-"))
        return SPAN_ABSENT;
    return percent_encode(undo_escapes(raw, memory), memory);
}

/* ------------------------------------------------------------------ fields */

static bool is_host_name(struct span s)
{
    if (s.n == 0 || s.n > 253 || span_is(s, "-"))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              c == '.' || c == '-' || c == '_'))
            return false;
    }
    return true;
}

static int parse_client(struct cursor *c, struct access_line *out, struct err *e)
{
    struct span s = take_word(c);
    const char *zone = s.n == 0 ? NULL : memchr(s.p, '%', s.n); /* fe80::1%eth0 */
    struct span address = {s.p, zone == NULL ? s.n : (size_t)(zone - s.p)};
    struct address ignored;
    out->client_is_address = address_parse(address, &ignored) == 0;
    out->client = out->client_is_address ? address : s;
    if (!out->client_is_address && !is_host_name(s))
        return err_set(e, ERR_INPUT, "does not begin with an address or a host name");
    return 0;
}

static int number(struct span digits, int64_t *value)
{
    *value = 0;
    if (digits.n == 0 || digits.n > 18)
        return -1;
    for (size_t i = 0; i < digits.n; i++) {
        if (digits.p[i] < '0' || digits.p[i] > '9')
            return -1;
        *value = *value * 10 + (digits.p[i] - '0');
    }
    return 0;
}

static int parse_vhost(struct cursor *c, struct access_line *out, struct err *e)
{
    struct span s = take_word(c);
    const char *colon = s.n == 0 ? NULL : memrchr(s.p, ':', s.n);
    struct span name = {s.p, colon == NULL ? s.n : (size_t)(colon - s.p)};
    int64_t port = 0;
    if (colon != NULL) {
        struct span digits = {colon + 1, s.n - name.n - 1};
        if (number(digits, &port) != 0 || port < 1 || port > 65535)
            return err_set(e, ERR_INPUT, "does not begin with a virtual host and its port");
    }
    if (!is_host_name(name))
        return err_set(e, ERR_INPUT, "does not begin with the name of a virtual host");
    out->vhost = name;
    out->vhost_port = (int)port;
    return 0;
}

enum { TIME_BYTES = 26 }; /* 17/May/2015:10:05:03 +0000 */

static int month_number(const char *name)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++)
        if (strncasecmp(name, months + 3 * i, 3) == 0)
            return i + 1;
    return 0;
}

/* Written anew as RFC 3339, so that the one reader of dates checks it. */
static int parse_time(const char *t, int64_t *time_us)
{
    char text[48];
    if (t[2] != '/' || t[6] != '/' || t[11] != ':' || t[20] != ' ' ||
        memchr(t, '\0', TIME_BYTES) != NULL)
        return -1;
    int n = snprintf(text, sizeof(text), "%.4s-%02d-%.2sT%.8s%.3s:%.2s", t + 7, month_number(t + 3),
                     t, t + 12, t + 21, t + 24);
    return clock_parse(text, (unsigned long)n, time_us);
}

/* " [TIME] " ends the user, who may be called anything. Ident and user must be there. */
static int parse_time_after_user(struct cursor *c, struct access_line *out, struct err *e)
{
    struct span ident = take_word(c);
    for (const char *p = c->p; p < c->end; p++) {
        p = memchr(p, '[', (size_t)(c->end - p));
        if (p == NULL || c->end - p < TIME_BYTES + 3)
            break;
        if (p - c->p < 2 || p[-1] != ' ' || p[TIME_BYTES + 1] != ']' || p[TIME_BYTES + 2] != ' ' ||
            parse_time(p + 1, &out->time_us) != 0)
            continue;
        c->p = p + TIME_BYTES + 3;
        return ident.n > 0 ? 0 : err_set(e, ERR_INPUT, "has no ident and user before the time");
    }
    return err_set(e, ERR_INPUT, "has no time like [17/May/2015:10:05:03 +0000] after the user");
}

/* METHOD TARGET PROTOCOL. Clients send anything here ("-", half a TLS handshake): what has no
 * target is a line all the same, and no page view. */
static void split_request(struct span request, struct access_line *out)
{
    struct cursor c = {request.p, request.p + request.n};
    out->method = take_word(&c);
    if (c.p == c.end)
        return;
    out->target = (struct span){c.p, (size_t)(c.end - c.p)};
    const char *space = memrchr(c.p, ' ', out->target.n);
    if (space == NULL || c.end - space < 6 || memcmp(space + 1, "HTTP/", 5) != 0)
        return; /* HTTP/0.9 */
    out->protocol = (struct span){space + 1, (size_t)(c.end - space - 1)};
    out->target.n = (size_t)(space - c.p);
}

static int parse_request(struct cursor *c, struct arena *memory, struct access_line *out,
                         struct err *e)
{
    struct span raw;
    if (take_quoted(c, &raw) != 0 || !take_space(c))
        return err_set(e, ERR_INPUT, "has no request in quotes after the time");
    split_request(percent_encode(undo_escapes(raw, memory), memory), out);
    return 0;
}

static int parse_status_and_bytes(struct cursor *c, struct access_line *out, struct err *e)
{
    int64_t status;
    struct span digits = take_word(c);
    if (digits.n != 3 || number(digits, &status) != 0 || status < 100)
        return err_set(e, ERR_INPUT, "has no status of three digits after the request");
    out->status = (int)status;
    struct span bytes = take_word(c);
    out->bytes = -1;
    if (!span_is(bytes, "-") && number(bytes, &out->bytes) != 0)
        return err_set(e, ERR_INPUT, "has no number of bytes after the status");
    return 0;
}

static int parse_quoted_pair(struct cursor *c, struct arena *memory, struct access_line *out,
                             struct err *e)
{
    struct span referrer, agent;
    if (take_quoted(c, &referrer) != 0 || !take_space(c))
        return err_set(e, ERR_INPUT, "has no referrer in quotes after the number of bytes");
    if (take_quoted(c, &agent) != 0 || (c->p != c->end && *c->p != ' '))
        return err_set(e, ERR_INPUT, "has no user agent in quotes after the referrer");
    out->referrer = text_or_absent(referrer, memory);
    out->user_agent = text_or_absent(agent, memory);
    return 0;
}

/* ------------------------------------------------------------------ the line */

static const struct {
    const char *name;
    enum access_format format;
} formats[] = {
    /* in the order of detection: common would be a start of combined */
    {"vhost_combined", ACCESS_VHOST_COMBINED},
    {"combined", ACCESS_COMBINED},
    {"common", ACCESS_COMMON},
};

enum { N_FORMATS = sizeof(formats) / sizeof(formats[0]) };

enum access_format access_log_format(const char *name)
{
    for (int i = 0; i < N_FORMATS; i++)
        if (strcmp(name, formats[i].name) == 0)
            return formats[i].format;
    return ACCESS_UNKNOWN;
}

enum access_format access_log_detect(struct span line, struct arena *memory)
{
    for (int i = 0; i < N_FORMATS; i++) {
        struct access_line ignored;
        if (access_log_parse(line, formats[i].format, memory, &ignored, NULL) == 0)
            return formats[i].format;
    }
    return ACCESS_UNKNOWN;
}

int access_log_parse(struct span line, enum access_format format, struct arena *memory,
                     struct access_line *out, struct err *e)
{
    if (line.n == 0)
        return err_set(e, ERR_INPUT, "is empty");
    struct cursor c = {line.p, line.p + line.n};
    *out = (struct access_line){.bytes = -1};
    if (format == ACCESS_VHOST_COMBINED && parse_vhost(&c, out, e) != 0)
        return -1;
    if (parse_client(&c, out, e) != 0 || parse_time_after_user(&c, out, e) != 0 ||
        parse_request(&c, memory, out, e) != 0 || parse_status_and_bytes(&c, out, e) != 0)
        return -1;
    if (format != ACCESS_COMMON)
        return parse_quoted_pair(&c, memory, out, e);
    return c.p == c.end ? 0 : err_set(e, ERR_INPUT, "goes on after the number of bytes");
}

/* ------------------------------------------------------------------ page views */

static const char *const not_pages[] = {
    "css",  "js",  "mjs",  "map", "json", "xml",  "txt", "csv",  "rss",   "atom", "png", "jpg",
    "jpeg", "gif", "svg",  "ico", "webp", "avif", "bmp", "woff", "woff2", "ttf",  "otf", "eot",
    "mp3",  "mp4", "webm", "ogg", "avi",  "mov",  "pdf", "zip",  "gz",    "tar",  "rar", "7z",
};

static bool ends_like_a_page(struct span target)
{
    const char *query = target.n == 0 ? NULL : memchr(target.p, '?', target.n);
    struct span path = {target.p, query == NULL ? target.n : (size_t)(query - target.p)};
    const char *dot = path.n == 0 ? NULL : memrchr(path.p, '.', path.n);
    if (dot == NULL)
        return true;
    size_t n = path.n - (size_t)(dot + 1 - path.p);
    for (size_t i = 0; i < sizeof(not_pages) / sizeof(not_pages[0]); i++)
        if (strlen(not_pages[i]) == n && strncasecmp(dot + 1, not_pages[i], n) == 0)
            return false;
    return true;
}

bool access_log_is_page_view(const struct access_line *line)
{
    bool answered = (line->status >= 200 && line->status <= 299) || line->status == 304;
    return answered && span_is(line->method, "GET") && !span_absent(line->target) &&
           ends_like_a_page(line->target);
}
