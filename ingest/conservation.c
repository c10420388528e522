/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/conservation.h"

#include "base/metrics.h"

#define REJECTED(label)                                                                            \
    {                                                                                              \
        .name = "footfall_events_rejected_total", .labels = "reason=\"" label "\"",                \
        .help = "Events not stored, by reason.", .type = METRIC_COUNTER                            \
    }

static struct metric received = {
    .name = "footfall_events_received_total",
    .help = "Events in answered requests: accepted, duplicate or rejected.",
    .type = METRIC_COUNTER};
static struct metric accepted_events = {.name = "footfall_events_accepted_total",
                                        .help = "Events appended to the log.",
                                        .type = METRIC_COUNTER};
static struct metric duplicate_events = {.name = "footfall_events_duplicate_total",
                                         .help = "Events that were in the log already.",
                                         .type = METRIC_COUNTER};
static struct metric rejected_events[N_REJECT_CLASSES] = {
    [REJECT_MALFORMED] = REJECTED("malformed"), [REJECT_UNKNOWN] = REJECTED("unknown_field"),
    [REJECT_TYPE] = REJECTED("type"),           [REJECT_LIMIT] = REJECTED("limit"),
    [REJECT_VALUE] = REJECTED("value"),         [REJECT_TIME] = REJECTED("time"),
    [REJECT_MISSING] = REJECTED("missing"),     [REJECT_TOKEN] = REJECTED("token"),
    [REJECT_SITE] = REJECTED("site"),           [REJECT_REQUEST] = REJECTED("request"),
    [REJECT_REFUSED] = REJECTED("refused"),     [REJECT_UNAVAILABLE] = REJECTED("unavailable"),
};

void conservation_register(void)
{
    metric_register(&received);
    metric_register(&accepted_events);
    metric_register(&duplicate_events);
    for (int i = 0; i < N_REJECT_CLASSES; i++)
        metric_register(&rejected_events[i]);
}

void conservation_count(const struct intake_tally *tally, uint32_t accepted, uint32_t duplicates,
                        enum reject_class why)
{
    uint32_t lost = tally->valid - accepted - duplicates;
    metric_add(&received, (int64_t)tally->valid + intake_rejected(tally));
    metric_add(&accepted_events, accepted);
    metric_add(&duplicate_events, duplicates);
    for (int i = 0; i < N_REJECT_CLASSES; i++)
        if (tally->rejected[i] != 0)
            metric_add(&rejected_events[i], tally->rejected[i]);
    if (lost != 0)
        metric_add(&rejected_events[why], lost);
}

struct conservation conservation_sums(void)
{
    struct conservation c = {.received = received.value,
                             .accepted = accepted_events.value,
                             .duplicates = duplicate_events.value};
    for (int i = 0; i < N_REJECT_CLASSES; i++)
        c.rejected += rejected_events[i].value;
    return c;
}
