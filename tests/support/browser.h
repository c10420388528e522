/* SPDX-License-Identifier: Apache-2.0 */
/* A service and the requests that a browser sends it, with cookies and origins. The service's
 * clients are behind a proxy (X-Forwarded-For), so that each may try to sign in often. */
#ifndef SUPPORT_BROWSER_H
#define SUPPORT_BROWSER_H

#include "tests/support/support.h"

#define BROWSER_COOKIE "footfall_session"
#define BROWSER_JSON "content-type: application/json"
#define HEADERS(...) ((const char *const[]){__VA_ARGS__, NULL})

struct browser {
    char *postgres;
    const char *redis;
    struct support_footfall footfall;
    char *code;   /* of its link */
    char *origin; /* "origin: http://127.0.0.1:43210" */
    unsigned n_clients;
};
struct browser *browser(void); /* one for the whole test program */

/* Of a test program: starts and stops the service, whose name is also stats.example.com. */
int browser_set_up(void **state);
int browser_tear_down(void **state);
/* Another process on the same servers. */
void browser_start(struct support_footfall *f, const char *data_dir, const char *roles);
/* The code of the link that it has printed after its ready line. Free it. */
char *browser_read_code(const struct support_footfall *f);

/* headers: four at most, ended by NULL; NULL: none. Clear the answer. */
struct support_answer browser_ask(const struct support_footfall *f, const char *method,
                                  const char *path, const char *const *headers, const char *body);
int browser_status(const struct support_footfall *f, const char *method, const char *path,
                   const char *const *headers, const char *body);
int browser_get(const char *path, const char *cookie);

/* Fail the test, showing the answer; text is in its body (NULL: whatever). */
void browser_expect(const struct support_answer *a, int status, const char *text);
void browser_expect_problem(struct support_answer a, int status, const char *slug); /* clears it */

/* "cookie: footfall_session=SECRET", as a browser sends back what it was given. Free it. */
char *browser_cookie(const struct support_answer *a);
/* member: "token" or "code". */
struct support_answer browser_try(const struct support_footfall *f, const char *member,
                                  const char *secret);
char *browser_sign_in(const struct support_footfall *f, const char *token); /* the cookie */
char *browser_sign_in_admin(void);
/* A token, of options as POST /v1/admin/tokens takes them; its id to *id (may be NULL). */
char *browser_make_token(const char *options, int64_t *id);

#endif
