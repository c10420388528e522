/* SPDX-License-Identifier: Apache-2.0 */
/* JSON and NDJSON bodies. */
#include "tests/fuzz/event_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span body = {(const char *)data, size};
    rig_send(body, PAYLOAD_JSON, true);
    rig_send(body, PAYLOAD_JSON, false);
    rig_send(body, PAYLOAD_NDJSON, true);
    return 0;
}
