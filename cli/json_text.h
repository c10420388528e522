/* SPDX-License-Identifier: Apache-2.0 */
/* A parsed JSON value as text again, on one line: a part of an answer, printed as it came. */
#ifndef CLI_JSON_TEXT_H
#define CLI_JSON_TEXT_H

#include "base/buf.h"
#include "base/json.h"

/* Numbers as they were written. As deep as the parser let it be. */
void json_text_put(struct buf *out, const struct json *j, const struct json_value *v);

#endif
