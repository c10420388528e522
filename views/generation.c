/* SPDX-License-Identifier: Apache-2.0 */
#include "views/generation.h"

#include <inttypes.h>

static int judge(struct builder *b, struct log_reader *questions, const struct builder_owner *owner,
                 bool found, struct generation_found *out, struct err *e)
{
    const struct builder_options *o = builder_options(b);
    const struct view_state *state = builder_state(b);
    char definition[65];
    plan_hash(o->plan, definition);
    struct state_truth truth = {
        .log_id = owner->log_id, .definition = definition, .epoch = owner->epoch};
    if (log_head(questions, o->ref.partition, &truth.head, e) != 0)
        return -1;
    out->head = truth.head;
    if (found && state->offset > 0 && state->offset <= truth.head &&
        log_event_id(questions, o->ref.partition, state->offset - 1, truth.last_id, e) != 0)
        return -1;
    enum state_verdict verdict = reconcile_state(found ? state : NULL, &truth, &out->why);
    out->usable = verdict == STATE_USABLE;
    if (verdict == STATE_FOREIGN)
        return err_set(e, ERR_BUSY,
                       "view %s in Redis under %s is written by owner %" PRIu64
                       ", after us (%" PRIu64 "): standing by",
                       o->plan->name, o->ref.prefix, state->epoch, truth.epoch);
    return 0;
}

int generation_go_on(struct builder *b, struct log_reader *questions,
                     const struct builder_owner *owner, struct generation_found *out, struct err *e)
{
    struct err failure = {0};
    bool found;
    *out = (struct generation_found){0};
    if (builder_load(b, &found, &failure) == 0) {
        if (judge(b, questions, owner, found, out, e) != 0)
            return -1;
        if (!out->usable || builder_claim(b, owner, &failure) == 0)
            return 0;
    }
    out->usable = false;
    out->why = "what is stored makes no sense";
    return failure.kind == ERR_DATA ? 0 : err_set(e, failure.kind, "%s", failure.text);
}
