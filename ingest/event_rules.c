/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/event_rules.h"

#include <math.h>

static const struct value *value_of(const struct fields *f, enum field field)
{
    return &f->values[field];
}

static struct span text_or_absent(const struct fields *f, enum field field)
{
    return fields_has(f, field) ? value_of(f, field)->text : SPAN_ABSENT;
}

static int refuse(struct rejection *r, enum reject_class why, enum field field, const char *reason)
{
    return reject(r, why, field_name(field), reason);
}

/* What only a sender with an ingest token may say about its visitors. */
static int check_trust(const struct fields *f, struct rejection *r)
{
    static const enum field guarded[] = {FIELD_IP_ADDRESS, FIELD_USER_AGENT, FIELD_REGION,
                                         FIELD_USER_ID};
    const uint32_t mask =
        1u << FIELD_IP_ADDRESS | 1u << FIELD_USER_AGENT | 1u << FIELD_REGION | 1u << FIELD_USER_ID;
    if ((f->given & mask) == 0)
        return 0;
    for (unsigned i = 0; i < sizeof(guarded) / sizeof(guarded[0]); i++)
        if (fields_has(f, guarded[i]))
            return refuse(r, REJECT_TOKEN, guarded[i], "needs an ingest token");
    return 0;
}

static bool in_range(int64_t t_us, int64_t received_us)
{
    return t_us >= EVENT_OLDEST_US && t_us <= received_us + EVENT_AHEAD_US;
}

/* Seconds as a double are exact to the microsecond until the year 2255. */
static bool to_us(double seconds, int64_t *us)
{
    if (!(fabs(seconds) < 9e12))
        return false;
    *us = llround(seconds * 1e6);
    return true;
}

static double number_of(const struct value *v)
{
    return v->type == WIRE_INT ? (double)v->integer : v->type == WIRE_REAL ? v->real : NAN;
}

/* Unix seconds. */
static bool time_of_number(const struct value *v, int64_t *us)
{
    if (v->type != WIRE_INT)
        return to_us(number_of(v), us);
    return !__builtin_mul_overflow(v->integer, US_PER_SECOND, us);
}

/* Why a time was not taken, most helpful first. */
static int refuse_time(const struct value *v, const struct sender *s, bool is_time, int64_t us,
                       struct rejection *r)
{
    int64_t as_ms;
    bool before = is_time && us < EVENT_OLDEST_US;
    if (!before && v->type != WIRE_TEXT && to_us(number_of(v) / 1000, &as_ms) &&
        in_range(as_ms, s->received_us))
        return refuse(r, REJECT_TIME, FIELD_TIMESTAMP,
                      "is not a time in seconds: it looks like milliseconds, divide by 1000");
    return refuse(r, REJECT_TIME, FIELD_TIMESTAMP,
                  !is_time ? "is not a time"
                  : before ? "is before 1990"
                           : "is more than 5 minutes in the future");
}

static int check_timestamp(const struct value *v, const struct sender *s, int64_t *us,
                           struct rejection *r)
{
    bool is_time =
        v->type == WIRE_TEXT ? clock_parse(v->text.p, v->text.n, us) == 0 : time_of_number(v, us);
    if (!is_time || !in_range(*us, s->received_us))
        return refuse_time(v, s, is_time, *us, r);
    if (s->trusted || *us >= s->received_us - EVENT_OPEN_AGE_US)
        return 0;
    return refuse(r, REJECT_TOKEN, FIELD_TIMESTAMP,
                  "is more than 5 minutes old, which needs an ingest token");
}

static int check_age(const struct value *v, const struct sender *s, int64_t *us,
                     struct rejection *r)
{
    double ms = number_of(v);
    if (!(ms >= 0 && ms <= 86400000.0))
        return refuse(r, REJECT_TIME, FIELD_AGE,
                      "is not a number of milliseconds between 0 and 86400000 (24 h)");
    *us = s->received_us - llround(ms * 1000);
    return 0;
}

static int set_time(const struct fields *f, const struct sender *s, struct event *e,
                    struct rejection *r)
{
    e->received_us = e->time_us = s->received_us;
    if (fields_has(f, FIELD_TIMESTAMP) && fields_has(f, FIELD_AGE))
        return refuse(r, REJECT_TIME, FIELD_AGE, "is given together with timestamp");
    if (fields_has(f, FIELD_TIMESTAMP))
        return check_timestamp(value_of(f, FIELD_TIMESTAMP), s, &e->time_us, r);
    if (fields_has(f, FIELD_AGE))
        return check_age(value_of(f, FIELD_AGE), s, &e->time_us, r);
    return 0;
}

static int hex(char c)
{
    static const int8_t digits[256] = {
        ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
        ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
        ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
        ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16};
    return digits[(unsigned char)c] - 1;
}

static bool parse_uuid(struct span s, uint8_t id[16])
{
    if (s.n != 36 || s.p[8] != '-' || s.p[13] != '-' || s.p[18] != '-' || s.p[23] != '-')
        return false;
    size_t at = 0;
    for (int i = 0; i < 16; i++) {
        at += s.p[at] == '-';
        int high = hex(s.p[at]), low = hex(s.p[at + 1]);
        if ((high | low) < 0)
            return false;
        id[i] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    return true;
}

static int set_identity(const struct fields *f, const struct sender *s, struct event *e,
                        struct rejection *r)
{
    static const struct span page_view = {"PageViewEvent", 13};
    e->token = s->scope_id;
    e->type = page_view;
    if (fields_has(f, FIELD_EVENT_TYPE)) {
        e->type = value_of(f, FIELD_EVENT_TYPE)->text;
        if (e->type.n == 0)
            return refuse(r, REJECT_VALUE, FIELD_EVENT_TYPE, "is empty");
    }
    if (!fields_has(f, FIELD_PAGE_URL) && span_equal(e->type, page_view))
        return refuse(r, REJECT_MISSING, FIELD_PAGE_URL, "is required for a page view");
    e->id_from_client = fields_has(f, FIELD_EVENT_ID);
    if (e->id_from_client && !parse_uuid(value_of(f, FIELD_EVENT_ID)->text, e->id))
        return refuse(r, REJECT_VALUE, FIELD_EVENT_ID, "is not a UUID");
    e->session_id = text_or_absent(f, FIELD_SESSION_ID);
    e->user_id = text_or_absent(f, FIELD_USER_ID);
    e->props = fields_has(f, FIELD_PROPS) ? buf_span(&f->props) : SPAN_ABSENT;
    return 0;
}

static int set_page(const struct fields *f, struct draft *d, char **room, struct rejection *r)
{
    struct event *e = &d->event;
    if (fields_has(f, FIELD_PAGE_URL)) {
        struct url u;
        const struct value *v = value_of(f, FIELD_PAGE_URL);
        const char *wrong = url_split(v->text, *room, &u);
        if (wrong == NULL && !v->checked && url_has_control(v->text))
            wrong = "holds a control character"; /* JSON has none but by escapes */
        if (wrong != NULL)
            return refuse(r, REJECT_VALUE, FIELD_PAGE_URL, wrong);
        *room += u.host.n + u.query.n; /* decoding never grows */
        e->host = u.host;
        e->path = u.path;
        e->query = u.query;
        e->utm_source = u.utm_source;
        e->utm_medium = u.utm_medium;
        e->utm_campaign = u.utm_campaign;
    }
    e->referrer = text_or_absent(f, FIELD_REFERRER);
    if (!span_absent(e->referrer))
        e->referrer_host = url_host(e->referrer, *room);
    *room += e->referrer_host.n;
    return 0;
}

static int set_site(const struct fields *f, const struct sender *s, struct event *e, char *room,
                    struct rejection *r)
{
    if (fields_has(f, FIELD_SITE)) {
        e->site = url_site_name(value_of(f, FIELD_SITE)->text, room);
        if (span_absent(e->site))
            return refuse(r, REJECT_VALUE, FIELD_SITE, "is not a domain-like name");
        if (!span_absent(s->site) && !span_equal(e->site, s->site))
            return refuse(r, REJECT_SITE, FIELD_SITE, "is not the site of the token");
        return 0;
    }
    e->site = s->site;
    if (!span_absent(e->site))
        return 0;
    if (span_absent(e->host))
        return refuse(r, REJECT_MISSING, FIELD_SITE,
                      "is required: neither the token nor pageUrl names one");
    e->site = url_host_is_site(e->host) ? e->host : SPAN_ABSENT;
    return span_absent(e->site) ? refuse(r, REJECT_MISSING, FIELD_SITE,
                                         "is required: the host of pageUrl is no domain-like name")
                                : 0;
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* "DE" (ISO 3166-1) or "US-CA" (ISO 3166-2). */
static bool region_ok(struct span s)
{
    if (s.n < 2 || s.n > 6 || !is_upper(s.p[0]) || !is_upper(s.p[1]))
        return false;
    if (s.n == 2)
        return true;
    for (size_t i = 3; i < s.n; i++)
        if (!is_upper(s.p[i]) && !(s.p[i] >= '0' && s.p[i] <= '9'))
            return false;
    return s.n >= 4 && s.p[2] == '-';
}

static int set_visitor(const struct fields *f, const struct sender *s, struct draft *d,
                       struct rejection *r)
{
    d->address = s->address;
    d->has_address = s->has_address;
    if (fields_has(f, FIELD_IP_ADDRESS)) {
        d->has_address = address_parse(value_of(f, FIELD_IP_ADDRESS)->text, &d->address) == 0;
        if (!d->has_address)
            return refuse(r, REJECT_VALUE, FIELD_IP_ADDRESS, "is not an IP address");
    }
    d->user_agent =
        fields_has(f, FIELD_USER_AGENT) ? value_of(f, FIELD_USER_AGENT)->text : s->user_agent;
    d->event.browser = text_or_absent(f, FIELD_BROWSER);
    d->event.region = text_or_absent(f, FIELD_REGION);
    if (!span_absent(d->event.region) && !region_ok(d->event.region))
        return refuse(r, REJECT_VALUE, FIELD_REGION, "is not an ISO 3166 code like DE or US-CA");
    return 0;
}

int event_rules_apply(const struct fields *f, const struct sender *s, struct draft *d,
                      struct rejection *r)
{
    char *room = d->text;
    d->event = (struct event){0};
    if ((!s->trusted && check_trust(f, r) != 0) || set_time(f, s, &d->event, r) != 0 ||
        set_identity(f, s, &d->event, r) != 0 || set_page(f, d, &room, r) != 0 ||
        set_site(f, s, &d->event, room, r) != 0)
        return -1;
    return set_visitor(f, s, d, r);
}
