/* SPDX-License-Identifier: Apache-2.0 */
/* What integration tests share: real servers, the real binary, HTTP, waiting.
 *
 *   int main(void)
 *   {
 *       const struct CMUnitTest tests[] = {
 *           cmocka_unit_test_setup_teardown(a_sentence, support_setup, support_teardown)};
 *       return support_run("the group's name", tests, sizeof(tests) / sizeof(tests[0]));
 *   }
 *
 * Servers start when they are first asked for, in a temporary folder, and serve the whole program;
 * they and every footfall started here die with the test program, however that ends. When a test
 * fails, the ends of their logs are printed. Started as root they run as `postgres`, else `nobody`.
 */
#ifndef SUPPORT_SUPPORT_H
#define SUPPORT_SUPPORT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "tests/support/wait.h"

/* ------------------------------------------------------------------ the program */

/* Runs the tests; prints logs if any failed; stops what was started and removes its folder. The
 * result is main's. */
int support_run(const char *name, const struct CMUnitTest *tests, size_t n);
/* For single tests (optional): teardown stops what the test left of its footfalls, and checks
 * nothing. */
int support_setup(void **state);
int support_teardown(void **state);

/* A new empty folder under the program's own, which the servers' user can enter; removed at the
 * end. Free the path. */
char *support_folder(void);
/* Fails the test with the error's text unless result is 0. */
void support_ok(int result, const struct err *e);
/* The user that servers and footfall run as (for servers_options.user, --user); NULL: oneself. */
const char *support_user(void);
/* $FOOTFALL_TEST_DATA/name, default ../shared/data/name; NULL, said aloud, when there is none:
 * skip(). Free it. */
char *support_data(const char *name);

/* ------------------------------------------------------------------ servers */

/* The URI of a fresh, empty database (UTF8, locale C) in the program's PostgreSQL; the caller frees
 * it. */
char *support_postgres(void);
/* "unix:/path": the program's Redis, emptied by this call. The servers keep the string. */
const char *support_redis(void);
/* Kills the server outright and has it started again; returns when it answers. */
void support_postgres_kill9(void);
void support_redis_kill9(void);
void support_servers_stop(void); /* support_run does it */

/* Runs SQL; the first column of the first row, "" without rows or for NULL. Fails the test on an
 * error. Free it. */
char *support_sql(const char *uri, const char *sql);
int64_t support_sql_int(const char *uri, const char *sql);
/* Runs a Redis command (its words, NULL-ended); a one-line rendering of the reply. Free it. */
char *support_redis_command(const char *uri, ...) __attribute__((sentinel));

/* ------------------------------------------------------------------ the real binary */

struct support_footfall {
    pid_t pid;         /* -1: not running */
    char *data_dir;    /* the caller's, or made */
    char *url;         /* "http://127.0.0.1:43210", from its ready line */
    char *admin_token; /* DIR/admin-token, once it is ready; NULL if there is none */
    char *log;         /* its stderr, in the program's folder */
    int out_fd;        /* its stdout */
};

/* Starts `footfall serve` on a free port with these further arguments (NULL-ended; NULL: none) in
 * data_dir (NULL: a new folder), and waits for "footfall ready". Fails the test if it ends instead.
 */
void support_footfall_start(struct support_footfall *f, const char *data_dir,
                            const char *const *arguments);
/* The same in two halves: who stands by is not ready for long. */
void support_footfall_spawn(struct support_footfall *f, const char *data_dir,
                            const char *const *arguments);
void support_footfall_wait_ready(struct support_footfall *f);
bool support_footfall_said(const struct support_footfall *f, const char *text); /* on stderr */
/* SIGTERM; returns its exit status (128 + signal when killed). Keeps data_dir; start again with it.
 */
int support_footfall_stop(struct support_footfall *f);
void support_footfall_kill9(struct support_footfall *f);
void support_footfall_clear(struct support_footfall *f); /* stops it, frees the strings */

/* Runs another command of the binary to its end: footfall WORDS… (NULL-ended). stdout goes to out
 * (may be NULL; NUL-terminated), stderr to err_out (may be NULL). Returns the exit status. */
int support_footfall_run(struct buf *out, struct buf *err_out, const char *const *words);

/* ------------------------------------------------------------------ HTTP */

struct support_http {
    const char *method;     /* NULL: GET, or POST with a body */
    const char *url;        /* whole */
    const char *token;      /* bearer; NULL: none */
    const char *headers[8]; /* "content-type: application/json"; ended by NULL */
    struct span body;       /* absent: none */
    long timeout_ms;        /* 0: 30 s */
};

struct support_answer {
    int status;         /* 0: no answer (refused, cut off, timed out) */
    struct buf headers; /* raw lines */
    struct buf body;    /* NUL-terminated, n without it */
};

/* One request on a connection of its own. Clear the answer. */
struct support_answer support_http(const struct support_http *request);
struct span support_header(const struct support_answer *a,
                           const char *lower_case_name); /* or absent */
void support_answer_clear(struct support_answer *a);

#endif
