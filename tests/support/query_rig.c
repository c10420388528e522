/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/query_rig.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/support/service.h"

char *query_rig_fill(const struct query_rig_events *events)
{
    uint64_t seed = events->seed;
    struct buf body = {0};
    for (int i = 1; i <= events->n; i++) {
        events->put_event(&body, &seed);
        if (i % events->per_post == 0) {
            rig_post(buf_span(&body), events->per_post);
            buf_reset(&body);
        }
    }
    buf_clear(&body);
    struct service s = {.footfall = rig()->footfall};
    service_find_servers(&s);
    free(s.redis);
    return s.postgres;
}

struct support_answer query_rig_ask(const char *accept, const char *body)
{
    return rig_ask(
        &(struct rig_request){.body = body, .accept = accept, .content_type = "application/json"},
        "/v1/query");
}

char *query_rig_lines(const char *body)
{
    struct support_answer a = query_rig_ask("text/csv", body);
    rig_expect(&a, 200);
    char *lines = strstr((char *)a.body.p, "\r\n");
    assert_non_null(lines);
    char *got = mem_copy_text(lines + 2);
    for (char *p = got; (p = strstr(p, "\r\n")) != NULL;)
        memmove(p, p + 1, strlen(p));
    support_answer_clear(&a);
    return got;
}
