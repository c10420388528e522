/* SPDX-License-Identifier: Apache-2.0 */
/* Appends: what a loop collects for the writer, and the answer to a request in it. */
#include <stdlib.h>

#include "base/mem.h"
#include "log/log.h"

struct append *append_new(void (*on_done)(struct append *), void *owner)
{
    struct append *a = mem_alloc(sizeof(*a));
    a->batch = batch_new();
    a->arena = mem_alloc(sizeof(*a->arena));
    a->on_done = on_done;
    a->owner = owner;
    return a;
}

struct append_request *append_add_request(struct append *a)
{
    if (a->n_requests == a->cap_requests) {
        a->cap_requests = a->cap_requests == 0 ? 16 : a->cap_requests * 2;
        a->requests = mem_resize(a->requests, a->cap_requests * sizeof(*a->requests));
    }
    struct append_request *r = &a->requests[a->n_requests++];
    *r = (struct append_request){0};
    return r;
}

void append_reset(struct append *a)
{
    batch_reset(a->batch);
    arena_reset(a->arena);
    a->n_requests = 0;
    a->next = NULL;
}

void append_free(struct append *a)
{
    if (a == NULL)
        return;
    batch_free(a->batch);
    arena_clear(a->arena);
    free(a->arena);
    free(a->requests);
    free(a);
}

void append_answer_json(struct buf *out, const struct append_request *r)
{
    buf_printf(out, "{\"accepted\": %u, \"duplicates\": %u, \"rejected\": ", r->accepted,
               r->duplicates);
    buf_put_span(out, r->rejected_json.n == 0 ? SPAN_LITERAL("[]") : r->rejected_json);
    buf_printf(out, ", \"partition\": %u, ", r->partition);
    if (r->accepted == 0)
        buf_put_text(out, "\"first_seq\": null, \"last_seq\": null}");
    else
        buf_printf(out, "\"first_seq\": %llu, \"last_seq\": %llu}",
                   (unsigned long long)r->first_seq,
                   (unsigned long long)(r->first_seq + r->accepted - 1));
}
