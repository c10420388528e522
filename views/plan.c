/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from a plan: the columns it reads, its identity, whether it is sound. The tiers are
 * in tier.c. */
#include "views/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <openssl/evp.h>

#include "base/buf.h"
#include "views/expr.h"
#include "views/sessions.h"

bool plan_page_expired(const struct plan *p, unsigned tier, int64_t page_start_us,
                       int64_t watermark_us)
{
    int64_t retention_us = p->retention_us[tier];
    return retention_us != 0 &&
           tier_page_end(p->tiers[tier], page_start_us) + retention_us <= watermark_us;
}

uint32_t plan_reads(const struct plan *p)
{
    uint32_t columns =
        COLUMN_BIT(p->relation->site) | COLUMN_BIT(p->relation->time) | expr_columns(p->filter);
    for (unsigned i = 0; i < p->n_dimensions; i++)
        columns |= expr_columns(p->dimensions[i].value);
    for (unsigned i = 0; i < p->n_measures; i++)
        columns |= expr_columns(p->measures[i].filter) | expr_columns(p->measures[i].value);
    return columns;
}

column_set plan_columns(const struct plan *p)
{
    uint32_t columns = plan_reads(p);
    return p->relation == &RELATION_SESSIONS ? sessions_columns(session_texts_of(columns))
                                             : columns;
}

/* The hashed text: name, NUL, canonical SELECT, NUL, then per tier its name and retention, NUL
 * after each. */
void plan_hash(const struct plan *p, char out[65])
{
    struct buf text = {0};
    buf_put(&text, p->name, strlen(p->name) + 1);
    buf_put(&text, p->canonical, strlen(p->canonical) + 1);
    for (unsigned i = 0; i < p->n_tiers; i++) {
        buf_printf(&text, "%s %" PRId64, p->tiers[i]->name, p->retention_us[i]);
        buf_put_byte(&text, 0);
    }
    unsigned char hash[EVP_MAX_MD_SIZE];
    EVP_Digest(text.p, text.n, hash, NULL, EVP_sha256(), NULL);
    buf_clear(&text);
    for (int i = 0; i < 32; i++)
        snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

/* ---- soundness ---- */

static int check_tiers(const struct plan *p, struct err *e)
{
    if (p->n_tiers == 0 || p->n_tiers > PLAN_MAX_TIERS)
        return err_set(e, ERR_INPUT, "view %s has %u tiers; 1 to %d are possible", p->name,
                       p->n_tiers, PLAN_MAX_TIERS);
    for (unsigned i = 0; i < p->n_tiers; i++)
        if (p->retention_us[i] < 0)
            return err_set(e, ERR_INPUT, "view %s keeps tier %s for a negative time", p->name,
                           p->tiers[i]->name);
    for (unsigned i = 1; i < p->n_tiers; i++) {
        if (p->tiers[i]->slot_us % p->tiers[i - 1]->slot_us != 0)
            return err_set(e, ERR_INPUT, "view %s: slots of tier %s do not fill those of %s",
                           p->name, p->tiers[i - 1]->name, p->tiers[i]->name);
        bool outlives = p->retention_us[i] == 0 || (p->retention_us[i - 1] != 0 &&
                                                    p->retention_us[i] >= p->retention_us[i - 1]);
        if (!outlives)
            return err_set(e, ERR_INPUT, "view %s: tier %s must be kept at least as long as %s",
                           p->name, p->tiers[i]->name, p->tiers[i - 1]->name);
    }
    return 0;
}

static int check_dimension(const struct plan *p, const struct plan_dimension *d, struct err *e)
{
    const struct expr *x = d->value;
    if (x->type != VALUE_TEXT && x->type != VALUE_INT && x->type != VALUE_BOOL)
        return err_set(e, ERR_INPUT, "view %s groups by %s, which is no text, integer or boolean",
                       p->name, d->name);
    return expr_check(x, p->relation, e);
}

static int check_condition(const struct plan *p, const struct expr *x, struct err *e)
{
    if (x == NULL)
        return 0;
    if (x->type != VALUE_BOOL)
        return err_set(e, ERR_INPUT, "view %s: a condition is needed where a value stands",
                       p->name);
    return expr_check(x, p->relation, e);
}

static bool can_be_measured(const struct plan_measure *m)
{
    if (m->value == NULL || m->kind == AGGREGATE_COUNT)
        return m->kind == AGGREGATE_COUNT;
    bool is_number = m->value->type == VALUE_INT || m->value->type == VALUE_NUMBER;
    if (m->kind == AGGREGATE_COUNT_DISTINCT)
        return m->value->type != VALUE_JSON && m->value->type != VALUE_NUMBER;
    return is_number && m->scale == m->value->scale;
}

static int check_measure(const struct plan *p, const struct plan_measure *m, struct err *e)
{
    if (p->relation == &RELATION_SESSIONS && !plan_can_take_back(m->kind))
        return err_set(
            e, ERR_INPUT,
            "view %s: %s is not kept of sessions, as they change; count, sum and avg are", p->name,
            m->name);
    if (!can_be_measured(m))
        return err_set(e, ERR_INPUT, "view %s: the values of %s are of a type that it is not for",
                       p->name, m->name);
    if (m->value != NULL && expr_check(m->value, p->relation, e) != 0)
        return -1;
    return check_condition(p, m->filter, e);
}

static int check_words(const struct plan *p, struct err *e)
{
    unsigned words = 0;
    for (unsigned i = 0; i < p->n_measures; i++) {
        if (p->measures[i].at != words)
            return err_set(e, ERR_INPUT, "view %s: measure %s is out of its place", p->name,
                           p->measures[i].name);
        words += aggregate_words(p->measures[i].kind);
    }
    return words == p->n_words ? 0
                               : err_set(e, ERR_INPUT, "view %s has %u words of measures, not %u",
                                         p->name, words, p->n_words);
}

int plan_check(const struct plan *p, struct err *e)
{
    if (check_tiers(p, e) != 0)
        return -1;
    if (p->n_dimensions > PLAN_MAX_DIMENSIONS || p->n_measures > PLAN_MAX_MEASURES)
        return err_set(e, ERR_INPUT,
                       "view %s has %u dimensions and %u measures; at most %d and %d are possible",
                       p->name, p->n_dimensions, p->n_measures, PLAN_MAX_DIMENSIONS,
                       PLAN_MAX_MEASURES);
    for (unsigned i = 0; i < p->n_dimensions; i++)
        if (check_dimension(p, &p->dimensions[i], e) != 0)
            return -1;
    for (unsigned i = 0; i < p->n_measures; i++)
        if (check_measure(p, &p->measures[i], e) != 0)
            return -1;
    if (check_words(p, e) != 0)
        return -1;
    return check_condition(p, p->filter, e);
}
