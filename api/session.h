/* SPDX-License-Identifier: Apache-2.0 */
/* The session of a browser: a cookie that stands for a token, and what keeps other pages from using
 * it or from signing someone in. What refuses a request answers it and returns false. */
#ifndef API_SESSION_H
#define API_SESSION_H

#include "api/api_internal.h"

#define SESSION_COOKIE "footfall_session"

/* The cookie's secret, of its proper form; absent when there is none, or several: then the one that
 * another page of the domain has put there cannot be told from the right one. */
struct span session_secret(struct http_request *r);
/* The sign-in that it stands for; false when there is none. */
bool session_find(struct api *a, struct http_request *r, struct sign_in *out);

/* Whether the request may use its cookie: it was sent to a known name, and when it changes
 * something it comes from a page of that name, with JSON (421, 403). */
bool session_allow(struct api *a, struct http_request *r);

/* The parts of that. */
enum session_origin { ORIGIN_REQUIRED, ORIGIN_OPTIONAL /* scripts send none */ };
bool session_is_at_known_name(struct api *a, struct http_request *r);
bool session_is_from_own_page(struct http_request *r, enum session_origin needed);
bool session_sends_json(struct http_request *r); /* answers nothing */

#endif
