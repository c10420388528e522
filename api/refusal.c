/* SPDX-License-Identifier: Apache-2.0 */
#include "api/refusal.h"

#include <stdarg.h>
#include <stdio.h>

static int record(struct refusal *r, struct span field, const char *format, va_list args)
{
    char text[sizeof r->err.text];
    if (r->err.kind != ERR_NONE)
        return -1;
    field = utf8_cut(field, sizeof r->field - 1);
    memcpy(r->field, field.p, field.n);
    r->field[field.n] = '\0';
    vsnprintf(text, sizeof text, format, args);
    return err_set(&r->err, ERR_INPUT, "%s", text);
}

int refuse(struct refusal *r, const char *field, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int result = record(r, span_of(field), format, args);
    va_end(args);
    return result;
}

int refuse_span(struct refusal *r, struct span field, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int result = record(r, field, format, args);
    va_end(args);
    return result;
}
