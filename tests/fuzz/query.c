/* SPDX-License-Identifier: Apache-2.0 */
/* Query strings, and page addresses with theirs. */
#include <stdint.h>
#include <stdlib.h>

#include "base/query.h"
#include "base/utf8.h"
#include "ingest/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_query(struct span raw)
{
    struct query_param *params = malloc((query_room(raw) + 1) * sizeof(*params));
    char *text = malloc(raw.n + 1);
    struct query q;
    struct err e = {0};
    if (query_parse(&q, raw, params, text, &e) == 0) {
        for (size_t i = 0; i < q.n; i++)
            if (!utf8_text(q.params[i].name) || !utf8_text(q.params[i].value))
                abort();
    } else if (e.kind != ERR_INPUT || e.text[0] == '\0') {
        abort();
    }
    free(params);
    free(text);
}

static void check_url(struct span text)
{
    char *room = malloc(text.n + HOST_MAX_BYTES); /* exact, so that the sanitizer sees overruns */
    struct url u;
    bool split = url_split(text, room, &u) == NULL;
    if (split && (u.path.n == 0 || u.host.n > HOST_MAX_BYTES))
        abort();
    if (split && utf8_text(text) && (!utf8_text(u.utm_source) || !utf8_text(u.utm_campaign)))
        abort();
    (void)url_host(text, room);
    struct span site = url_site_name(text, room);
    if (site.n > HOST_MAX_BYTES)
        abort();
    free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    check_query(text);
    check_url(text);
    return 0;
}
