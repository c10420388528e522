/* SPDX-License-Identifier: Apache-2.0 */
/* uap-core's rules: three ordered lists; the first expression that matches decides. */
#ifndef INGEST_USER_AGENT_RULES_H
#define INGEST_USER_AGENT_RULES_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "ingest/user_agent.h"

/* What a thread needs to match. */
struct rule_matcher {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
};

struct rule_matcher rule_matcher_new(void);
void rule_matcher_free(struct rule_matcher *m);

enum rule_list { RULES_BROWSER, RULES_OS };

/* The family of the first rule of a list that matches, into out[FAMILY_MAX_BYTES]: its length, 0
 * when none does. */
size_t user_agent_rules_family(struct user_agent_rules *r, enum rule_list list, struct span text,
                               struct rule_matcher *m, char *out);

/* The first matching rule of the devices says "Spider". */
bool user_agent_rules_spider(struct user_agent_rules *r, struct span text, struct rule_matcher *m);

#endif
