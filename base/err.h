/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: the first cause with its kind. A failing function returns -1 and fills the caller's
 * struct err; only the edges (an HTTP answer, the writer's retry, main) look at the kind. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_kind {
    ERR_NONE = 0,
    ERR_INPUT, /* the sender's fault: 400, exit 2 where it is the command line */
    ERR_BUSY,  /* a bound is reached: 503, try later */
    ERR_DOWN,  /* PostgreSQL or Redis is away: retry */
    ERR_DATA,  /* stored bytes make no sense: stop */
};

struct err {
    enum err_kind kind;
    char text[480]; /* names the thing, the value and what to do; one line */
};

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

/* Records the cause unless one is recorded already; returns -1, so that a function can end with
 * `return err_set(e, ERR_INPUT, "...")`. e may be NULL. */
int err_set(struct err *e, enum err_kind kind, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts "context: " before a recorded text (what was being done when it failed); returns -1. */
int err_context(struct err *e, const char *format, ...) PRINTF_LIKE(2, 3);

void err_clear(struct err *e);

#endif
