/* SPDX-License-Identifier: Apache-2.0 */
#include "views/relation.h"

/* Texts are as long as ingest lets them become (ingest/event_rules.c); what is derived is shorter
 * than what it is derived from. */
enum { NAME_BYTES = 253, SHORT_BYTES = 128, LONG_BYTES = 4096 };

static const struct relation_column event_relation_columns[N_EVENT_COLUMNS] = {
    [EVENT_ID] = {"event_id", VALUE_UUID, false, 0},
    [EVENT_TYPE] = {"event_type", VALUE_TEXT, false, SHORT_BYTES},
    [EVENT_TIME] = {"event_time", VALUE_TIME, false, 0},
    [EVENT_RECEIVED_AT] = {"received_at", VALUE_TIME, false, 0},
    [EVENT_SITE] = {"site", VALUE_TEXT, false, NAME_BYTES},
    [EVENT_HOST] = {"host", VALUE_TEXT, true, LONG_BYTES},
    [EVENT_PATH] = {"path", VALUE_TEXT, true, LONG_BYTES},
    [EVENT_QUERY] = {"query", VALUE_TEXT, true, LONG_BYTES},
    [EVENT_REFERRER] = {"referrer", VALUE_TEXT, true, LONG_BYTES},
    [EVENT_REFERRER_HOST] = {"referrer_host", VALUE_TEXT, true, LONG_BYTES},
    [EVENT_SESSION_ID] = {"session_id", VALUE_TEXT, true, SHORT_BYTES},
    [EVENT_USER_ID] = {"user_id", VALUE_TEXT, true, SHORT_BYTES},
    [EVENT_VISITOR] = {"visitor", VALUE_INT, false, 0},
    [EVENT_BROWSER] = {"browser", VALUE_TEXT, true, LONG_BYTES},
    [EVENT_OS] = {"os", VALUE_TEXT, true, LONG_BYTES},
    [EVENT_DEVICE] = {"device", VALUE_TEXT, true, LONG_BYTES},
    [EVENT_COUNTRY] = {"country", VALUE_TEXT, true, SHORT_BYTES},
    [EVENT_REGION] = {"region", VALUE_TEXT, false, SHORT_BYTES},
    [EVENT_UTM_SOURCE] = {"utm_source", VALUE_TEXT, true, LONG_BYTES},
    [EVENT_UTM_MEDIUM] = {"utm_medium", VALUE_TEXT, true, LONG_BYTES},
    [EVENT_UTM_CAMPAIGN] = {"utm_campaign", VALUE_TEXT, true, LONG_BYTES},
    [EVENT_BOT] = {"bot", VALUE_BOOL, false, 0},
    [EVENT_PROPS] = {"props", VALUE_JSON, true, 0},
};

const struct relation RELATION_EVENTS = {
    .name = "events",
    .n_columns = N_EVENT_COLUMNS,
    .columns = event_relation_columns,
    .site = EVENT_SITE,
    .time = EVENT_TIME,
};

static const struct relation_column session_relation_columns[N_SESSION_COLUMNS] = {
    [SESSION_SITE] = {"site", VALUE_TEXT, false, NAME_BYTES},
    [SESSION_VISITOR] = {"visitor", VALUE_INT, false, 0},
    [SESSION_START] = {"session_start", VALUE_TIME, false, 0},
    [SESSION_END] = {"session_end", VALUE_TIME, false, 0},
    [SESSION_PAGEVIEWS] = {"pageviews", VALUE_INT, false, 0},
    [SESSION_ENTRY_PAGE] = {"entry_page", VALUE_TEXT, true, LONG_BYTES},
    [SESSION_EXIT_PAGE] = {"exit_page", VALUE_TEXT, true, LONG_BYTES},
    [SESSION_REFERRER] = {"referrer", VALUE_TEXT, true, LONG_BYTES},
    [SESSION_REFERRER_HOST] = {"referrer_host", VALUE_TEXT, true, LONG_BYTES},
    [SESSION_COUNTRY] = {"country", VALUE_TEXT, true, SHORT_BYTES},
    [SESSION_REGION] = {"region", VALUE_TEXT, false, SHORT_BYTES},
    [SESSION_BROWSER] = {"browser", VALUE_TEXT, true, LONG_BYTES},
    [SESSION_OS] = {"os", VALUE_TEXT, true, LONG_BYTES},
    [SESSION_DEVICE] = {"device", VALUE_TEXT, true, LONG_BYTES},
    [SESSION_UTM_SOURCE] = {"utm_source", VALUE_TEXT, true, LONG_BYTES},
    [SESSION_UTM_MEDIUM] = {"utm_medium", VALUE_TEXT, true, LONG_BYTES},
    [SESSION_UTM_CAMPAIGN] = {"utm_campaign", VALUE_TEXT, true, LONG_BYTES},
    [SESSION_BOUNCE] = {"bounce", VALUE_BOOL, false, 0},
    [SESSION_DURATION] = {"duration", VALUE_INT, false, 0},
};

const struct relation RELATION_SESSIONS = {
    .name = "sessions",
    .n_columns = N_SESSION_COLUMNS,
    .columns = session_relation_columns,
    .site = SESSION_SITE,
    .time = SESSION_START,
};
