/* SPDX-License-Identifier: Apache-2.0 */
/* One line of a web server's access log, in the formats Apache and nginx write by default:
 *
 *   common          ADDRESS IDENT USER [17/May/2015:10:05:03 +0000] "GET /path HTTP/1.1" 200 1234
 *   combined        common, then "REFERRER" "USER AGENT"
 *   vhost_combined  NAME[:PORT] before combined
 *
 * Fields that a longer format adds after the user agent are left alone. The bytes come from
 * strangers. In the quoted fields the writers' escapes (\" \\ \n \t \r \b \v \f \xHH) are undone;
 * then every byte that is not part of well-formed UTF-8, and every control character, is
 * percent-encoded: the texts are valid UTF-8 and nothing is lost. No state, any thread. */
#ifndef INGEST_ACCESS_LOG_H
#define INGEST_ACCESS_LOG_H

#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/span.h"

enum access_format { ACCESS_UNKNOWN, ACCESS_COMMON, ACCESS_COMBINED, ACCESS_VHOST_COMBINED };

/* Spans point into the line or into the arena it was parsed with. */
struct access_line {
    struct span vhost;      /* host name, without the port; absent unless vhost_combined */
    int vhost_port;         /* 0: not given */
    struct span client;     /* an address, or a host name (HostnameLookups) */
    bool client_is_address; /* IPv4 or IPv6, without a zone */
    int64_t time_us;
    struct span method, target, protocol; /* target and protocol may be absent: "GET", "-" */
    int status;                           /* 100 … 999 */
    int64_t bytes;                        /* -1: "-" */
    struct span referrer, user_agent;     /* "-" and "" are absent */
};

/* "combined" …; ACCESS_UNKNOWN for other names. */
enum access_format access_log_format(const char *name);

/* The format this line is in, or ACCESS_UNKNOWN. */
enum access_format access_log_detect(struct span line, struct arena *memory);

/* line: without its line end. ERR_INPUT says what is wrong with it. */
int access_log_parse(struct span line, enum access_format format, struct arena *memory,
                     struct access_line *out, struct err *e) MUST_CHECK;

/* A page view: method GET, status 200–299 or 304, and a path (without query, any case) that does
 * not end like a style sheet, script, picture, font, archive, feed … */
bool access_log_is_page_view(const struct access_line *line);

#endif
