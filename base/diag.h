/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to the operator, on stderr, a line each: "2026-11-23T10:00:00Z warning ingest: text".
 * (log_ always means the event log.) Any thread. Never put query strings, tokens or addresses in.
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <stdint.h>

enum diag_level { DIAG_ERROR, DIAG_WARNING, DIAG_INFO };
extern const char *const diag_level_names[3]; /* "error", "warning", "info" */

void diag(enum diag_level level, const char *area, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The last errors and warnings are kept, for who asks the service and not its stderr. */
enum { DIAG_KEPT = 20 };
struct diag_message {
    int64_t at_us;
    enum diag_level level;
    char area[16], text[400]; /* cut to that */
};
/* The newest first; returns how many. */
unsigned diag_recent(struct diag_message out[DIAG_KEPT]);

#endif
