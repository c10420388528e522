/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/user_agent_rules.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/diag.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "ingest/yaml_list.h"

enum {
    N_LISTS = 3,
    DEVICES = 2,
    MAX_RULES = 20000,
    MAX_GROUPS = 10,
    MATCH_LIMIT = 100000, /* steps before an expression is given up */
    STACK_BYTES = 256 * 1024
};

struct rule {
    char *pattern;
    char *replacement; /* "$1 for ArcGIS"; NULL: the first group */
    uint32_t flags;
    bool spider;
    _Atomic(pcre2_code *) code; /* NULL: not compiled yet */
    atomic_bool broken;         /* does not compile */
};

struct rules {
    struct rule *items;
    size_t n, cap;
};

struct user_agent_rules {
    struct rules lists[N_LISTS];
    size_t total;
};

/* ---- loading ---- */

static const struct {
    const char *section, *replacement;
} list_names[N_LISTS] = {
    [RULES_BROWSER] = {"user_agent_parsers", "family_replacement"},
    [RULES_OS] = {"os_parsers", "os_replacement"},
    [DEVICES] = {"device_parsers", "device_replacement"},
};

static void add_rule(struct rules *list, const struct yaml_item *item, const char *replacement)
{
    if (list->n == list->cap) {
        list->cap = list->cap == 0 ? 256 : list->cap * 2;
        list->items = mem_resize(list->items, list->cap * sizeof(*list->items));
    }
    struct span with = yaml_item_get(item, replacement);
    struct span flag = yaml_item_get(item, "regex_flag");
    struct rule *rule = &list->items[list->n++];
    *rule = (struct rule){.pattern = mem_copy_span(yaml_item_get(item, "regex")),
                          .replacement = span_absent(with) ? NULL : mem_copy_span(with),
                          .flags = span_is(flag, "i") ? PCRE2_CASELESS : 0,
                          .spider = span_is(with, "Spider")};
}

static void on_item(void *context, const struct yaml_item *item)
{
    struct user_agent_rules *r = context;
    if (span_absent(yaml_item_get(item, "regex")) || r->total == MAX_RULES)
        return;
    for (int i = 0; i < N_LISTS; i++)
        if (span_is(item->section, list_names[i].section)) {
            add_rule(&r->lists[i], item, list_names[i].replacement);
            r->total++;
        }
}

int user_agent_rules_load(struct user_agent_rules **out, const char *path, struct err *e)
{
    struct user_agent_rules *r = mem_alloc(sizeof(*r));
    if (yaml_list_read(path, on_item, r, e) != 0) {
        user_agent_rules_free(r);
        return -1;
    }
    *out = r;
    return 0;
}

void user_agent_rules_free(struct user_agent_rules *r)
{
    if (r == NULL)
        return;
    for (int i = 0; i < N_LISTS; i++) {
        for (size_t j = 0; j < r->lists[i].n; j++) {
            struct rule *rule = &r->lists[i].items[j];
            pcre2_code_free(rule->code);
            free(rule->pattern);
            free(rule->replacement);
        }
        free(r->lists[i].items);
    }
    free(r);
}

/* ---- matching ---- */

struct rule_matcher rule_matcher_new(void)
{
    struct rule_matcher m = {
        .data = pcre2_match_data_create(MAX_GROUPS, NULL),
        .context = pcre2_match_context_create(NULL),
        .stack = pcre2_jit_stack_create(32 * 1024, STACK_BYTES, NULL),
    };
    if (m.data == NULL || m.context == NULL)
        abort(); /* out of memory aborts everywhere */
    pcre2_set_match_limit(m.context, MATCH_LIMIT);
    if (m.stack != NULL)
        pcre2_jit_stack_assign(m.context, NULL, m.stack);
    return m;
}

void rule_matcher_free(struct rule_matcher *m)
{
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->context);
    pcre2_jit_stack_free(m->stack);
}

static pcre2_code *compile(struct rule *rule)
{
    int number;
    PCRE2_SIZE at;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)rule->pattern, PCRE2_ZERO_TERMINATED, rule->flags,
                                     &number, &at, NULL);
    if (code == NULL) {
        if (!atomic_exchange(&rule->broken, true))
            diag(DIAG_WARNING, "ingest", "user agent rule left out, it does not compile: %.200s",
                 rule->pattern);
        return NULL;
    }
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without JIT it is only slower */
    pcre2_code *other = NULL;
    if (atomic_compare_exchange_strong(&rule->code, &other, code))
        return code;
    pcre2_code_free(code); /* another thread was faster */
    return other;
}

static int match(struct rule *rule, struct span text, struct rule_matcher *m)
{
    pcre2_code *code = atomic_load_explicit(&rule->code, memory_order_acquire);
    if (code == NULL && (atomic_load(&rule->broken) || (code = compile(rule)) == NULL))
        return -1;
    return pcre2_match(code, (PCRE2_SPTR)text.p, text.n, 0, 0, m->data, m->context);
}

static struct span group(struct span text, const struct rule_matcher *m, int n_groups, int i)
{
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(m->data);
    if (i >= n_groups || at[2 * i] == PCRE2_UNSET || at[2 * i + 1] < at[2 * i])
        return SPAN_LITERAL("");
    return (struct span){text.p + at[2 * i], at[2 * i + 1] - at[2 * i]};
}

struct family {
    char *out;
    size_t n;
};

static void put(struct family *f, struct span s)
{
    size_t n = s.n < FAMILY_MAX_BYTES - f->n ? s.n : FAMILY_MAX_BYTES - f->n;
    if (n != 0)
        memcpy(f->out + f->n, s.p, n);
    f->n += n;
}

static void put_replacement(struct family *f, const char *p, struct span text,
                            const struct rule_matcher *m, int n_groups)
{
    for (; *p != '\0'; p++)
        if (p[0] == '$' && p[1] >= '1' && p[1] <= '9')
            put(f, group(text, m, n_groups, *++p - '0'));
        else
            put(f, (struct span){p, 1});
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* Blanks around it go, and a character cut in two at the end. */
static size_t tidy(struct family *f)
{
    size_t start = 0;
    while (start < f->n && is_space(f->out[start]))
        start++;
    memmove(f->out, f->out + start, f->n - start);
    f->n -= start;
    for (int i = 0; i < 4 && f->n > 0 && !utf8_text((struct span){f->out, f->n}); i++)
        f->n--;
    while (f->n > 0 && is_space(f->out[f->n - 1]))
        f->n--;
    return utf8_text((struct span){f->out, f->n}) ? f->n : 0;
}

size_t user_agent_rules_family(struct user_agent_rules *r, enum rule_list list, struct span text,
                               struct rule_matcher *m, char *out)
{
    struct rules *rules = &r->lists[list];
    for (size_t i = 0; i < rules->n; i++) {
        struct rule *rule = &rules->items[i];
        int n_groups = match(rule, text, m);
        if (n_groups < 0)
            continue;
        if (n_groups == 0)
            n_groups = MAX_GROUPS; /* more groups than there is room for */
        struct family f = {.out = out};
        if (rule->replacement != NULL)
            put_replacement(&f, rule->replacement, text, m, n_groups);
        else
            put(&f, group(text, m, n_groups, 1));
        return tidy(&f);
    }
    return 0;
}

/* Spider rules are few, and most user agents match none of them: those are tried first, the ones
 * before a hit only then. The answer is that of trying all in order. */
bool user_agent_rules_spider(struct user_agent_rules *r, struct span text, struct rule_matcher *m)
{
    struct rules *rules = &r->lists[DEVICES];
    size_t hit = 0;
    while (hit < rules->n && (!rules->items[hit].spider || match(&rules->items[hit], text, m) < 0))
        hit++;
    for (size_t i = 0; i < hit && hit < rules->n; i++)
        if (!rules->items[i].spider && match(&rules->items[i], text, m) >= 0)
            return false;
    return hit < rules->n;
}
