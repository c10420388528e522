/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/json_text.h"

static void put_members(struct buf *out, const struct json *j, const struct json_value *v)
{
    const char *comma = "";
    struct json_walk walk = json_enter(j, v);
    for (struct json_member m; json_next(&walk, &m); comma = ",") {
        buf_put_text(out, comma);
        if (!span_absent(m.key)) {
            buf_put_json(out, m.key);
            buf_put_byte(out, ':');
        }
        json_text_put(out, j, &m.value);
    }
}

void json_text_put(struct buf *out, const struct json *j, const struct json_value *v)
{
    switch (v->type) {
    case JSON_NULL:
        buf_put_text(out, "null");
        break;
    case JSON_BOOL:
        buf_put_text(out, v->boolean ? "true" : "false");
        break;
    case JSON_STRING:
        buf_put_json(out, v->text);
        break;
    case JSON_ARRAY:
        buf_put_byte(out, '[');
        put_members(out, j, v);
        buf_put_byte(out, ']');
        break;
    case JSON_OBJECT:
        buf_put_byte(out, '{');
        put_members(out, j, v);
        buf_put_byte(out, '}');
        break;
    case JSON_INT:
    case JSON_UINT:
    case JSON_REAL:
    case JSON_BIG:
        buf_put_span(out, json_number_text(j, v));
        break;
    }
}
