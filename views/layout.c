/* SPDX-License-Identifier: Apache-2.0 */
#include "views/layout.h"

#include <inttypes.h>

#include "base/clock.h"

static void put_tag(const struct view_ref *v, struct buf *out)
{
    buf_printf(out, "%s:{%s:%" PRIu64 ":%" PRIu32 "}:", v->prefix, v->view, v->generation,
               v->partition);
}

void layout_prefix(const struct view_ref *v, struct buf *out)
{
    put_tag(v, out);
    if (v->snapshot != 0)
        buf_printf(out, "@%016" PRIx64 ":", v->snapshot);
}

void layout_state_key(const struct view_ref *v, struct buf *out)
{
    put_tag(v, out);
    buf_put_text(out, "state");
}

void layout_snapshots_key(const struct view_ref *v, struct buf *out)
{
    put_tag(v, out);
    buf_put_text(out, "snapshots");
}

void layout_open_key(const struct view_ref *v, struct buf *out)
{
    layout_prefix(v, out);
    buf_put_text(out, "open");
}

void layout_kept_key(const struct view_ref *v, struct buf *out)
{
    layout_prefix(v, out);
    buf_put_text(out, "kept");
}

void layout_sites_key(const struct view_ref *v, struct buf *out)
{
    layout_prefix(v, out);
    buf_put_text(out, "sites");
}

void layout_index_key(const struct view_ref *v, struct buf *out)
{
    layout_prefix(v, out);
    buf_put_text(out, "index");
}

void layout_sessions_suffix(struct span site, int64_t day, struct buf *out)
{
    buf_put_span(out, site);
    buf_printf(out, ":sessions:%" PRId64, day);
}

void layout_sessions_key(const struct view_ref *v, struct span site, int64_t day, struct buf *out)
{
    layout_prefix(v, out);
    layout_sessions_suffix(site, day, out);
}

void layout_session_days_key(const struct view_ref *v, struct buf *out)
{
    layout_prefix(v, out);
    buf_put_text(out, "sessions");
}

void layout_current_key(const char *prefix, struct buf *out)
{
    buf_printf(out, "%s:current", prefix);
}

void layout_page_suffix(struct span site, const struct tier *t, int64_t page_start_us,
                        struct buf *out)
{
    buf_put_span(out, site);
    buf_printf(out, ":%s:%" PRId64, t->name, page_start_us / US_PER_SECOND);
}

void layout_page_key(const struct view_ref *v, struct span site, const struct tier *t,
                     int64_t page_start_us, unsigned sub_page, struct buf *out)
{
    layout_prefix(v, out);
    layout_page_suffix(site, t, page_start_us, out);
    if (sub_page != 0)
        buf_printf(out, ":%u", sub_page);
}

/* ---- back from the index ---- */

/* Cuts the part after the last ':' off; absent when there is none. */
static struct span cut_last(struct span *text)
{
    const char *colon = memrchr(text->p, ':', text->n);
    if (colon == NULL)
        return SPAN_ABSENT;
    struct span last = {colon + 1, text->n - (size_t)(colon + 1 - text->p)};
    text->n = (size_t)(colon - text->p);
    return last;
}

/* A decimal number of seconds in range of the microseconds, written as layout_page_suffix does. */
static bool read_seconds(struct span digits, int64_t *time_us)
{
    bool negative = digits.n > 1 && digits.p[0] == '-';
    int64_t seconds = 0;
    if (digits.n == 0 || digits.n > 13)
        return false;
    for (size_t i = negative; i < digits.n; i++) {
        if (digits.p[i] < '0' || digits.p[i] > '9')
            return false;
        seconds = seconds * 10 + (digits.p[i] - '0');
    }
    *time_us = (negative ? -seconds : seconds) * US_PER_SECOND;
    return seconds <= INT64_MAX / US_PER_SECOND;
}

int layout_read_suffix(const struct plan *p, struct span text, struct page_address *out,
                       struct err *e)
{
    struct span site = text;
    struct span start = text.n == 0 ? SPAN_ABSENT : cut_last(&site);
    struct span name = span_absent(start) ? SPAN_ABSENT : cut_last(&site);
    if (!span_absent(name) && read_seconds(start, &out->start_us)) {
        out->site = site;
        for (out->tier = 0; out->tier < p->n_tiers; out->tier++)
            if (span_is(name, p->tiers[out->tier]->name) &&
                tier_slot_of(p->tiers[out->tier], out->start_us).page_start_us == out->start_us)
                return 0;
    }
    return err_set(e, ERR_DATA, "the index of view %s names no page of it: %.*s", p->name,
                   (int)(text.n > 300 ? 300 : text.n), text.p);
}
