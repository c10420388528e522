/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_QUERY_POST_H
#define API_QUERY_POST_H

#include "base/http.h"

http_handler query_post; /* that it may be asked for public sites: authorize.c */

#endif
