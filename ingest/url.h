/* SPDX-License-Identifier: Apache-2.0 */
/* A page's address taken apart: host, path, query, campaign. Pure, bounded, any thread. */
#ifndef INGEST_URL_H
#define INGEST_URL_H

#include "base/span.h"

enum { HOST_MAX_BYTES = 253 };

struct url {
    struct span
        host; /* lower case, without userinfo, port and final dot; absent in a path-only URL */
    struct span path;  /* as sent, "/" when empty */
    struct span query; /* as sent, without "?"; absent when there is none or it is empty */
    struct span utm_source, utm_medium, utm_campaign; /* decoded; absent when missing or empty */
};

/* "https://User@Example.com:8080/a?b#c" gives example.com, /a, b. Any scheme with "//HOST", or an
 * absolute path. The fragment is dropped. host and utm texts are made in room, which must hold
 * text.n + HOST_MAX_BYTES bytes; the rest borrows text. NULL on success, else what is wrong:
 * "is not an absolute URL or an absolute path". Control characters are the caller's business. */
const char *url_split(struct span text, char *room, struct url *out);

/* A line end or another control character: no URL holds one. */
bool url_has_control(struct span text);

/* Only the host of an absolute URL, or absent. room: HOST_MAX_BYTES. */
struct span url_host(struct span text, char *room);

/* A domain-like name (letters, digits, "-", "_", labels between dots; any case; a port may follow)
 * in lower case into room[HOST_MAX_BYTES]; absent if it is none. */
struct span url_site_name(struct span text, char *room);

/* A host as url_split gives it can name a site as it is: no IPv6 address, nothing but ASCII. */
bool url_host_is_site(struct span host);

#endif
