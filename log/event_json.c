/* SPDX-License-Identifier: Apache-2.0 */
/* Events for people and other programs. Both forms walk the same list of fields. */
#include "log/event_json.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/pack.h"

/* A text of a value that is not one in the log: id, time, visitor. */
struct text_room {
    char bytes[CLOCK_TEXT_BYTES];
};

static struct span uuid_text(struct span id, struct text_room *room)
{
    const uint8_t *b = (const uint8_t *)id.p;
    int n = 0;
    for (int i = 0; i < 16; i++)
        n += snprintf(room->bytes + n, sizeof(room->bytes) - (size_t)n, "%s%02x",
                      i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
    return (struct span){room->bytes, (size_t)n};
}

/* Columns that are shown as texts. */
static struct span text_of(enum event_column column, struct span bytes, struct text_room *room)
{
    switch (event_columns[column].type) {
    case COLUMN_UUID:
        return uuid_text(bytes, room);
    case COLUMN_TIME:
        return (struct span){room->bytes,
                             (size_t)clock_format(room->bytes, element_time_us(bytes), 6)};
    case COLUMN_INT8: /* visitor */
        return (struct span){room->bytes,
                             (size_t)snprintf(room->bytes, sizeof(room->bytes), "%016" PRIx64,
                                              (uint64_t)element_int8(bytes))};
    default:
        return bytes;
    }
}

/* The page's address as far as it is kept; false: the event has none. */
static bool put_page_url(struct buf *out, const struct event_row *row)
{
    struct span host = row->columns[EVENT_HOST], path = row->columns[EVENT_PATH];
    struct span query = row->columns[EVENT_QUERY];
    if (span_absent(path))
        return false;
    if (!span_absent(host)) {
        buf_put_text(out, "https://");
        buf_put_span(out, host);
    }
    buf_put_span(out, path);
    if (!span_absent(query)) {
        buf_put_byte(out, '?');
        buf_put_span(out, query);
    }
    return true;
}

static bool shown(const struct event_row *row, int column)
{
    return event_columns[column].api_name != NULL && !span_absent(row->columns[column]);
}

void event_json_put(struct buf *out, const struct event_row *row)
{
    buf_printf(out, "{\"partition\":%u,\"seq\":%" PRIu64, row->partition, row->seq);
    for (int c = 0; c < N_EVENT_COLUMNS; c++) {
        struct text_room room;
        struct span bytes = row->columns[c];
        if (!shown(row, c))
            continue;
        buf_printf(out, ",\"%s\":", event_columns[c].api_name);
        if (event_columns[c].type == COLUMN_BOOL)
            buf_put_text(out, element_bool(bytes) ? "true" : "false");
        else if (event_columns[c].type == COLUMN_JSON)
            buf_put_span(out, element_json(bytes));
        else
            buf_put_json(out, text_of((enum event_column)c, bytes, &room));
    }
    struct buf url = {0};
    if (put_page_url(&url, row)) {
        buf_put_text(out, ",\"pageUrl\":");
        buf_put_json(out, buf_span(&url));
    }
    buf_clear(&url);
    buf_put_byte(out, '}');
}

/* ------------------------------------------------------------------ MessagePack */

static void pack_prop(struct buf *out, const struct json *j, const struct json_value *v)
{
    switch (v->type) {
    case JSON_BOOL:
        pack_bool(out, v->boolean);
        break;
    case JSON_INT:
        pack_int(out, v->integer);
        break;
    case JSON_REAL:
        pack_double(out, v->real);
        break;
    case JSON_UINT:
    case JSON_BIG: /* as written: no MessagePack number holds them all */
        pack_text(out, json_number_text(j, v));
        break;
    case JSON_STRING:
        pack_text(out, v->text);
        break;
    default: /* null; props are flat (ingest's promise) */
        pack_text(out, SPAN_ABSENT);
    }
}

static void pack_props(struct buf *out, struct span text)
{
    struct err e = {0};
    struct json *j = json_new(text.n, 4);
    struct json_value root;
    struct json_member m;
    if (json_parse(j, text, &root, &e) != 0 || root.type != JSON_OBJECT) {
        pack_text(out, text); /* not this program's work, but not a reason to hide the event */
    } else {
        pack_map(out, json_count(j, &root));
        for (struct json_walk w = json_enter(j, &root); json_next(&w, &m);) {
            pack_text(out, m.key);
            pack_prop(out, j, &m.value);
        }
    }
    json_free(j);
}

static void pack_column(struct buf *out, int column, struct span bytes)
{
    struct text_room room;
    if (event_columns[column].type == COLUMN_BOOL)
        pack_bool(out, element_bool(bytes));
    else if (event_columns[column].type == COLUMN_JSON)
        pack_props(out, element_json(bytes));
    else
        pack_text(out, text_of((enum event_column)column, bytes, &room));
}

void event_json_pack(struct buf *out, const struct event_row *row)
{
    struct buf url = {0};
    bool has_url = put_page_url(&url, row);
    uint32_t n = 2 + has_url;
    for (int c = 0; c < N_EVENT_COLUMNS; c++)
        n += shown(row, c);
    pack_map(out, n);
    pack_text(out, SPAN_LITERAL("partition"));
    pack_int(out, row->partition);
    pack_text(out, SPAN_LITERAL("seq"));
    pack_int(out, (int64_t)row->seq);
    for (int c = 0; c < N_EVENT_COLUMNS; c++) {
        if (!shown(row, c))
            continue;
        pack_text(out, span_of(event_columns[c].api_name));
        pack_column(out, c, row->columns[c]);
    }
    if (has_url) {
        pack_text(out, SPAN_LITERAL("pageUrl"));
        pack_text(out, buf_span(&url));
    }
    buf_clear(&url);
}
