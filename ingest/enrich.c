/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/enrich.h"

#include <stdlib.h>

#include "base/mem.h"

struct enricher {
    struct user_agent_cache *user_agents;
    struct geo_finder *geo;
    struct visitors visitors;
    struct uuid_maker ids;
    enum store_ip store_ip;
    char ip[ADDRESS_TEXT_BYTES];
};

struct enricher *enricher_new(const struct enrich_sources *sources)
{
    struct enricher *n = mem_alloc(sizeof(*n));
    n->user_agents = user_agent_cache_new(sources->user_agents);
    n->geo = geo_finder_new(sources->geo);
    n->visitors = (struct visitors){
        .recent = sources->recent, .salt = sources->salt, .context = sources->salt_context};
    n->store_ip = sources->store_ip;
    uuid_maker_init(&n->ids);
    return n;
}

void enricher_free(struct enricher *n)
{
    if (n == NULL)
        return;
    user_agent_cache_free(n->user_agents);
    geo_finder_free(n->geo);
    free(n);
}

static void add_user_agent(struct enricher *n, struct draft *d)
{
    if (d->user_agent.n == 0)
        return;
    const struct user_agent *u = user_agent_find(n->user_agents, d->user_agent);
    if (span_absent(d->event.browser))
        d->event.browser = u->browser;
    d->event.os = u->os;
    d->event.device = u->device;
    d->event.bot = u->bot;
}

static void add_region(struct enricher *n, struct draft *d)
{
    if (span_absent(d->event.region))
        d->event.region =
            d->has_address ? place_region(geo_find(n->geo, &d->address)) : SPAN_LITERAL("ZZ");
    d->event.country = region_country(d->event.region);
}

static void add_visitor(struct enricher *n, struct draft *d)
{
    const struct visitor_of of = {
        .site = d->event.site,
        .user_id = d->event.user_id,
        .session_id = d->event.session_id,
        .address = d->has_address ? &d->address : NULL,
        .user_agent = d->user_agent,
        .time_us = d->event.time_us,
        .now_us = d->event.received_us,
    };
    d->event.visitor = visitor_hash(&n->visitors, &of);
}

/* truncated: the network of 24 bits (IPv4) or 48 bits (IPv6). */
static void add_ip(struct enricher *n, struct draft *d)
{
    struct address a = d->address;
    if (n->store_ip == STORE_IP_NONE || !d->has_address)
        return;
    if (n->store_ip == STORE_IP_TRUNCATED) {
        size_t keep = address_is_v4(&a) ? 15 : 6;
        memset(a.bytes + keep, 0, sizeof(a.bytes) - keep);
    }
    d->event.ip = (struct span){n->ip, address_format(n->ip, &a)};
}

void enrich(struct enricher *n, struct draft *d)
{
    if (!d->event.id_from_client)
        uuid_make(&n->ids, d->event.received_us, d->event.id);
    add_user_agent(n, d);
    add_region(n, d);
    add_visitor(n, d);
    add_ip(n, d);
}
