/* SPDX-License-Identifier: Apache-2.0 */
/* Cookie, Origin and Host as a client may send them: a line each. */
#include <stdint.h>
#include <stdlib.h>

#include "api/cookie.h"
#include "api/origin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next line, in memory of its own, so that the sanitizer sees overruns. */
static struct span take_line(struct span *rest)
{
    const char *end = rest->n == 0 ? NULL : memchr(rest->p, '\n', rest->n);
    size_t n = end == NULL ? rest->n : (size_t)(end - rest->p);
    char *copy = malloc(n + (n == 0));
    if (copy == NULL)
        abort();
    if (n > 0)
        memcpy(copy, rest->p, n);
    n += end != NULL;
    *rest = (struct span){n == 0 ? rest->p : rest->p + n, rest->n - n};
    return (struct span){copy, n - (end != NULL)};
}

static void check_cookie(struct span header)
{
    unsigned n = 0;
    for (struct span value; !span_absent(value = cookie_find(header, "s", n)); n++)
        if (value.p < header.p || value.p + value.n > header.p + header.n)
            abort();
    if (n > header.n)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = {(const char *)data, size};
    struct span cookie = take_line(&rest), origin = take_line(&rest), host = take_line(&rest);
    struct host_names *names = host_names_new("box");
    check_cookie(cookie);
    enum origin_kind kind = origin_compare(origin, host);
    if (kind == ORIGIN_NONE)
        abort();
    if (kind == ORIGIN_SAME && (host.n == 0 || memchr(origin.p, ':', origin.n) == NULL))
        abort();
    (void)host_names_have(names, host);
    char *list = malloc(host.n + 1);
    if (list == NULL)
        abort();
    memcpy(list, host.p, host.n);
    list[host.n] = '\0';
    struct err e = {0};
    if (host_names_set(names, list, &e) != 0 && e.kind != ERR_INPUT)
        abort();
    free(list);
    host_names_free(names);
    free((void *)(uintptr_t)cookie.p);
    free((void *)(uintptr_t)origin.p);
    free((void *)(uintptr_t)host.p);
    return 0;
}
