/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of work spread over a few threads that stay: each piece is taken by whichever thread is
 * free next, and all are done when parallel_run returns. Pieces share nothing that is not locked.
 */
#ifndef BASE_PARALLEL_H
#define BASE_PARALLEL_H

#include "base/err.h"

struct parallel;

enum { PARALLEL_MAX_THREADS = 64 };

/* n_threads: 1 to PARALLEL_MAX_THREADS, the caller of parallel_run among them. They inherit the
 * nice value of the thread that opens it. */
int parallel_open(struct parallel **out, unsigned n_threads, struct err *e) MUST_CHECK;
void parallel_close(struct parallel *p); /* NULL is fine */

/* Calls work(context, i) once for each i below n, the low ones first, here and on the other
 * threads. p NULL: all here. One caller at a time. */
void parallel_run(struct parallel *p, unsigned n, void (*work)(void *context, unsigned i),
                  void *context);

#endif
