/* SPDX-License-Identifier: Apache-2.0 */
/* Files built into the binary: CMake's footfall_embed(TARGET NAME FILE) makes them symbols,
 * declared here by EMBED(name). The bytes are followed by a NUL, which embed_span leaves out. */
#ifndef BASE_EMBED_H
#define BASE_EMBED_H

#include "base/span.h"

#define EMBED(name) extern const char embed_##name[], embed_##name##_end[]
#define EMBED_SPAN(name) ((struct span){embed_##name, (size_t)(embed_##name##_end - embed_##name)})

#endif
