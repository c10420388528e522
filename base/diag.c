/* SPDX-License-Identifier: Apache-2.0 */
#include "base/diag.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

const char *const diag_level_names[3] = {"error", "warning", "info"};

/* The last ones: message i stands at i % DIAG_KEPT. */
static pthread_mutex_t kept_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct diag_message kept[DIAG_KEPT];
static uint64_t n_kept;

static void keep(enum diag_level level, const char *area, const char *text, size_t n)
{
    pthread_mutex_lock(&kept_mutex);
    struct diag_message *m = &kept[n_kept++ % DIAG_KEPT];
    m->at_us = clock_now_us();
    m->level = level;
    snprintf(m->area, sizeof m->area, "%s", area);
    snprintf(m->text, sizeof m->text, "%.*s", (int)n, text);
    pthread_mutex_unlock(&kept_mutex);
}

unsigned diag_recent(struct diag_message out[DIAG_KEPT])
{
    pthread_mutex_lock(&kept_mutex);
    unsigned n = n_kept < DIAG_KEPT ? (unsigned)n_kept : DIAG_KEPT;
    for (unsigned i = 0; i < n; i++)
        out[i] = kept[(n_kept - 1 - i) % DIAG_KEPT];
    pthread_mutex_unlock(&kept_mutex);
    return n;
}

void diag(enum diag_level level, const char *area, const char *format, ...)
{
    char line[1024];
    time_t now = time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    size_t n = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%SZ ", &tm);
    n += (size_t)snprintf(line + n, sizeof(line) - n, "%s %s: ", diag_level_names[level], area);
    size_t head = n;
    va_list args;
    va_start(args, format);
    int m = vsnprintf(line + n, sizeof(line) - n - 1, format, args);
    va_end(args);
    if (m > 0)
        n += (size_t)m < sizeof(line) - n - 1 ? (size_t)m : sizeof(line) - n - 2;
    for (size_t i = 0; i < n; i++)
        if (line[i] == '\n' || line[i] == '\r')
            line[i] = ' ';
    if (level != DIAG_INFO)
        keep(level, area, line + head, n - head);
    line[n++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, n);
    (void)written; /* nowhere left to say it */
}
