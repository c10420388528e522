/* SPDX-License-Identifier: Apache-2.0 */
/* MessagePack bodies. */
#include "ingest/msgpack.h"
#include "tests/fuzz/event_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span body = {(const char *)data, size};
    size_t n = msgpack_check(body);
    if (n > size || (n != 0 && msgpack_skip(data) != data + n))
        abort();
    rig_send(body, PAYLOAD_MSGPACK, true);
    rig_send(body, PAYLOAD_MSGPACK, false);
    return 0;
}
