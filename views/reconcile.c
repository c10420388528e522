/* SPDX-License-Identifier: Apache-2.0 */
#include "views/reconcile.h"

#include <string.h>

enum state_verdict reconcile_state(const struct view_state *stored, const struct state_truth *truth,
                                   const char **why)
{
    if (stored == NULL) {
        *why = "it has no state in Redis";
        return STATE_REBUILD;
    }
    /* Epochs of different logs say nothing about each other. */
    bool same_log = strcmp(stored->log_id, truth->log_id) == 0;
    if (same_log && stored->epoch > truth->epoch) {
        *why = "a later owner writes it";
        return STATE_FOREIGN;
    }
    const struct {
        bool wrong;
        const char *why;
    } reasons[] = {
        {stored->format == 0, "its state is unreadable"},
        {!same_log, "it was made from another log"},
        {stored->format != PAGE_FORMAT, "its pages have another format"},
        {strcmp(stored->definition, truth->definition) != 0, "its definition has changed"},
        {stored->offset > truth->head, "it is ahead of the log"},
        {memcmp(stored->last_id, truth->last_id, sizeof(truth->last_id)) != 0,
         "its last event is not the log's"},
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].wrong) {
            *why = reasons[i].why;
            return STATE_REBUILD;
        }
    *why = "it is whole";
    return STATE_USABLE;
}
