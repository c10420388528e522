/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/ingest_internal.h"

#include <assert.h>
#include <stdlib.h>

#include "base/diag.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/utf8.h"

const struct option ingest_options[] = {
    {.name = "ingest.open_sites",
     .type = OPTION_CHOICE,
     .fallback = "known",
     .choices = "known|none",
     .about = "sites that take events without a token: those an admin has added, or none"},
    {.name = "ingest.max_sites",
     .type = OPTION_INT,
     .fallback = "10000",
     .min = 1,
     .max = 1000000,
     .about = "sites that become known by the use of ingest tokens: no more than this"},
    {.name = "ingest.store_ip",
     .type = OPTION_CHOICE,
     .fallback = "none",
     .choices = "none|truncated|full",
     .about = "keep visitors' addresses: not, as networks (/24, /48), or whole"},
    {.name = "ingest.geo_database",
     .type = OPTION_TEXT,
     .reloads = true,
     .about = "MaxMind DB file with countries or cities; without one every region is ZZ"},
    {.name = "ingest.user_agents",
     .type = OPTION_TEXT,
     .fallback = "/usr/share/uap-core/regexes.yaml",
     .about = "uap-core's regexes.yaml: browsers, systems and bots; empty for none"},
    {.name = "ingest.dedupe_window",
     .type = OPTION_INT,
     .fallback = "1000000",
     .min = 0,
     .max = 100000000,
     .about = "event ids remembered to find repeats"},
    {.name = "ingest.trusted_proxies",
     .type = OPTION_TEXT,
     .about = "addresses and networks whose X-Forwarded-For counts, comma-separated"},
    {0},
};

/* ---- life ---- */

static bool salt_of_log(void *context, int64_t day, struct siphash_key *out)
{
    return salts_for_day(context, day, out) == SALT_LIVE;
}

static enum store_ip store_ip_of(const char *text)
{
    return strcmp(text, "full") == 0        ? STORE_IP_FULL
           : strcmp(text, "truncated") == 0 ? STORE_IP_TRUNCATED
                                            : STORE_IP_NONE;
}

/* Missing rules are no reason not to run, broken ones are. */
static int load_user_agents(struct ingest *g, const char *path, struct err *e)
{
    if (path == NULL || path[0] == '\0')
        return 0;
    if (!file_exists(path)) {
        diag(DIAG_WARNING, "ingest",
             "no user agent rules at %s: browsers and bots are not known (package uap-core, or "
             "ingest.user_agents)",
             path);
        return 0;
    }
    return user_agent_rules_load(&g->sources.user_agents, path, e);
}

static int open_geo(struct ingest *g, const char *path, struct err *e)
{
    if (path == NULL || path[0] == '\0')
        diag(DIAG_INFO, "ingest", "no ingest.geo_database: every region is ZZ");
    return geo_open(&g->sources.geo, path, e);
}

int ingest_new(struct ingest **out, const struct ingest_log *log, const struct config *c,
               struct err *e)
{
    struct ingest *g = mem_alloc(sizeof(*g));
    g->log = *log;
    g->open_sites = strcmp(config_text(c, "ingest.open_sites"), "known") == 0;
    g->sources.recent = recent_visitors_new();
    g->sources.salt = salt_of_log;
    g->sources.salt_context = log->salts;
    g->sources.store_ip = store_ip_of(config_text(c, "ingest.store_ip"));
    if (load_user_agents(g, config_text(c, "ingest.user_agents"), e) != 0 ||
        open_geo(g, config_text(c, "ingest.geo_database"), e) != 0) {
        ingest_free(g);
        return -1;
    }
    conservation_register();
    *out = g;
    return 0;
}

void ingest_free(struct ingest *g)
{
    if (g == NULL)
        return;
    for (int i = 0; i < INGEST_MAX_LOOPS; i++) {
        collect_free(g->loops[i].collect);
        intake_free(g->loops[i].intake);
        buf_clear(&g->loops[i].answer);
    }
    geo_close(g->sources.geo);
    user_agent_rules_free(g->sources.user_agents);
    recent_visitors_free(g->sources.recent);
    free(g);
}

int ingest_reload(struct ingest *g, const struct config *c, struct err *e)
{
    return geo_reload(g->sources.geo, config_text(c, "ingest.geo_database"), e);
}

/* ---- loops ---- */

/* Without a token: sites an admin has added. With one: any, and it becomes known. */
static const char *gate(void *context, const struct sender *s, struct span site)
{
    struct ingest *g = context;
    struct site_info info;
    bool known = sites_find(g->log.sites, site, &info);
    if (!s->trusted) {
        if (!g->open_sites)
            return "takes no events without an ingest token here";
        return known && !info.learned ? NULL
                                      : "is not a known site: an admin adds it with `footfall site "
                                        "add`";
    }
    if (known || sites_learn(g->log.sites, site, NULL) == 0)
        return NULL;
    return "would be one known site too many (ingest.max_sites)";
}

void ingest_on_loop_start(struct ingest *g, struct http_loop *l)
{
    assert(http_loop_index(l) < INGEST_MAX_LOOPS);
    struct ingest_loop *own = &g->loops[http_loop_index(l)];
    own->intake = intake_new(&g->sources, gate, g);
    own->collect = collect_new(l, g->log.writer, ingest_answer, own);
}

/* What is with the writer still refers to the loop's memory, which ingest_free gives back. */
void ingest_on_loop_stop(struct ingest *g, struct http_loop *l)
{
    struct ingest_loop *own = &g->loops[http_loop_index(l)];
    intake_free(own->intake);
    own->intake = NULL;
}

/* ---- the sender ---- */

enum { AGENT_BYTES = 1024 };

bool ingest_sender(struct http_request *r, struct sender *s)
{
    static const struct http_problem forbidden = {.slug = "forbidden"};
    const struct http_identity *who = http_identity_of(r);
    if (who->scope == SCOPE_READ) {
        http_send_problem(r, &forbidden,
                          "this token may read only: sending takes the scope ingest");
        return false;
    }
    *s = (struct sender){.trusted = who->scope != SCOPE_OPEN,
                         .scope_id = who->scope_id,
                         .site = who->site,
                         .received_us = http_loop_now_us(http_loop_of(r))};
    s->has_address = address_parse(http_client(r), &s->address) == 0;
    if (!s->trusted)
        s->user_agent = http_header(r, "user-agent");
    if (s->user_agent.n > AGENT_BYTES)
        s->user_agent.n = AGENT_BYTES;
    return true;
}

bool ingest_key_fits(struct span key)
{
    bool fits = key.n >= 1 && key.n <= 255;
    for (size_t i = 0; fits && i < key.n; i++)
        fits = key.p[i] > 0x20 && key.p[i] < 0x7f;
    return fits;
}

static bool source_fits(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    return s.n >= 1 && s.n <= SOURCE_NAME_BYTES && utf8_text(s);
}

bool ingest_source_ok(struct http_request *r, struct span name)
{
    static const struct http_problem bad = {.slug = "bad-source", .field = "Footfall-Source"};
    if (source_fits(name))
        return true;
    http_send_problem(r, &bad, "a source is named by 1 to %d bytes of text", SOURCE_NAME_BYTES);
    return false;
}

/* ---- routes ---- */

size_t ingest_routes(struct ingest *g, struct http_route *out, size_t max)
{
    const struct http_route routes[] = {
        {.method = "POST",
         .pattern = "/v1/events",
         .scope = SCOPE_OPEN,
         .handler = events_handle,
         .context = g,
         .cors = true,
         .max_body = PAYLOAD_MAX_BYTES,
         .operation = "sendEvents",
         .summary = "Send events; they are durable when the answer comes",
         .params = events_params,
         .answers = events_answers,
         .request_types = events_request_types},
        {.method = "GET",
         .pattern = "/v1/pixel.gif",
         .scope = SCOPE_OPEN,
         .handler = pixel_handle,
         .context = g,
         .cors = true,
         .operation = "pixel",
         .summary = "Record a page view by loading an image",
         .params = pixel_params,
         .answers = pixel_answers},
        {.method = "GET",
         .pattern = "/v1/sources/{name}",
         .scope = SCOPE_INGEST,
         .handler = sources_handle,
         .context = g,
         .cors = true,
         .operation = "getSource",
         .summary = "The stored position of a source",
         .params = sources_params,
         .answers = sources_answers},
    };
    const size_t n = sizeof(routes) / sizeof(routes[0]);
    assert(n <= max);
    memcpy(out, routes, sizeof(routes));
    return n;
}
