/* SPDX-License-Identifier: Apache-2.0 */
/* The one shape of YAML that is read here (uap-core's): sections, each a list of flat maps.
 *
 *   section:
 *     - key: value
 *       other: value
 */
#ifndef INGEST_YAML_LIST_H
#define INGEST_YAML_LIST_H

#include "base/err.h"
#include "base/span.h"

enum { YAML_LIST_MAX_PAIRS = 16 };

struct yaml_item {
    struct span section;
    unsigned n;
    struct {
        struct span key, value;
    } pairs[YAML_LIST_MAX_PAIRS];
};

/* The value of a key, or absent. */
struct span yaml_item_get(const struct yaml_item *item, const char *key);

/* Calls back for every item in the file's order; the spans are borrowed for the call. Anything of
 * another shape is ERR_DATA naming the line. */
int yaml_list_read(const char *path, void (*on_item)(void *context, const struct yaml_item *item),
                   void *context, struct err *e) MUST_CHECK;

#endif
