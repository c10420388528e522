/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/collect.h"

#include <stdlib.h>

#include "base/mem.h"

struct slot {
    struct http_message message; /* brings the append back */
    struct collect *collect;
    struct append *append; /* made when first used */
    struct slot *next;     /* in the list of free ones */
};

struct collect {
    struct http_message next_turn; /* makes sure that there is one soon; the first member */
    struct http_loop *loop;
    struct log_writer *writer;
    collect_answer *answer;
    void *context;
    struct slot slots[COLLECT_SLOTS];
    struct slot *free;
    struct slot *filling; /* NULL: nothing is collected */
    unsigned n_away;      /* appends with the writer */
    bool answered;        /* in this turn */
    bool posted;          /* next_turn is under way */
};

static void answer_all(struct slot *s)
{
    struct append *a = s->append;
    for (uint32_t i = 0; i < a->n_requests; i++)
        s->collect->answer(s->collect->context, &a->requests[i]);
    if (batch_bytes(a->batch) > COLLECT_MAX_BYTES) { /* an exception: do not keep its memory */
        append_free(a);
        s->append = NULL;
    } else {
        append_reset(a);
    }
    s->next = s->collect->free;
    s->collect->free = s;
}

static void on_back(struct http_message *m)
{
    struct slot *s = (struct slot *)(void *)m; /* its first member */
    s->collect->n_away--;
    s->collect->answered = true;
    answer_all(s);
}

static void on_done(struct append *a) /* on the writer's thread */
{
    struct slot *s = a->owner;
    http_post(s->collect->loop, &s->message);
}

static void hand_over(struct collect *c)
{
    struct slot *s = c->filling;
    struct err e = {0};
    c->filling = NULL;
    if (log_writer_submit(c->writer, s->append, &e) == 0) {
        c->n_away++;
        return;
    }
    for (uint32_t i = 0; i < s->append->n_requests; i++)
        s->append->requests[i].outcome = APPEND_UNAVAILABLE;
    answer_all(s);
}

static void on_next_turn(struct http_message *m)
{
    ((struct collect *)(void *)m)->posted = false; /* the turn's end hands over */
}

/* Who was answered in this turn is about to send again: the append waits for them for one turn,
 * else it would go with the first one or two, and every other commit would be for these alone. */
static void on_turn_end(void *context)
{
    struct collect *c = context;
    bool answered = c->answered;
    c->answered = false;
    if (c->n_away != 0 || c->filling == NULL || c->filling->append->n_requests == 0)
        return;
    if (!answered)
        hand_over(c);
    else if (!c->posted) {
        c->posted = true;
        http_post(c->loop, &c->next_turn);
    }
}

struct collect *collect_new(struct http_loop *l, struct log_writer *w, collect_answer *answer,
                            void *context)
{
    struct collect *c = mem_alloc(sizeof(*c));
    *c = (struct collect){.next_turn.on_arrive = on_next_turn,
                          .loop = l,
                          .writer = w,
                          .answer = answer,
                          .context = context};
    for (int i = 0; i < COLLECT_SLOTS; i++) {
        c->slots[i] = (struct slot){.message.on_arrive = on_back, .collect = c, .next = c->free};
        c->free = &c->slots[i];
    }
    http_on_turn_end(l, on_turn_end, c);
    return c;
}

void collect_free(struct collect *c)
{
    if (c == NULL)
        return;
    for (int i = 0; i < COLLECT_SLOTS; i++)
        append_free(c->slots[i].append);
    free(c);
}

static bool has_room(const struct append *a, uint32_t n)
{
    return a->batch->count + n <= BATCH_MAX_EVENTS && batch_bytes(a->batch) <= COLLECT_MAX_BYTES;
}

struct append *collect_room(struct collect *c, uint32_t n)
{
    if (c->filling != NULL && !has_room(c->filling->append, n))
        hand_over(c);
    if (c->filling == NULL) {
        if (c->free == NULL)
            return NULL;
        c->filling = c->free;
        c->free = c->filling->next;
        if (c->filling->append == NULL)
            c->filling->append = append_new(on_done, c->filling);
    }
    return c->filling->append;
}
