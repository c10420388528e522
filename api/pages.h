/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_PAGES_H
#define API_PAGES_H

#include "base/err.h"
#include "base/span.h"

/* What a page may load and ask: itself, and nothing inline. frame-ancestors is to follow. */
#define PAGES_POLICY                                                                               \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "              \
    "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "

/* The Content-Security-Policy of the dashboard, which pages of these origins may show in a frame:
 * "https://intranet.example, http://127.0.0.1:3000"; NULL or empty: none may. The caller frees
 * out->p. ERR_INPUT names what is no origin. */
int pages_policy(struct span *out, const char *embed_origins, struct err *e) MUST_CHECK;

#endif
