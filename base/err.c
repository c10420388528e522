/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *e, enum err_kind kind, const char *format, ...)
{
    if (e == NULL || e->kind != ERR_NONE)
        return -1;
    va_list args;
    va_start(args, format);
    vsnprintf(e->text, sizeof(e->text), format, args);
    va_end(args);
    for (char *p = e->text; *p != '\0'; p++)
        if (*p == '\n' || *p == '\r')
            *p = ' ';
    size_t n = strlen(e->text);
    while (n > 0 && e->text[n - 1] == ' ')
        e->text[--n] = '\0';
    e->kind = kind;
    return -1;
}

int err_context(struct err *e, const char *format, ...)
{
    if (e == NULL)
        return -1;
    char joined[sizeof(e->text)];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(joined, sizeof(joined), format, args);
    va_end(args);
    if (n < 0 || (size_t)n + 3 > sizeof(joined))
        return -1;
    size_t room = sizeof(joined) - (size_t)n - 3, rest = strnlen(e->text, room);
    memcpy(joined + n, ": ", 2);
    memcpy(joined + n + 2, e->text, rest);
    joined[(size_t)n + 2 + rest] = '\0';
    memcpy(e->text, joined, sizeof(joined));
    return -1;
}

void err_clear(struct err *e)
{
    e->kind = ERR_NONE;
    e->text[0] = '\0';
}
