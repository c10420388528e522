/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a definition and as PostgreSQL's form of it: a plan that keeps to the rules, or a
 * refusal, and the plan's own statement for verify. */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "views/definition.h"
#include "views/definition_sql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(struct plan *p)
{
    struct err e = {0};
    struct buf text = {0};
    assert(plan_check(p, &e) == 0);
    if (definition_sql(p, &text, &e) == 0)
        assert(text.n > 0);
    buf_clear(&text);
    definition_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};
    struct plan *p;
    char *sql = mem_copy_span((struct span){(const char *)data, size});
    struct span select = definition_select(sql);
    char *canonical = span_absent(select) ? mem_copy_text("") : mem_copy_span(select);
    if (definition_plan("v", sql, canonical, &p, &e) == 0)
        use(p);
    else
        assert(p == NULL && e.kind != ERR_NONE);
    free(canonical);
    free(sql);
    return 0;
}
