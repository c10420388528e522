/* SPDX-License-Identifier: Apache-2.0 */
/* The live streams of one loop. Everything on the loop. */
#ifndef API_LIVE_FEED_H
#define API_LIVE_FEED_H

#include "api/api_internal.h"

struct live_feed *live_feed_new(struct http_loop *l, struct api *a, struct view_reader *reader);
/* The loop ends: before its view_reader does, which answers what is under way. */
void live_feed_stop(struct live_feed *f);
void live_feed_free(struct live_feed *f); /* after it */

/* Begins a stream of a site's numbers, or answers why not: half of all streams at most are of
 * clients without a token. */
void live_feed_join(struct live_feed *f, struct http_request *r, const char *site);

#endif
