/* SPDX-License-Identifier: Apache-2.0 */
/* Planning a commit: each request is decided in order (source position, key, event ids), what is
 * new gets its seqs, and becomes one row: the append's own batch when it goes as it is, else a
 * merged one without the duplicates. */
#include <assert.h>
#include <sys/random.h>

#include "base/mem.h"
#include "log/writer.h"

/* Cursors over what identifies an event, kept along an append: its requests follow one another. */
struct id_cursor {
    const struct append *append;
    uint32_t at; /* the next event of the batch */
    bool any;    /* the batch has client-given ids */
    struct column_cursor ids, tokens, sites;
};

static void seek(struct id_cursor *c, const struct append *a, uint32_t first)
{
    struct log_slice slice;
    batch_slice(a->batch, &slice);
    c->append = a;
    c->any = slice.columns[EVENT_TOKEN].form != FORM_NULL;
    if (c->any && first > 0)
        slice_cut(&slice, first, slice.count - first);
    c->ids = column_cursor_of(&slice.columns[EVENT_ID]);
    c->tokens = column_cursor_of(&slice.columns[EVENT_TOKEN]);
    c->sites = column_cursor_of(&slice.columns[EVENT_SITE]);
    c->at = first;
}

/* Marks the events of a request whose ids are known; `remove` is the request's part. Returns how
 * many. */
static uint32_t mark_duplicates(struct log_writer *w, struct id_cursor *c,
                                const struct request_ref *ref, bool *remove)
{
    const struct append_request *q = ref->request;
    uint32_t duplicates = 0;
    memset(remove, 0, q->count * sizeof(*remove));
    if (q->count == 0)
        return 0;
    if (c->append != ref->append || c->at != q->first)
        seek(c, ref->append, q->first);
    if (!c->any) {
        c->at += q->count;
        return 0;
    }
    for (uint32_t i = 0; i < q->count; i++, c->at++) {
        struct span id = column_next(&c->ids), token = column_next(&c->tokens);
        struct span site = column_next(&c->sites);
        if (span_absent(token))
            continue;
        remove[i] = !window_add(w->window, window_id_of(w->window, element_int8(token), site, id));
        duplicates += remove[i];
    }
    return duplicates;
}

/* Decides one request; its events' places in the merged batch begin at plan.n_events + duplicates.
 */
static void decide(struct log_writer *w, struct id_cursor *cursor, struct request_ref *ref)
{
    struct append_request *q = ref->request;
    struct commit_plan *p = &w->plan;
    q->partition = w->options.partition;
    q->accepted = q->duplicates = 0;
    q->outcome = repeats_decide(w->repeats, q, ref->append->arena);
    ref->taken = q->outcome == APPEND_DONE && !q->asks;
    if (!ref->taken)
        return;
    q->duplicates = mark_duplicates(w, cursor, ref, p->remove + p->n_events + p->n_duplicates);
    q->accepted = q->count - q->duplicates;
    q->first_seq = p->first_seq + p->n_events;
    q->position = q->source_end;
    p->n_events += q->accepted;
    p->n_duplicates += q->duplicates;
    repeats_store(w->repeats, q);
}

/* The refs are all requests of one append, all taken, and its batch holds nothing else. */
static bool is_whole_append(const struct request_ref *refs, uint32_t n)
{
    const struct append *a = refs[0].append;
    uint32_t at = 0;
    if (n != a->n_requests)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        if (refs[i].append != a || !refs[i].taken || refs[i].request->first != at)
            return false;
        at += refs[i].request->count;
    }
    return at == a->batch->count;
}

/* Merges the taken requests' events, run by run, and takes the duplicates out. */
static void merge(struct commit_plan *p, const struct request_ref *refs, uint32_t n)
{
    batch_reset(p->scratch);
    for (uint32_t i = 0; i < n;) {
        if (!refs[i].taken) {
            i++;
            continue;
        }
        const struct append *a = refs[i].append;
        uint32_t first = refs[i].request->first, end = first;
        do
            end += refs[i++].request->count;
        while (i < n && refs[i].taken && refs[i].append == a && refs[i].request->first == end);
        batch_add_range(p->scratch, a->batch, first, end - first);
    }
    if (p->n_duplicates > 0)
        batch_remove(p->scratch, p->remove);
    p->batch = p->scratch;
}

static int64_t random_id(void)
{
    int64_t id;
    ssize_t got = getrandom(&id, sizeof(id), 0);
    assert(got == (ssize_t)sizeof(id));
    return id;
}

int writer_plan(struct log_writer *w, struct group *g, uint32_t lo, uint32_t hi, struct err *e)
{
    struct commit_plan *p = &w->plan;
    window_rollback(w->window);
    repeats_begin(w->repeats);
    for (uint32_t i = lo; i < hi; i++)
        repeats_announce(w->repeats, g->refs[i].request);
    if (repeats_look_up(w->repeats, w->sql, e) != 0)
        return -1;
    p->batch = NULL;
    p->n_events = p->n_duplicates = 0;
    p->first_seq = w->next_seq;
    p->batch_id = random_id();
    struct id_cursor cursor = {0};
    for (uint32_t i = lo; i < hi; i++)
        decide(w, &cursor, &g->refs[i]);
    if (p->n_events == 0)
        return 0;
    if (p->n_duplicates == 0 && is_whole_append(g->refs + lo, hi - lo))
        p->batch = g->refs[lo].append->batch;
    else
        merge(p, g->refs + lo, hi - lo);
    assert(p->batch->count == p->n_events);
    return 0;
}
