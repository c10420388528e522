/* SPDX-License-Identifier: Apache-2.0 */
/* From what became of a request's events to its answer: at once when there is nothing to append,
 * else when the append comes back. */
#include <inttypes.h>
#include <stdio.h>

#include "ingest/ingest_internal.h"

static const struct http_problem problems[] = {
    [APPEND_KEY_MISMATCH] = {.slug = "key-reused", .field = "Idempotency-Key"},
    [APPEND_KEY_RUNNING] = {.slug = "key-in-use", .field = "Idempotency-Key", .retry_after_s = 1},
    [APPEND_KEYS_FULL] = {.slug = "too-many-requests",
                          .field = "Idempotency-Key",
                          .retry_after_s = 60},
    [APPEND_POSITION_CONFLICT] = {.slug = "wrong-position", .field = "Footfall-Position"},
    [APPEND_REFUSED] = {.slug = "bad-events"},
    [APPEND_UNAVAILABLE] = {.slug = "unavailable", .retry_after_s = 1},
    [APPEND_UNKNOWN] = {.slug = "outcome-unknown", .retry_after_s = 1},
};

static const char *const details[] = {
    [APPEND_KEY_MISMATCH] = "the idempotency key was used with another body within the last 24 h",
    [APPEND_KEY_RUNNING] = "the first request with this idempotency key still runs",
    [APPEND_KEYS_FULL] = "too many idempotency keys are remembered for this token",
    [APPEND_POSITION_CONFLICT] = "the source is at another position",
    [APPEND_REFUSED] = "PostgreSQL refused the events",
    [APPEND_UNAVAILABLE] = "the log cannot be written now; nothing was stored",
    [APPEND_UNKNOWN] = "the events may or may not be stored: repeat with the same ids or position",
};

static void send_json(struct http_request *r, struct span body)
{
    const struct http_answer a = {.status = 202, .content_type = "application/json", .body = body};
    http_send(r, &a);
}

/* ---- nothing to append ---- */

static bool only(const struct intake_tally *tally, enum reject_class why)
{
    return tally->rejected[why] != 0 && tally->rejected[why] == intake_rejected(tally);
}

static void refuse_all(struct http_request *r, const struct submission *s)
{
    bool trusted = http_identity_of(r)->scope != SCOPE_OPEN;
    bool site = s->tally.valid == 0 && only(&s->tally, REJECT_SITE);
    struct http_problem p = {.slug = !site ? "bad-events" : trusted ? "forbidden" : "unknown-site"};
    if (s->pixel) {
        pixel_send(r, site ? 403 : 400, "the page view is not valid or its site is not known");
        return;
    }
    struct buf members = {0};
    buf_put_text(&members, "\"rejected\": ");
    buf_put_span(&members, s->tally.rejected_json);
    p.members = buf_span(&members);
    http_send_problem(r, &p, "%" PRIu32 " of %" PRIu32 " events are refused, nothing was stored",
                      intake_rejected(&s->tally), s->received);
    buf_clear(&members);
}

static bool is_refused(const struct submission *s)
{
    bool bad = intake_rejected(&s->tally) != 0;
    return bad && (s->atomic || (s->tally.valid == 0 && span_absent(s->request.source)));
}

/* true: answered, nothing is to be appended. What is refused now may have been taken the first time
 * (it has aged since, or is atomic now): its key is asked for before. */
static bool end_early(struct http_request *r, struct submission *s)
{
    if (is_refused(s)) {
        batch_truncate(s->append->batch, s->request.first);
        s->request.asks = !span_absent(s->request.key);
        if (s->request.asks)
            return false;
        conservation_count(&s->tally, 0, 0, REJECT_REQUEST);
        refuse_all(r, s);
        return true;
    }
    if (s->tally.valid != 0 || !span_absent(s->request.source) || !span_absent(s->request.key))
        return false;      /* a key is remembered with no events, too */
    struct buf body = {0}; /* an empty array */
    append_answer_json(&body, &s->request);
    send_json(r, buf_span(&body));
    buf_clear(&body);
    return true;
}

void ingest_submit(struct http_request *r, struct submission *s)
{
    if (end_early(r, s))
        return;
    const struct http_identity *who = http_identity_of(r);
    struct arena *memory = s->append->arena;
    struct append_request *q = &s->request;
    struct waiting *w = arena_alloc(memory, sizeof(*w));
    *w = (struct waiting){http_defer(r), s->tally, s->received, s->pixel};
    q->count = q->asks ? 0 : s->tally.valid;
    q->key = arena_copy(memory, q->key);
    q->source = q->asks ? SPAN_ABSENT : arena_copy(memory, q->source);
    q->scope = who->scope_id;
    q->site = span_absent(who->site) ? SPAN_LITERAL("") : arena_copy(memory, who->site);
    q->rejected_json = arena_copy(memory, s->tally.rejected_json);
    q->owner = w;
    *append_add_request(s->append) = *q;
}

/* ---- the append is back ---- */

static void count(const struct append_request *q, const struct intake_tally *tally)
{
    switch (q->outcome) {
    case APPEND_DONE:
        conservation_count(tally, q->accepted, q->duplicates,
                           q->asks ? REJECT_REQUEST : REJECT_REFUSED);
        break;
    case APPEND_REPEATED:
    case APPEND_POSITION_REPEATED:
        conservation_count(tally, 0, tally->valid, REJECT_REQUEST);
        break;
    case APPEND_REFUSED:
        conservation_count(tally, 0, 0, REJECT_REFUSED);
        break;
    case APPEND_UNAVAILABLE:
    case APPEND_UNKNOWN:
        conservation_count(tally, 0, 0, REJECT_UNAVAILABLE);
        break;
    default:
        conservation_count(tally, 0, 0, REJECT_REQUEST);
    }
}

static void send_outcome_problem(struct http_request *r, const struct append_request *q)
{
    struct http_problem p = problems[q->outcome];
    char position[48];
    if (q->outcome == APPEND_POSITION_CONFLICT) {
        snprintf(position, sizeof(position), "\"position\": %" PRId64, q->position);
        p.members = span_of(position);
    }
    if (q->outcome == APPEND_REFUSED && q->reason.n != 0)
        http_send_problem(r, &p, "%s: %.*s", details[q->outcome], SPAN_ARGS(q->reason));
    else
        http_send_problem(r, &p, "%s", details[q->outcome]);
}

static void send_outcome(struct http_request *r, struct append_request *q, struct buf *body)
{
    buf_reset(body);
    switch (q->outcome) {
    case APPEND_REPEATED:
        send_json(r, q->answer);
        break;
    case APPEND_POSITION_REPEATED:
        q->accepted = 0;
        q->duplicates = q->count;
        append_answer_json(body, q);
        send_json(r, buf_span(body));
        break;
    case APPEND_DONE:
        append_answer_json(body, q);
        send_json(r, buf_span(body));
        break;
    default:
        send_outcome_problem(r, q);
    }
}

static void send_pixel(struct http_request *r, const struct append_request *q)
{
    bool stored = q->outcome == APPEND_DONE || q->outcome == APPEND_REPEATED;
    const struct http_problem_doc *doc =
        stored ? NULL : http_problem_find(problems[q->outcome].slug);
    pixel_send(r, doc == NULL ? 200 : doc->status, stored ? NULL : details[q->outcome]);
}

/* Its key is not known: it is what it looked like. */
static void send_refusal(struct http_request *r, const struct append_request *q,
                         const struct waiting *w)
{
    struct submission s = {.tally = w->tally, .received = w->received, .pixel = w->pixel};
    s.tally.rejected_json = q->rejected_json;
    refuse_all(r, &s);
}

void ingest_answer(void *context, struct append_request *q)
{
    struct ingest_loop *l = context;
    struct waiting *w = q->owner;
    struct http_request *r = http_ticket_request(w->ticket);
    count(q, &w->tally);
    if (r != NULL && q->asks && q->outcome == APPEND_DONE)
        send_refusal(r, q, w);
    else if (r != NULL && w->pixel)
        send_pixel(r, q);
    else if (r != NULL)
        send_outcome(r, q, &l->answer);
    http_ticket_free(w->ticket);
}
