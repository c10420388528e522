/* SPDX-License-Identifier: Apache-2.0 */
/* The line of a text that a refusal is about, and a mark under the place. */
#ifndef CLI_EXCERPT_H
#define CLI_EXCERPT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/http_client.h"

/* Two lines; none when the text has no such place. Lines and columns count from 1, columns in
 * characters. Of a long line there is what is around the place. */
void excerpt_put(struct buf *out, struct span text, unsigned line, unsigned column);

/* Shows where in the text a refusal (problem+json with "line" and "column") finds its reason, on
 * standard error. false: it names no place. */
bool excerpt_show(const struct http_reply *refusal, struct span text);

#endif
