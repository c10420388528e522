/* SPDX-License-Identifier: Apache-2.0 */
/* The real service as a client of its API sees it. One for the whole test program. */
#ifndef SUPPORT_API_RIG_H
#define SUPPORT_API_RIG_H

#include "base/json.h"
#include "tests/support/support.h"

struct api_rig {
    struct support_footfall footfall;
    struct json *json; /* of the last rig_json */
};

/* Starts the service (with its own servers) when first asked for. */
struct api_rig *rig(void);
void rig_clear(void); /* once it has stopped */

struct rig_request {
    const char *method; /* NULL: GET, or POST with a body */
    const char *token;  /* NULL: the admin's; "": none */
    const char *accept, *if_none_match, *content_type;
    const char *body;
};
struct support_answer rig_ask(const struct rig_request *q, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct support_answer rig_get(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Fails the test, showing the answer, unless it has this status. */
void rig_expect(const struct support_answer *a, int status);

/* The answer as JSON, valid until the next; fails the test when it is none. */
struct json_value rig_json(const struct support_answer *a);
struct json_value rig_member(const struct json_value *object, const char *name);
int64_t rig_int(const struct json_value *object, const char *name);
bool rig_text_is(const struct json_value *object, const char *name, const char *expected);

/* Posts events (NDJSON) with the admin token; fails unless all are accepted. */
void rig_post(struct span ndjson, int64_t n_events);
/* Until the views have reached the log's head. */
void rig_wait_caught_up(void);
/* A new token; free it. site NULL: any. */
char *rig_token(const char *scope, const char *site);

#endif
