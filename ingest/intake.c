/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/intake.h"

#include <stdlib.h>

#include "base/mem.h"
#include "ingest/gzip.h"

struct intake {
    struct payload *payload;
    struct gzip *gzip;
    struct enricher *enricher;
    site_gate *gate;
    void *context;
    struct fields fields;
    struct draft draft;
    struct buf rejected;
    char admitted[HOST_MAX_BYTES]; /* the site of the last event let in, for the next one */
    size_t admitted_n;
};

struct intake *intake_new(const struct enrich_sources *sources, site_gate *gate, void *context)
{
    struct intake *in = mem_alloc(sizeof(*in));
    in->payload = payload_new();
    in->gzip = gzip_new();
    in->enricher = enricher_new(sources);
    in->gate = gate;
    in->context = context;
    return in;
}

void intake_free(struct intake *in)
{
    if (in == NULL)
        return;
    payload_free(in->payload);
    gzip_free(in->gzip);
    enricher_free(in->enricher);
    fields_clear(&in->fields);
    buf_clear(&in->rejected);
    free(in);
}

/* ---- the body ---- */

static enum intake_result take_body(struct intake *in, struct span body,
                                    enum body_encoding encoding, struct err *e)
{
    struct buf *room = payload_room(in->payload);
    enum gzip_result result = GZIP_OK;
    if (encoding == BODY_GZIP)
        result = gzip_inflate(in->gzip, body, PAYLOAD_MAX_BYTES, room);
    else if (body.n > PAYLOAD_MAX_BYTES)
        result = GZIP_TOO_LARGE;
    else
        buf_put_span(room, body);
    if (result == GZIP_TOO_LARGE) {
        err_set(e, ERR_INPUT, "the body is larger than %d bytes", PAYLOAD_MAX_BYTES);
        return INTAKE_TOO_LARGE;
    }
    if (result == GZIP_BAD) {
        err_set(e, ERR_INPUT, "the body is not gzip, or cut short");
        return INTAKE_BAD;
    }
    return INTAKE_OK;
}

enum intake_result intake_open(struct intake *in, struct span body, enum body_encoding encoding,
                               enum payload_form form, struct err *e)
{
    enum intake_result result = take_body(in, body, encoding, e);
    if (result == INTAKE_OK && payload_open(in->payload, form, e) != 0)
        result = INTAKE_BAD;
    if (result == INTAKE_OK && payload_count(in->payload) > PAYLOAD_MAX_EVENTS) {
        err_set(e, ERR_INPUT, "more than %d events in a request", PAYLOAD_MAX_EVENTS);
        result = INTAKE_TOO_LARGE;
    }
    if (result != INTAKE_OK)
        payload_close(in->payload);
    return result;
}

uint32_t intake_count(const struct intake *in)
{
    return payload_count(in->payload);
}

/* ---- the events ---- */

static int check_site(struct intake *in, const struct sender *s, struct rejection *r)
{
    struct span site = in->draft.event.site;
    if (span_equal(site, (struct span){in->admitted, in->admitted_n}))
        return 0;
    const char *reason = in->gate(in->context, s, site);
    if (reason != NULL)
        return reject(r, REJECT_SITE, field_name(FIELD_SITE), reason);
    memcpy(in->admitted, site.p, site.n);
    in->admitted_n = site.n;
    return 0;
}

static int add_event(struct intake *in, const struct sender *s, struct batch *to,
                     struct rejection *r)
{
    if (event_rules_apply(&in->fields, s, &in->draft, r) != 0 || check_site(in, s, r) != 0)
        return -1;
    enrich(in->enricher, &in->draft);
    batch_add(to, &in->draft.event);
    return 0;
}

static void begin(struct intake *in, struct intake_tally *tally)
{
    *tally = (struct intake_tally){0};
    buf_reset(&in->rejected);
    buf_put_byte(&in->rejected, '[');
    in->admitted_n = 0; /* what is known may have changed since the last request */
}

static void note(struct intake *in, uint32_t index, const struct rejection *r,
                 struct intake_tally *tally)
{
    tally->rejected[r->why]++;
    buf_printf(&in->rejected, "%s{\"index\": %u, \"field\": ", in->rejected.n > 1 ? ", " : "",
               index);
    buf_put_json(&in->rejected, r->field.n == 0 ? SPAN_ABSENT : r->field);
    buf_put_text(&in->rejected, ", \"reason\": ");
    buf_put_json(&in->rejected, span_of(r->reason));
    buf_put_byte(&in->rejected, '}');
}

static void end(struct intake *in, struct intake_tally *tally)
{
    buf_put_byte(&in->rejected, ']');
    tally->rejected_json = buf_span(&in->rejected);
}

void intake_read(struct intake *in, const struct sender *s, struct batch *to,
                 struct intake_tally *tally)
{
    struct rejection r;
    enum payload_read read;
    begin(in, tally);
    for (uint32_t i = 0; (read = payload_next(in->payload, &in->fields, &r)) != PAYLOAD_END; i++) {
        if (read == PAYLOAD_EVENT && add_event(in, s, to, &r) == 0)
            tally->valid++;
        else
            note(in, i, &r, tally);
    }
    end(in, tally);
    payload_close(in->payload);
}

static int put_text(struct intake *in, enum field field, struct span text, struct rejection *r)
{
    const struct value v = {.type = WIRE_TEXT, .text = text};
    return span_absent(text) ? 0 : fields_put(&in->fields, field_name(field), &v, r);
}

void intake_page_view(struct intake *in, const struct sender *s, const struct intake_page *page,
                      struct batch *to, struct intake_tally *tally)
{
    struct rejection r;
    begin(in, tally);
    fields_reset(&in->fields);
    if (put_text(in, FIELD_PAGE_URL, page->url, &r) == 0 &&
        put_text(in, FIELD_REFERRER, page->referrer, &r) == 0 &&
        put_text(in, FIELD_SITE, page->site, &r) == 0 && add_event(in, s, to, &r) == 0)
        tally->valid++;
    else
        note(in, 0, &r, tally);
    end(in, tally);
}

uint32_t intake_rejected(const struct intake_tally *tally)
{
    uint32_t sum = 0;
    for (int i = 0; i < N_REJECT_CLASSES; i++)
        sum += tally->rejected[i];
    return sum;
}
