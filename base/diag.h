/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to the operator, on stderr, a line each: "2026-11-23T10:00:00Z warning ingest: text".
 * (log_ always means the event log.) Any thread. Never put query strings, tokens or addresses in.
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

enum diag_level { DIAG_ERROR, DIAG_WARNING, DIAG_INFO };

void diag(enum diag_level level, const char *area, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
