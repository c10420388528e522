/* SPDX-License-Identifier: Apache-2.0 */
/* The cache is set-associative: a hash picks one of the sets, its few ways are compared, the one
 * used longest ago is replaced. The hash need not resist collisions: they only cost a miss. */
#include "ingest/user_agent.h"

#include <openssl/rand.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "ingest/user_agent_rules.h"

struct entry {
    uint64_t hash;
    uint64_t used; /* when last, in lookups; 0: free */
    char *bytes;   /* the user agent, then the families */
    uint32_t n;
    struct user_agent found;
};

struct user_agent_cache {
    struct user_agent_rules *rules;
    struct rule_matcher matcher;
    uint64_t seed, lookups;
    struct entry sets[USER_AGENT_CACHE_SETS][USER_AGENT_CACHE_WAYS];
};

struct user_agent_cache *user_agent_cache_new(struct user_agent_rules *rules)
{
    struct user_agent_cache *c = mem_alloc(sizeof(*c));
    c->rules = rules;
    c->matcher = rule_matcher_new();
    RAND_bytes((unsigned char *)&c->seed, sizeof(c->seed));
    return c;
}

void user_agent_cache_free(struct user_agent_cache *c)
{
    if (c == NULL)
        return;
    for (int i = 0; i < USER_AGENT_CACHE_SETS; i++)
        for (int j = 0; j < USER_AGENT_CACHE_WAYS; j++)
            free(c->sets[i][j].bytes);
    rule_matcher_free(&c->matcher);
    free(c);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_of(uint64_t seed, struct span s)
{
    uint64_t h = seed ^ s.n, word;
    size_t i = 0;
    for (; i + 8 <= s.n; i += 8) {
        memcpy(&word, s.p + i, 8);
        h = mix(h ^ word, UINT64_C(0x9e3779b97f4a7c15));
    }
    word = 0;
    if (i < s.n)
        memcpy(&word, s.p + i, s.n - i);
    return mix(h ^ word, UINT64_C(0xe7037ed1a0b428db));
}

/* ---- device class ---- */

static bool has(struct span text, const char *word)
{
    return memmem(text.p, text.n, word, strlen(word)) != NULL;
}

static bool has_any(struct span text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (has(text, *words))
            return true;
    return false;
}

static bool starts_with_any(struct span os, const char *const *names)
{
    for (; *names != NULL; names++)
        if (os.n >= strlen(*names) && memcmp(os.p, *names, strlen(*names)) == 0)
            return true;
    return false;
}

static struct span device_class(struct span text, struct span os, bool bot)
{
    static const char *const tvs[] = {"SmartTV",  "SMART-TV", "Smart-TV", "AppleTV", "Apple TV",
                                      "GoogleTV", "HbbTV",    "Roku/",    "BRAVIA",  "AFTT",
                                      "AFTM",     "AFTB",     "CrKey",    NULL};
    static const char *const tablets[] = {"iPad",  "Tablet",   "tablet", "Kindle",
                                          "Silk/", "PlayBook", NULL};
    static const char *const phones[] = {"Mobile",  "mobile",     "iPhone",     "iPod",
                                         "Phone",   "BlackBerry", "Opera Mini", "Opera Mobi",
                                         "Symbian", "Nokia",      "MIDP",       NULL};
    static const char *const desktops[] = {
        "Windows", "Mac OS X", "Linux",   "Ubuntu",  "Chrome OS", "Fedora",    "Debian",
        "FreeBSD", "OpenBSD",  "NetBSD",  "Red Hat", "SUSE",      "CentOS",    "Arch",
        "Gentoo",  "Mandriva", "Solaris", "Mint",    "Kubuntu",   "Slackware", NULL};
    if (bot)
        return SPAN_LITERAL("bot");
    if (has_any(text, tvs))
        return SPAN_LITERAL("tv");
    if (has_any(text, tablets) && !has(text, "Tablet PC"))
        return SPAN_LITERAL("tablet");
    if (has_any(text, phones))
        return SPAN_LITERAL("mobile");
    if (has(text, "Android"))
        return SPAN_LITERAL("tablet"); /* Android phones say "Mobile" */
    return starts_with_any(os, desktops) ? SPAN_LITERAL("desktop") : SPAN_LITERAL("other");
}

/* ---- lookup ---- */

static struct span family(struct user_agent_cache *c, enum rule_list list, struct span text,
                          char *room)
{
    size_t n = user_agent_rules_family(c->rules, list, text, &c->matcher, room);
    return n == 0 ? SPAN_LITERAL("Other") : (struct span){room, n};
}

static void fill(struct user_agent_cache *c, struct entry *entry, struct span text)
{
    entry->bytes = mem_resize(entry->bytes, text.n + 2 * FAMILY_MAX_BYTES);
    memcpy(entry->bytes, text.p, text.n);
    entry->n = (uint32_t)text.n;
    struct user_agent *u = &entry->found;
    *u = (struct user_agent){.device = SPAN_LITERAL("other")};
    if (c->rules == NULL)
        return;
    u->browser = family(c, RULES_BROWSER, text, entry->bytes + text.n);
    u->os = family(c, RULES_OS, text, entry->bytes + text.n + FAMILY_MAX_BYTES);
    u->bot = has(text, "HeadlessChrome") || /* a program looks, no person */
             user_agent_rules_spider(c->rules, text, &c->matcher);
    u->device = device_class(text, u->os, u->bot);
}

const struct user_agent *user_agent_find(struct user_agent_cache *c, struct span text)
{
    if (text.n > USER_AGENT_MAX_BYTES)
        text.n = USER_AGENT_MAX_BYTES;
    uint64_t hash = hash_of(c->seed, text);
    struct entry *set = c->sets[hash % USER_AGENT_CACHE_SETS], *oldest = set;
    c->lookups++;
    for (int i = 0; i < USER_AGENT_CACHE_WAYS; i++) {
        struct entry *entry = &set[i];
        if (entry->used != 0 && entry->hash == hash && entry->n == text.n &&
            memcmp(entry->bytes, text.p, text.n) == 0) {
            entry->used = c->lookups;
            return &entry->found;
        }
        if (entry->used < oldest->used)
            oldest = entry;
    }
    fill(c, oldest, text);
    oldest->hash = hash;
    oldest->used = c->lookups;
    return &oldest->found;
}
