/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_LIVE_GET_H
#define API_LIVE_GET_H

#include "base/http.h"

/* GET /v1/live; context: the struct api. */
void live_get(struct http_request *r, void *context);

#endif
