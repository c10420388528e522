/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/import_source.h"

#include <openssl/sha.h>
#include <stdio.h>

/* Ends of the records within the identity, ascending: what a shorter text may have been. */
struct ends {
    size_t at[IMPORT_IDENTITY_BYTES];
    size_t n;
    size_t identity; /* bytes that name the text now */
};

static void find_ends(struct ends *ends, struct span head, enum record_kind kind)
{
    size_t at = 0;
    struct record_cut cut;
    ends->n = 0;
    while (at < IMPORT_IDENTITY_BYTES &&
           record_cut(kind, (struct span){head.p + at, head.n - at}, &cut)) {
        at += cut.next;
        if (at < IMPORT_IDENTITY_BYTES)
            ends->at[ends->n++] = at;
    }
    /* A first record beyond all bounds is read over, but its beginning names the text. */
    bool whole = at >= IMPORT_IDENTITY_BYTES || head.n == IMPORT_HEAD_BYTES;
    ends->identity = whole ? IMPORT_IDENTITY_BYTES : at;
}

static void put_name(char name[IMPORT_NAME_BYTES], const char *site, struct span text)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    struct buf b = {0};
    buf_put(&b, site == NULL ? "" : site, site == NULL ? 1 : strlen(site) + 1);
    buf_put_span(&b, text);
    SHA256(b.p, b.n, digest);
    buf_clear(&b);
    int n = snprintf(name, IMPORT_NAME_BYTES, "import:");
    for (size_t i = 0; i < sizeof(digest); i++)
        n += snprintf(name + n, IMPORT_NAME_BYTES - (size_t)n, "%02x", digest[i]);
}

/* The position of the text's first `bytes` bytes, if they were imported as a whole text. */
static int look_up(const struct import_options *o, struct span head, size_t bytes, bool *found,
                   struct err *e)
{
    char name[IMPORT_NAME_BYTES];
    int64_t position;
    put_name(name, o->site, (struct span){head.p, bytes});
    if (o->service->position(o->service->context, name, &position, e) != 0)
        return -1;
    *found = position == (int64_t)bytes;
    return 0;
}

/* Stores the position under the new name. Whoever was faster has stored the same or more. */
static int take_over(struct import_source *s, size_t bytes, const struct import_options *o,
                     struct err *e)
{
    struct import_post post = {.source = s->name, .end = (int64_t)bytes, .body = SPAN_LITERAL("")};
    struct buf ignored = {0};
    int status;
    int failed = o->service->post(o->service->context, &post, &status, &ignored, e);
    buf_clear(&ignored);
    return failed != 0 ? -1 : o->service->position(o->service->context, s->name, &s->position, e);
}

int import_source_find(struct import_source *out, struct span head, enum record_kind kind,
                       const struct import_options *o, struct err *e)
{
    struct ends ends;
    *out = (struct import_source){0};
    find_ends(&ends, head, kind);
    if (ends.identity == 0)
        return 0;
    put_name(out->name, o->site, (struct span){head.p, ends.identity});
    if (o->service->position(o->service->context, out->name, &out->position, e) != 0)
        return -1;
    bool found = out->position > 0;
    for (size_t i = ends.n; i-- > 0 && !found;) {
        if (ends.at[i] == ends.identity)
            continue;
        if (look_up(o, head, ends.at[i], &found, e) != 0)
            return -1;
        if (found)
            return take_over(out, ends.at[i], o, e);
    }
    return 0;
}
