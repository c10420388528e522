/* SPDX-License-Identifier: Apache-2.0 */
/* A progress bar on standard error, if that is a terminal; else nothing is shown. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct progress {
    bool shown; /* a line is on the terminal */
    int64_t next_us;
};

/* "label [=====>    ] 42 % text". total 0: not known, no bar. Draws at most ten times a second. */
void progress_show(struct progress *p, const char *label, int64_t done, int64_t total,
                   const char *format, ...) PRINTF_LIKE(5, 6);
/* Takes the line away, before anything else is printed and at the end. */
void progress_hide(struct progress *p);

#endif
