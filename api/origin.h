/* SPDX-License-Identifier: Apache-2.0 */
/* From where a request comes (Origin, RFC 6454) and to which name it was sent (Host): what keeps
 * other pages from acting with the cookie of one who is signed in. */
#ifndef API_ORIGIN_H
#define API_ORIGIN_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"

enum origin_kind {
    ORIGIN_NONE, /* no such header: no browser, or a GET */
    ORIGIN_SAME, /* a page of this host */
    ORIGIN_OTHER /* another, "null", or nothing that makes sense */
};

/* Same: host and port are those of Host, where a port that is not said is the default of the
 * Origin's scheme. The scheme itself is not compared: behind a proxy nobody here knows it. Pure. */
enum origin_kind origin_compare(struct span origin, struct span host);
bool origin_is_https(struct span origin);

/* The names by which browsers may reach the service: a page elsewhere whose name someone points at
 * this address (DNS rebinding) is not among them. Addresses, localhost, *.localhost and the
 * machine's name always are. Any thread. */
struct host_names;
struct host_names *host_names_new(const char *machine); /* NULL: it has no name */
void host_names_free(struct host_names *h);             /* NULL is fine */
/* The further names: comma-separated, without port; NULL or "": none. ERR_INPUT leaves what is. */
int host_names_set(struct host_names *h, const char *list, struct err *e) MUST_CHECK;
/* host: a Host header. */
bool host_names_have(struct host_names *h, struct span host);

#endif
