/* SPDX-License-Identifier: Apache-2.0 */
/* Cookies as browsers send them (RFC 6265). Pure. */
#ifndef API_COOKIE_H
#define API_COOKIE_H

#include "base/span.h"

/* The value of the n-th (from 0) cookie of that name in a Cookie header, as it stands there; absent
 * when there are not so many. What is no NAME=VALUE is passed over. */
struct span cookie_find(struct span header, const char *name, unsigned n);

#endif
