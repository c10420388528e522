/* SPDX-License-Identifier: Apache-2.0 */
/* What web/build.sh made of web/, built in: pages, their scripts and styles, the tracker. */
#ifndef API_ASSETS_H
#define API_ASSETS_H

#include "base/span.h"

struct asset {
    const char *name; /* "dashboard.js": what it is */
    const char *file; /* "dashboard-1f0c….js": under /assets/ when it has another name than that */
    const char *content_type;
    struct span plain;
    struct span gzip; /* absent when it would not be smaller */
    const char *tag;  /* W/"1f0c…": weak, it stands for both */
};

extern const struct asset assets[]; /* ended by name == NULL */

#endif
