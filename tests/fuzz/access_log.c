/* SPDX-License-Identifier: Apache-2.0 */
/* Access-log lines: any bytes, in each format. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "ingest/access_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct span s)
{
    if (!utf8_valid(s) || (s.n > 0 && memchr(s.p, '\0', s.n) != NULL))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum access_format formats[] = {ACCESS_COMMON, ACCESS_COMBINED,
                                                 ACCESS_VHOST_COMBINED};
    struct arena memory = {0};
    struct span line = {(const char *)data, size};
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct access_line l;
        struct err e = {0};
        if (access_log_parse(line, formats[i], &memory, &l, &e) != 0) {
            if (e.kind != ERR_INPUT || e.text[0] == '\0')
                abort();
            continue;
        }
        const struct span texts[] = {l.vhost,    l.client,   l.method,    l.target,
                                     l.protocol, l.referrer, l.user_agent};
        for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
            check_text(texts[k]);
        if (access_log_is_page_view(&l) && span_absent(l.target))
            abort();
    }
    (void)access_log_detect(line, &memory);
    arena_clear(&memory);
    return 0;
}
