/* SPDX-License-Identifier: Apache-2.0 */
/* The shipped views, and every plan of the process by its hash. */
#include "views/catalog.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/embed.h"
#include "base/mem.h"
#include "views/definition.h"

EMBED(view_pageviews);
EMBED(view_pageviews_by_region);
EMBED(view_pageviews_by_country);
EMBED(view_visitors);
EMBED(view_pageviews_by_page);
EMBED(view_pageviews_by_referrer);
EMBED(view_pageviews_by_browser);
EMBED(view_pageviews_by_os);
EMBED(view_pageviews_by_device);
EMBED(view_pageviews_by_campaign);
EMBED(view_visits);
EMBED(view_entry_pages);
EMBED(view_exit_pages);

/* clang-format off */
#define SHIPPED(name_) {#name_, embed_view_##name_}
/* clang-format on */
const struct shipped_view shipped_views[] = {
    SHIPPED(pageviews),
    SHIPPED(pageviews_by_region),
    SHIPPED(pageviews_by_country),
    SHIPPED(visitors),
    SHIPPED(pageviews_by_page),
    SHIPPED(pageviews_by_referrer),
    SHIPPED(pageviews_by_browser),
    SHIPPED(pageviews_by_os),
    SHIPPED(pageviews_by_device),
    SHIPPED(pageviews_by_campaign),
    SHIPPED(visits),
    SHIPPED(entry_pages),
    SHIPPED(exit_pages),
    {NULL, NULL},
};

enum { N_SHIPPED = sizeof(shipped_views) / sizeof(shipped_views[0]) - 1 };

/* ---- every plan of the process ---- */

struct kept {
    const struct plan *plan;
    char hash[65];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct kept *kept;
static size_t n_kept;

/* Tests make plans of which parts point to nothing: they are told apart by more than the hash. */
static bool is_kept(const struct kept *k, const struct plan *p, const char *hash)
{
    return strcmp(k->hash, hash) == 0 && strcmp(k->plan->sql, p->sql) == 0;
}

const struct plan *catalog_keep(const struct plan *p)
{
    struct kept new = {.plan = p};
    plan_hash(p, new.hash);
    pthread_mutex_lock(&mutex);
    const struct plan *found = NULL;
    for (size_t i = 0; i < n_kept && found == NULL; i++)
        if (is_kept(&kept[i], p, new.hash))
            found = kept[i].plan;
    if (found == NULL) {
        kept = mem_resize(kept, (n_kept + 1) * sizeof(*kept));
        kept[n_kept++] = new;
        found = p;
    }
    pthread_mutex_unlock(&mutex);
    return found;
}

static const struct plan *find_text(const struct catalog_text *text)
{
    const struct plan *found = NULL;
    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < n_kept && found == NULL; i++) {
        const struct plan *p = kept[i].plan;
        if (strcmp(p->name, text->name) == 0 && strcmp(p->sql, text->sql) == 0 &&
            strcmp(p->canonical, text->canonical) == 0)
            found = p;
    }
    pthread_mutex_unlock(&mutex);
    return found;
}

int catalog_plan(const struct catalog_text *text, const struct plan **out, struct err *e)
{
    struct plan *made;
    *out = find_text(text);
    if (*out != NULL)
        return 0;
    if (definition_plan(text->name, text->sql, text->canonical, &made, e) != 0)
        return -1;
    *out = catalog_keep(made);
    if (*out != made)
        definition_free(made);
    return 0;
}

/* ---- the shipped ones ---- */

static const struct plan *plans[N_SHIPPED + 1];
static pthread_once_t made_once = PTHREAD_ONCE_INIT;

static void make_shipped(void)
{
    for (size_t i = 0; i < N_SHIPPED; i++) {
        struct err e = {0};
        struct span select = definition_select(shipped_views[i].sql);
        char *text = mem_copy_span(select);
        const struct catalog_text shipped = {shipped_views[i].name, shipped_views[i].sql, text};
        if (catalog_plan(&shipped, &plans[i], &e) != 0)
            diag(DIAG_ERROR, "views", "%s, as it is shipped: %s", shipped.name, e.text);
        assert(plans[i] != NULL);
        free(text);
    }
}

const struct plan *const *shipped_plans(void)
{
    pthread_once(&made_once, make_shipped);
    return plans;
}

const struct plan *plan_find(struct span name)
{
    const struct plan *const *all = shipped_plans();
    for (size_t i = 0; all[i] != NULL; i++)
        if (span_is(name, all[i]->name))
            return all[i];
    return NULL;
}
