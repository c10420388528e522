/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

enum { BAR_WIDTH = 24, REDRAW_US = 100 * 1000, MAX_WIDTH = 300, USUAL_WIDTH = 80 };

static int terminal_width(void)
{
    struct winsize w;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col < 20)
        return USUAL_WIDTH;
    return w.ws_col > MAX_WIDTH ? MAX_WIDTH : w.ws_col;
}

void progress_show(struct progress *p, const char *label, int64_t done, int64_t total,
                   const char *format, ...)
{
    static const char full[] = "========================", empty[] = "                        ";
    int64_t now_us = clock_monotonic_us();
    if (now_us < p->next_us || isatty(STDERR_FILENO) != 1)
        return;
    char line[512], text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    done = done > total ? total : done;
    if (total > 0) {
        int bar = (int)(done * BAR_WIDTH / total);
        snprintf(line, sizeof(line), "%.80s [%.*s%.*s] %3d %% %s", label, bar, full,
                 BAR_WIDTH - bar, empty, (int)(done * 100 / total), text);
    } else {
        snprintf(line, sizeof(line), "%.80s %s", label, text);
    }
    fprintf(stderr, "\r\033[K%.*s", terminal_width() - 1, line);
    p->shown = true;
    p->next_us = now_us + REDRAW_US;
}

void progress_hide(struct progress *p)
{
    if (p->shown)
        fprintf(stderr, "\r\033[K");
    p->shown = false;
    p->next_us = 0;
}
