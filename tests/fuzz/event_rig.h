/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the body of a request: what must hold of the rows that come out. */
#ifndef FUZZ_EVENT_RIG_H
#define FUZZ_EVENT_RIG_H

#include <stdlib.h>

#include "base/utf8.h"
#include "ingest/intake.h"

static inline bool rig_salt(void *context, int64_t day, struct siphash_key *out)
{
    (void)context;
    *out = (struct siphash_key){(uint64_t)day, 1};
    return true;
}

static inline const char *rig_gate(void *context, const struct sender *s, struct span site)
{
    (void)context;
    (void)s;
    return site.n > 0 && site.p[0] == 'z' ? "is not known" : NULL;
}

/* Made once, for the whole program. */
static inline struct intake *rig_intake(void)
{
    static struct intake *intake;
    if (intake == NULL) {
        struct enrich_sources sources = {
            .recent = recent_visitors_new(), .salt = rig_salt, .store_ip = STORE_IP_FULL};
        if (geo_open(&sources.geo, NULL, NULL) != 0)
            abort();
        intake = intake_new(&sources, rig_gate, NULL);
    }
    return intake;
}

/* Ingest's promise to the log: valid UTF-8 without NUL, and the columns that are never NULL. */
static inline void rig_check_row(const struct event_row *row)
{
    for (int c = 0; c < N_EVENT_COLUMNS; c++) {
        struct span s = row->columns[c];
        if (event_columns[c].type == COLUMN_JSON && !span_absent(s))
            s = element_json(s);
        bool text = event_columns[c].type == COLUMN_TEXT || event_columns[c].type == COLUMN_JSON;
        if (text && !span_absent(s) && !utf8_text(s))
            abort();
        if (!event_columns[c].nullable && span_absent(s))
            abort();
    }
    int64_t time_us = element_time_us(row->columns[EVENT_TIME]);
    if (time_us < EVENT_OLDEST_US)
        abort();
}

static inline void rig_send(struct span body, enum payload_form form, bool trusted)
{
    static struct batch *batch;
    struct sender sender = {.trusted = trusted,
                            .scope_id = trusted,
                            .has_address = true,
                            .received_us = INT64_C(1764000000000000)};
    struct intake_tally tally;
    struct err e = {0};
    if (batch == NULL)
        batch = batch_new();
    batch_reset(batch);
    if (intake_open(rig_intake(), body, BODY_PLAIN, form, &e) != INTAKE_OK) {
        if (e.kind != ERR_INPUT || e.text[0] == '\0')
            abort();
        return;
    }
    uint32_t n = intake_count(rig_intake());
    intake_read(rig_intake(), &sender, batch, &tally);
    if (tally.valid != batch->count || tally.valid + intake_rejected(&tally) != n ||
        !utf8_text(tally.rejected_json))
        abort();
    struct log_slice slice;
    struct event_row row;
    batch_slice(batch, &slice);
    struct slice_cursor cursor = slice_cursor_of(&slice);
    while (slice_next(&cursor, &row))
        rig_check_row(&row);
}

#endif
