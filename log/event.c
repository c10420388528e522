/* SPDX-License-Identifier: Apache-2.0 */
/* The table of columns. */
#include "log/event.h"

const struct column_spec event_columns[N_EVENT_COLUMNS] = {
    [EVENT_ID] = {"event_id", "eventId", COLUMN_UUID, false, true},
    [EVENT_TYPE] = {"event_type", "eventType", COLUMN_TEXT, false, true},
    [EVENT_TIME] = {"event_time", "timestamp", COLUMN_TIME, false, true},
    [EVENT_RECEIVED_AT] = {"received_at", "receivedAt", COLUMN_TIME, false, true},
    [EVENT_SITE] = {"site", "site", COLUMN_TEXT, false, true},
    [EVENT_HOST] = {"host", "host", COLUMN_TEXT, true, true},
    [EVENT_PATH] = {"path", "path", COLUMN_TEXT, true, true},
    [EVENT_QUERY] = {"query", "query", COLUMN_TEXT, true, true},
    [EVENT_REFERRER] = {"referrer", "referrer", COLUMN_TEXT, true, true},
    [EVENT_REFERRER_HOST] = {"referrer_host", "referrerHost", COLUMN_TEXT, true, true},
    [EVENT_SESSION_ID] = {"session_id", "sessionId", COLUMN_TEXT, true, true},
    [EVENT_USER_ID] = {"user_id", "userId", COLUMN_TEXT, true, true},
    [EVENT_VISITOR] = {"visitor", "visitor", COLUMN_INT8, false, true},
    [EVENT_BROWSER] = {"browser", "browser", COLUMN_TEXT, true, true},
    [EVENT_OS] = {"os", "os", COLUMN_TEXT, true, true},
    [EVENT_DEVICE] = {"device", "device", COLUMN_TEXT, true, true},
    [EVENT_COUNTRY] = {"country", "country", COLUMN_TEXT, true, true},
    [EVENT_REGION] = {"region", "region", COLUMN_TEXT, false, true},
    [EVENT_UTM_SOURCE] = {"utm_source", "utmSource", COLUMN_TEXT, true, true},
    [EVENT_UTM_MEDIUM] = {"utm_medium", "utmMedium", COLUMN_TEXT, true, true},
    [EVENT_UTM_CAMPAIGN] = {"utm_campaign", "utmCampaign", COLUMN_TEXT, true, true},
    [EVENT_BOT] = {"bot", "bot", COLUMN_BOOL, false, true},
    [EVENT_PROPS] = {"props", "props", COLUMN_JSON, true, true},
    [EVENT_IP] = {"ip", "ipAddress", COLUMN_TEXT, true, false},
    [EVENT_TOKEN] = {"token", NULL, COLUMN_INT8, true, false},
};
