/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAPI 3.1 from the routes table, so that description and dispatch cannot differ. */
#ifndef BASE_OPENAPI_H
#define BASE_OPENAPI_H

#include "base/buf.h"
#include "base/http.h"

/* Appends the document, compact JSON. Path parameters without documentation are described as
 * strings; answers of one status are one response with several content types; every operation has
 * the problem as its default response. */
void openapi_print(struct buf *out, const struct http_route *routes, size_t n);

#endif
