/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_ROWS_GET_H
#define API_ROWS_GET_H

#include "base/http.h"

/* GET /v1/views/{name}/rows; context: the struct api. */
void rows_get(struct http_request *r, void *context);

#endif
